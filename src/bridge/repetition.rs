//! Detects repetition within a group.
//!
//! A line *echoes* an earlier one from another endpoint if it contains its words, whatever precedes or
//! follows. Its words are then not the author's own: they belong to the author who wrote them first, who repeats
//! nobody by writing them again. A line *says the same again* if it is a reply with the words that its author
//! used before. Bots whose words differ each time cannot be distinguished from people, since no person's
//! words may be lost.

use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{EndpointId, Message};

/// How many lines of each group are remembered, and for how long.
const MAX_LINES: usize = 64;
const LINE_TIMEOUT: SignedDuration = SignedDuration::from_secs(120);

/// A later line is no reply.
const REPLY_WINDOW: SignedDuration = SignedDuration::from_secs(30);

/// The same for a short line that people write all the time, such as "ok".
const SHORT_REPLY_WINDOW: SignedDuration = SignedDuration::from_secs(4);

/// Maximum number of letters of such a line.
const MAX_LEN_SHORT: usize = 3;

/// Minimum number of letters to be found anywhere in a line; shorter ones only as whole words.
const MIN_LEN_SUBSTRING: usize = 4;

/// How many letters are searched for, and in how many of a line.
const MAX_LEN_NEEDLE: usize = 200;
const MAX_LEN_HAYSTACK: usize = 400;

/// This many letters beyond three times the echoed text are more than a name added to it.
const MAX_LEN_ADDED_NAME: usize = 6;

/// After how many repeated turns an author is muted.
const MAX_REPEATED_TURNS: u32 = 4;

/// How many of them must follow a line whose author had seen the previous one.
const MIN_ROUNDS: u32 = 2;

/// An author in an endpoint, by a digest of their identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct AuthorKey {
    pub(super) endpoint: EndpointId,
    name_hash: u64,
}

/// A line, reduced to what matters here.
#[derive(Debug, Clone)]
pub(super) struct RecentLine {
    pub(super) author: AuthorKey,
    pub(super) name: Arc<str>,
    at: Timestamp,
    /// Its words in lower case, with a space around each.
    words: String,
    /// A digest of the words.
    pub(super) digest: u64,
    number: u64,
    /// Who wrote its words first.
    first_author: AuthorKey,
    /// It adds more to the echoed words than a name.
    adds_own_words: bool,
    repetition: RepetitionRun,
}

/// How long an author has only repeated others or themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct RepetitionRun {
    /// Turns that echo others, and how many of them follow a line that can be a reply to the previous one.
    echoes: u32,
    rounds: u32,
    /// The last line echoed.
    last_echoed: Option<u64>,
    /// Turns with the same text.
    same_turns: u32,
}

/// The recent lines of a group.
#[derive(Debug, Default)]
pub(super) struct RecentLines {
    lines: VecDeque<RecentLine>,
    next_number: u64,
}

impl RecentLine {
    /// Whether its words are neither an echo nor the same again.
    pub(super) fn is_own(&self) -> bool {
        (self.first_author == self.author || self.adds_own_words) && self.repetition.same_turns <= 1
    }
}

impl RecentLines {
    /// Analyses `message`, sent at `now`, without remembering it.
    pub(super) fn analyze(&mut self, message: &Message, now: Timestamp) -> RecentLine {
        let lines = &mut self.lines;
        while lines.front().is_some_and(|it| now.duration_since(it.at) > LINE_TIMEOUT) {
            lines.pop_front();
        }
        let who = author_key(message);
        let (text, shape) = normalize(&message.body);
        let name = message.author.name.as_str().into();
        let run = RepetitionRun::default();
        let (number, origin, adds) = (self.next_number, who, false);
        let mut line = RecentLine {
            author: who,
            name,
            at: now,
            words: text,
            digest: shape,
            number,
            first_author: origin,
            adds_own_words: adds,
            repetition: run,
        };
        let before = self.lines.iter().rev().find(|it| it.author == who);
        let others = self.lines.iter().rev().filter(|it| it.author.endpoint != who.endpoint);
        let mut others = others.filter(|it| it.first_author != who);
        if let Some(source) = others.find(|it| contains_words(&line.words, &it.words)) {
            line.first_author = source.first_author;
            line.adds_own_words =
                letter_count(&line.words) >= 3 * letter_count(&source.words) + MAX_LEN_ADDED_NAME;
        }
        line.repetition = RepetitionRun {
            same_turns: self.same_run(&line, before),
            ..self.echo_run(&line, before)
        };
        line
    }

    /// Remembers a line that was mirrored.
    pub(super) fn push(&mut self, line: RecentLine) {
        if self.lines.len() >= MAX_LINES {
            self.lines.pop_front();
        }
        self.next_number += 1;
        self.lines.push_back(line);
    }

    /// The other author of the loop, if the author of `line` only repeats.
    pub(super) fn loop_partner(&self, line: &RecentLine) -> Option<&RecentLine> {
        let RepetitionRun { echoes, rounds, last_echoed: echoed, same_turns: same } =
            line.repetition;
        if echoes >= MAX_REPEATED_TURNS && rounds >= MIN_ROUNDS {
            return self.lines.iter().find(|it| Some(it.number) == echoed);
        }
        if same >= MAX_REPEATED_TURNS { self.same_run_partner(line) } else { None }
    }

