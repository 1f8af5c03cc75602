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
const REMEMBERED: usize = 64;
const FORGOTTEN: SignedDuration = SignedDuration::from_secs(120);

/// A line that comes later than this answers nothing.
const ANSWER: SignedDuration = SignedDuration::from_secs(30);

/// The same of a line of a word that people say all day: "ok".
const SHORT_ANSWER: SignedDuration = SignedDuration::from_secs(4);

/// How many letters such a line has at most.
const SHORT: usize = 3;

/// How many letters are looked for anywhere in a line; fewer only as whole words.
const DISTINCT: usize = 4;

/// How many letters of a line are looked for in another, and how many of that one are looked through.
const SOUGHT: usize = 200;
const SEARCHED: usize = 400;

/// How many letters, beyond three times as many, are more than a name before another's words.
const MORE: usize = 6;

/// The turn in which somebody who only repeats is not listened to any more.
const TURNS: u32 = 4;

/// How many of them follow the line of somebody who had heard the one before.
const ROUNDS: u32 = 2;

/// Somebody in a place, by a digest of what they are known by there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Speaker {
    pub(super) place: EndpointId,
    name: u64,
}

/// A line, as far as it matters here.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) who: Speaker,
    pub(super) name: Arc<str>,
    at: Timestamp,
    /// Its words, in small letters, with one blank around each.
    text: String,
    /// A digest of them.
    pub(super) shape: u64,
    number: u64,
    /// Who said its words first.
    origin: Speaker,
    /// It says more than words of another that it holds.
    adds: bool,
    run: Run,
}

/// How long somebody has repeated others, or themselves, without a word of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Run {
    /// Turns that echo others, and how many of those follow a line that could answer the one before.
    echoes: u32,
    rounds: u32,
    /// The line that was echoed last.
    echoed: Option<u64>,
    /// Turns that say the same.
    same: u32,
}

/// The last lines of a conversation.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: VecDeque<Line>,
    next: u64,
}

impl Line {
    /// Whether its words are neither another's nor the same as before.
    pub(super) fn is_own(&self) -> bool {
        (self.origin == self.who || self.adds) && self.run.same <= 1
    }
}

impl Lines {
    /// Reads `message`, said at `now`, without remembering it.
    pub(super) fn read(&mut self, message: &Message, now: Timestamp) -> Line {
        let lines = &mut self.lines;
        while lines.front().is_some_and(|it| now.duration_since(it.at) > FORGOTTEN) {
            lines.pop_front();
        }
        let who = speaker(message);
        let (text, shape) = words(&message.body);
        let name = message.author.name.as_str().into();
        let run = Run::default();
        let (number, origin, adds) = (self.next, who, false);
        let mut line = Line { who, name, at: now, text, shape, number, origin, adds, run };
        let before = self.lines.iter().rev().find(|it| it.who == who);
        let others = self.lines.iter().rev().filter(|it| it.who.place != who.place);
        let mut others = others.filter(|it| it.origin != who);
        if let Some(source) = others.find(|it| holds(&line.text, &it.text)) {
            line.origin = source.origin;
            line.adds = letters(&line.text) >= 3 * letters(&source.text) + MORE;
        }
        line.run = Run { same: self.same_again(&line, before), ..self.echoes(&line, before) };
        line
    }

    /// Remembers a line that was passed on.
    pub(super) fn remember(&mut self, line: Line) {
        if self.lines.len() >= REMEMBERED {
            self.lines.pop_front();
        }
        self.next += 1;
        self.lines.push_back(line);
    }

    /// Who keeps `line` coming, if its speaker only repeats.
    pub(super) fn repeated(&self, line: &Line) -> Option<&Line> {
        let Run { echoes, rounds, echoed, same } = line.run;
        if echoes >= TURNS && rounds >= ROUNDS {
            return self.lines.iter().find(|it| Some(it.number) == echoed);
        }
        if same >= TURNS { self.answered_again(line) } else { None }
    }

