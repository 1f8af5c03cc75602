//! Who repeats whom, within one conversation.
//!
//! A line *echoes* an earlier one from another side when it holds its words, whatever stands before or
//! behind them. Its words are then not the speaker's own: they belong to whoever said them first, so who
//! is echoed repeats nobody by saying the same again. A line says the *same again* when it has the words
//! that its speaker said before, and it comes as an answer. Programs whose words differ each time are not
//! told from people: a person's words must never be lost.

use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{EndpointId, Message};

/// How many lines of each conversation are remembered, and for how long.
const MAX_LINES: usize = 64;
const LINE_TIMEOUT: SignedDuration = SignedDuration::from_secs(120);

/// A line that comes later than this answers nothing.
const REPLY_WINDOW: SignedDuration = SignedDuration::from_secs(30);

/// The same of a line of a word that people say all day: "ok".
const SHORT_REPLY_WINDOW: SignedDuration = SignedDuration::from_secs(4);

/// How many letters such a line has at most.
const MAX_LEN_SHORT: usize = 3;

/// How many letters are looked for anywhere in a line; fewer only as whole words.
const MIN_LEN_SUBSTRING: usize = 4;

/// How many letters of a line are looked for in another, and how many of that one are looked through.
const MAX_LEN_NEEDLE: usize = 200;
const MAX_LEN_HAYSTACK: usize = 400;

/// How many letters, beyond three times as many, are more than a name before another's words.
const MAX_LEN_ADDED_NAME: usize = 6;

/// The turn in which somebody who only repeats is not listened to any more.
const MAX_REPEATED_TURNS: u32 = 4;

/// How many of them follow the line of somebody who had heard the one before.
const MIN_ROUNDS: u32 = 2;

/// Somebody in a place, by a digest of what they are known by there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct AuthorKey {
    pub(super) endpoint: EndpointId,
    name_hash: u64,
}

/// A line, as far as it matters here.
#[derive(Debug, Clone)]
pub(super) struct RecentLine {
    pub(super) author: AuthorKey,
    pub(super) name: Arc<str>,
    at: Timestamp,
    /// Its words, in small letters, with one blank around each.
    words: String,
    /// A digest of them.
    pub(super) digest: u64,
    number: u64,
    /// Who said its words first.
    first_author: AuthorKey,
    /// It says more than words of another that it holds.
    adds_own_words: bool,
    repetition: RepetitionRun,
}

/// How long somebody has repeated others, or themselves, without a word of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct RepetitionRun {
    /// Turns that echo others, and how many of those follow a line that could answer the one before.
    echoes: u32,
    rounds: u32,
    /// The line that was echoed last.
    last_echoed: Option<u64>,
    /// Turns that say the same.
    same_turns: u32,
}

/// The last lines of a conversation.
#[derive(Debug, Default)]
pub(super) struct RecentLines {
    lines: VecDeque<RecentLine>,
    next_number: u64,
}

impl RecentLine {
    /// Whether its words are neither another's nor the same as before.
    pub(super) fn is_own(&self) -> bool {
        (self.first_author == self.author || self.adds_own_words) && self.repetition.same_turns <= 1
    }
}

impl RecentLines {
    /// Reads `message`, said at `now`, without remembering it.
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

    /// Remembers a line that was passed on.
    pub(super) fn push(&mut self, line: RecentLine) {
        if self.lines.len() >= MAX_LINES {
            self.lines.pop_front();
        }
        self.next_number += 1;
        self.lines.push_back(line);
    }

    /// Who keeps `line` coming, if its speaker only repeats.
    pub(super) fn loop_partner(&self, line: &RecentLine) -> Option<&RecentLine> {
        let RepetitionRun { echoes, rounds, last_echoed: echoed, same_turns: same } =
            line.repetition;
        if echoes >= MAX_REPEATED_TURNS && rounds >= MIN_ROUNDS {
            return self.lines.iter().find(|it| Some(it.number) == echoed);
        }
        if same >= MAX_REPEATED_TURNS { self.same_run_partner(line) } else { None }
    }

    /// The lines that `line` may answer: those that others have just said elsewhere, in words that its
    /// speaker had not said before them.
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
        let lately = move |it: &&RecentLine| now.duration_since(it.at) <= patience;
        let elsewhere = self.lines.iter().filter(move |it| it.author.endpoint != who.endpoint);
        elsewhere.filter(lately).filter(move |it| it.first_author != who)
    }

    /// How long the speaker of `line` has echoed others.
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

    /// Whether `line` is the first, or the first of its speaker, behind the one with the number `last`:
    /// who repeats everything leaves out nothing.
    fn follows(&self, line: &RecentLine, last: u64) -> bool {
        let between = |it: &&RecentLine| it.number > last && it.number < line.number;
        let same_speaker =
            self.lines.iter().any(|it| it.number == last && it.author == line.author);
        let skipped = self.lines.iter().filter(between).any(|it| it.author == line.author);
        line.number > last && !(same_speaker && skipped)
    }

    /// How often the speaker of `line` has said the same in a row.
    fn same_run(&self, line: &RecentLine, before: Option<&RecentLine>) -> u32 {
        let Some(before) = before.filter(|it| it.digest == line.digest) else { return 1 };
        let answers = self.answerable_by(line).any(|it| it.number > before.number);
        if answers { before.repetition.same_turns + 1 } else { before.repetition.same_turns.max(1) }
    }

    /// The line that `line` says the same to again, of somebody who does likewise and was there first.
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

/// The words of a line, and a digest of them. Numbers are words: people count, too.
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
        // Nothing but signs: they are the words.
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

/// Whether `text` holds the words of `other`.
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