    /// The lines that `line` may reply to: recent ones of others elsewhere, with words that its author had
    /// not used before them.
    fn answerable_by<'l>(
        &'l self,
        line: &RecentLine,
    ) -> impl DoubleEndedIterator<Item = &'l RecentLine> + use<'l> {
        let patience = if letter_count(&line.words) <= MAX_LEN_SHORT {
            SHORT_REPLY_WINDOW
        } else {
            REPLY_WINDOW
        };
        let (who, now) = (line.author, line.at);
        let is_recent = move |it: &&RecentLine| now.duration_since(it.at) <= patience;
        let elsewhere = self.lines.iter().filter(move |it| it.author.endpoint != who.endpoint);
        elsewhere.filter(is_recent).filter(move |it| it.first_author != who)
    }

    /// How long the author of `line` has echoed others.
    fn echo_run(&self, line: &RecentLine, before: Option<&RecentLine>) -> RepetitionRun {
        let holds = |it: &&RecentLine| contains_words(&line.words, &it.words);
        if let Some(before) = before
            && let Some(last) = before.repetition.last_echoed
            && let Some(next) =
                self.answerable_by(line).filter(holds).find(|it| self.follows(it, last))
        {
            let RepetitionRun { echoes, rounds, .. } = before.repetition;
            let rounds = rounds + u32::from(next.number > before.number);
            return RepetitionRun {
                echoes: echoes + 1,
                rounds,
                last_echoed: Some(next.number),
                same_turns: 0,
            };
        }
        match self.answerable_by(line).rev().find(holds) {
            Some(echoed) => RepetitionRun {
                echoes: 1,
                rounds: 1,
                last_echoed: Some(echoed.number),
                same_turns: 0,
            },
            None => RepetitionRun::default(),
        }
    }

    /// Whether `line` is the first after the line numbered `last`, or its author's first: an echo bot skips
    /// nothing.
    fn follows(&self, line: &RecentLine, last: u64) -> bool {
        let between = |it: &&RecentLine| it.number > last && it.number < line.number;
        let same_speaker =
            self.lines.iter().any(|it| it.number == last && it.author == line.author);
        let skipped = self.lines.iter().filter(between).any(|it| it.author == line.author);
        line.number > last && !(same_speaker && skipped)
    }

    /// How often in a row the author of `line` has sent the same.
    fn same_run(&self, line: &RecentLine, before: Option<&RecentLine>) -> u32 {
        let Some(before) = before.filter(|it| it.digest == line.digest) else { return 1 };
        let answers = self.answerable_by(line).any(|it| it.number > before.number);
        if answers { before.repetition.same_turns + 1 } else { before.repetition.same_turns.max(1) }
    }

    /// The line that `line` answers with the same again, by somebody who does likewise and started earlier.
    fn same_run_partner(&self, line: &RecentLine) -> Option<&RecentLine> {
        let first = |who: AuthorKey| self.lines.iter().position(|it| it.author == who);
        let likewise = |it: &&RecentLine| it.repetition.same_turns + 1 >= MAX_REPEATED_TURNS;
        let was_first = |it: &&RecentLine| first(it.author) < first(line.author);
        self.answerable_by(line).rev().filter(likewise).find(was_first)
    }
}

pub(super) fn author_key(message: &Message) -> AuthorKey {
    let mut name = DefaultHasher::new();
    let author = &message.author;
    author.account.as_ref().unwrap_or(&author.name).hash(&mut name);
    AuthorKey { endpoint: message.source, name_hash: name.finish() }
}

/// The words of a line, and their digest. Numbers are words, since people count as well.
fn normalize(body: &str) -> (String, u64) {
    let mut text = String::from(" ");
    let mut shape = DefaultHasher::new();
    for c in body.chars().flat_map(char::to_lowercase) {
        if !c.is_alphanumeric() {
            if !text.ends_with(' ') {
                text.push(' ');
            }
        } else if text.len() < MAX_LEN_HAYSTACK {
            text.push(c);
        }
        if c.is_alphanumeric() {
            c.hash(&mut shape);
        }
    }
    if text.trim().is_empty() {
        // No letters at all: use the symbols.
        text = body.split_whitespace().flat_map(str::chars).take(MAX_LEN_HAYSTACK).collect();
        text.hash(&mut shape);
    }
    if !text.ends_with(' ') {
        text.push(' ');
    }
    (text, shape.finish())
}

fn letter_count(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// Whether `text` contains the words of `other`.
fn contains_words(text: &str, other: &str) -> bool {
    let sought = match other.char_indices().nth(MAX_LEN_NEEDLE) {
        Some((end, _)) => &other[..end],
        None => other,
    };
    if letter_count(sought) < MIN_LEN_SUBSTRING {
        text.contains(sought)
    } else {
        text.contains(sought.trim())
    }
}