    /// The lines that `line` may answer: those that others have just said elsewhere, in words that its
    /// speaker had not said before them.
    fn heard<'l>(&'l self, line: &Line) -> impl DoubleEndedIterator<Item = &'l Line> + use<'l> {
        let patience = if letters(&line.text) <= SHORT { SHORT_ANSWER } else { ANSWER };
        let (who, now) = (line.who, line.at);
        let lately = move |it: &&Line| now.duration_since(it.at) <= patience;
        let elsewhere = self.lines.iter().filter(move |it| it.who.place != who.place);
        elsewhere.filter(lately).filter(move |it| it.origin != who)
    }

    /// How long the speaker of `line` has echoed others.
    fn echoes(&self, line: &Line, before: Option<&Line>) -> Run {
        let holds = |it: &&Line| holds(&line.text, &it.text);
        if let Some(before) = before
            && let Some(last) = before.run.echoed
            && let Some(next) = self.heard(line).filter(holds).find(|it| self.follows(it, last))
        {
            let Run { echoes, rounds, .. } = before.run;
            let rounds = rounds + u32::from(next.number > before.number);
            return Run { echoes: echoes + 1, rounds, echoed: Some(next.number), same: 0 };
        }
        match self.heard(line).rev().find(holds) {
            Some(echoed) => Run { echoes: 1, rounds: 1, echoed: Some(echoed.number), same: 0 },
            None => Run::default(),
        }
    }

    /// Whether `line` is the first, or the first of its speaker, behind the one with the number `last`:
    /// who repeats everything leaves out nothing.
    fn follows(&self, line: &Line, last: u64) -> bool {
        let between = |it: &&Line| it.number > last && it.number < line.number;
        let same_speaker = self.lines.iter().any(|it| it.number == last && it.who == line.who);
        let skipped = self.lines.iter().filter(between).any(|it| it.who == line.who);
        line.number > last && !(same_speaker && skipped)
    }

    /// How often the speaker of `line` has said the same in a row.
    fn same_again(&self, line: &Line, before: Option<&Line>) -> u32 {
        let Some(before) = before.filter(|it| it.shape == line.shape) else { return 1 };
        let answers = self.heard(line).any(|it| it.number > before.number);
        if answers { before.run.same + 1 } else { before.run.same.max(1) }
    }

    /// The line that `line` says the same to again, of somebody who does likewise and was there first.
    fn answered_again(&self, line: &Line) -> Option<&Line> {
        let first = |who: Speaker| self.lines.iter().position(|it| it.who == who);
        let likewise = |it: &&Line| it.run.same + 1 >= TURNS;
        let was_first = |it: &&Line| first(it.who) < first(line.who);
        self.heard(line).rev().filter(likewise).find(was_first)
    }
}

pub(super) fn speaker(message: &Message) -> Speaker {
    let mut name = DefaultHasher::new();
    let author = &message.author;
    author.account.as_ref().unwrap_or(&author.name).hash(&mut name);
    Speaker { place: message.source, name: name.finish() }
}

/// The words of a line, and a digest of them. Numbers are words: people count, too.
fn words(body: &str) -> (String, u64) {
    let mut text = String::from(" ");
    let mut shape = DefaultHasher::new();
    for c in body.chars().flat_map(char::to_lowercase) {
        if !c.is_alphanumeric() {
            if !text.ends_with(' ') {
                text.push(' ');
            }
        } else if text.len() < SEARCHED {
            text.push(c);
        }
        if c.is_alphanumeric() {
            c.hash(&mut shape);
        }
    }
    if text.trim().is_empty() {
        // Nothing but signs: they are the words.
        text = body.split_whitespace().flat_map(str::chars).take(SEARCHED).collect();
        text.hash(&mut shape);
    }
    if !text.ends_with(' ') {
        text.push(' ');
    }
    (text, shape.finish())
}

fn letters(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// Whether `text` holds the words of `other`.
fn holds(text: &str, other: &str) -> bool {
    let sought = match other.char_indices().nth(SOUGHT) {
        Some((end, _)) => &other[..end],
        None => other,
    };
    if letters(sought) < DISTINCT { text.contains(sought) } else { text.contains(sought.trim()) }
}
