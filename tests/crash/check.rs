//! What arrived in one place, held against what was said in another.

use std::collections::HashMap;

/// How many neighbours of a mistake are told, on either side.
const AROUND: usize = 3;

/// Something that was said, once or several times in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    /// Its lines, as they are to arrive. No other message has any of these lines.
    pub(crate) lines: Vec<String>,
    /// How often it was said.
    pub(crate) said: usize,
    /// How often it must arrive at least.
    pub(crate) least: usize,
}

/// A line that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) text: String,
    /// The bridge says of it that it may have been said before.
    pub(crate) again: bool,
}

impl Arrival {
    /// Reads a line of the bridge in a channel: without the time of what is late, the author if it is
    /// one of `names`, and the mark of what may have been said before.
    pub(crate) fn on_irc(line: &str, names: &[&str]) -> Self {
        let text = without_head(line, names);
        let marked = text.strip_prefix("(resent) ");
        Self { text: marked.unwrap_or(text).to_owned(), again: marked.is_some() }
    }

    /// Reads a post of the bridge in the same way. None is ever marked.
    pub(crate) fn in_letschat(post: &str, names: &[&str]) -> Self {
        Self { text: without_head(post, names).to_owned(), again: false }
    }
}

fn without_head<'a>(text: &'a str, names: &[&str]) -> &'a str {
    let text = match text.split_once("Z] ") {
        Some((time, rest)) if time.starts_with('[') => rest,
        _ => text,
    };
    let told = text.strip_prefix('<').and_then(|rest| rest.split_once("> "));
    told.filter(|(by, _)| names.contains(by)).map_or(text, |(_, text)| text)
}

/// Whether a message may arrive more often than it was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeats {
    Never,
    /// Right behind itself, and marked.
    Marked,
}

/// What became of the messages of one road.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// How many messages arrived, those repeated counted once.
    pub(crate) arrived: usize,
    /// How many times a message, or a part of one, arrived again.
    pub(crate) repeats: usize,
    /// What is wrong, in words.
    pub(crate) complaints: Vec<String>,
}

/// Compares `arrived`, line by line, with what was `expected`, in order.
pub(crate) fn judge(expected: &[Expected], arrived: &[Arrival], repeats: Repeats) -> Outcome {
    let mut index = HashMap::new();
    for (at, message) in expected.iter().enumerate() {
        for (line, text) in message.lines.iter().enumerate() {
            assert!(index.insert(text.as_str(), (at, line)).is_none(), "said twice: {text}");
        }
    }
    let mut walk = Walk { expected, arrived, repeats, at: None, outcome: Outcome::default() };
    for (position, arrival) in arrived.iter().enumerate() {
        match index.get(arrival.text.as_str()) {
            Some(&(message, line)) => walk.step(position, message, line),
            None => walk.complain("was never said", position, None),
        }
    }
    walk.finish()
}

struct Walk<'a> {
    expected: &'a [Expected],
    arrived: &'a [Arrival],
    repeats: Repeats,
    at: Option<At>,
    outcome: Outcome,
}

/// Where the walk stands.
#[derive(Clone, Copy)]
struct At {
    message: usize,
    /// The line of it that comes next; all of them, where it is complete.
    next: usize,
    /// How often it has come as if for the first time.
    first: usize,
    /// How often it has come completely, in whatever way.
    complete: usize,
    /// How often it, or a part of it, was marked as said again.
    again: usize,
}

impl Walk<'_> {
    fn step(&mut self, position: usize, message: usize, line: usize) {
        if self.at.is_some_and(|at| message < at.message) {
            return self.complain("comes too late, or again", position, Some(message));
        }
        let mut at = match self.at.filter(|at| at.message == message) {
            Some(at) => at,
            None => {
                self.leave(position, message);
                At { message, next: 0, first: 0, complete: 0, again: 0 }
            }
        };
        let lines = self.expected[message].lines.len();
        if self.arrived[position].again {
            if self.repeats == Repeats::Never {
                self.complain("is marked as said again", position, Some(message));
            }
            // It goes on with the line that is in doubt, or begins anew.
            if line > at.next {
                self.complain("is not the next line of its message", position, Some(message));
            }
            at.again += 1;
        } else if line == 0 {
            if at.next != 0 && at.next != lines {
                self.complain("was cut short", position, Some(message));
            }
            at.first += 1;
        } else if line != at.next {
            self.complain("is not the next line of its message", position, Some(message));
        }
        at.next = line + 1;
        at.complete += usize::from(at.next == lines);
        self.at = Some(at);
    }

    /// Goes on to `message`: what was before it is over.
    fn leave(&mut self, position: usize, message: usize) {
        let from = self.close(position);
        for skipped in from..message {
            if self.expected[skipped].least > 0 {
                self.complain("is missing", position, Some(skipped));
            }
        }
    }

    /// Counts how often the message came that the walk stands at. Gives the next one.
    fn close(&mut self, position: usize) -> usize {
        let Some(at) = self.at.take() else { return 0 };
        let Expected { said, least, .. } = self.expected[at.message];
        self.outcome.arrived += at.complete.min(said);
        self.outcome.repeats += (at.first + at.again).saturating_sub(said);
        if at.complete < least {
            self.complain("came too seldom", position, Some(at.message));
        }
        if at.first > said {
            self.complain("came too often", position, Some(at.message));
        }
        at.message + 1
    }

    fn finish(mut self) -> Outcome {
        self.leave(self.arrived.len(), self.expected.len());
        self.outcome
    }

    fn complain(&mut self, what: &str, position: usize, message: Option<usize>) {
        let near = |at: usize, all: usize| at.saturating_sub(AROUND)..all.min(at + AROUND + 1);
        let arrived: Vec<String> = self.arrived[near(position, self.arrived.len())]
            .iter()
            .map(|near| format!("{}{}", if near.again { "(resent) " } else { "" }, near.text))
            .collect();
        let subject = match message {
            Some(at) => &self.expected[at].lines[0],
            None => &self.arrived[position].text,
        };
        let said = message.map_or(&[][..], |at| &self.expected[near(at, self.expected.len())]);
        let said: Vec<String> = said
            .iter()
            .map(|near| format!("{} ×{} (≥{})", near.lines[0], near.said, near.least))
            .collect();
        self.outcome.complaints.push(format!(
            "{subject:?} {what}\n    arrived around {position}: {arrived:#?}\n    said: {said:#?}"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(words: &str) -> Vec<Expected> {
        let mut all: Vec<Expected> = Vec::new();
        for word in words.split(' ') {
            let least = usize::from(!word.ends_with('?'));
            let lines: Vec<String> =
                word.trim_end_matches('?').split('/').map(str::to_owned).collect();
            match all.last_mut() {
                Some(last) if last.lines == lines => {
                    last.said += 1;
                    last.least += least;
                }
                _ => all.push(Expected { lines, said: 1, least }),
            }
        }
        all
    }

    /// `a/b` is a message of two lines; `c?` need not arrive; `+d` arrives marked.
    #[track_caller]
    fn check(words: &str, arrived: &str, repeats: Repeats, verdict: &[&str]) -> Outcome {
        let arrival = |word: &str| Arrival {
            text: word.trim_start_matches('+').to_owned(),
            again: word.starts_with('+'),
        };
        let arrived: Vec<Arrival> = arrived.split_whitespace().map(arrival).collect();
        let outcome = judge(&said(words), &arrived, repeats);
        let told = |it: &String| it.lines().next().unwrap_or_default().to_owned();
        assert_eq!(outcome.complaints.iter().map(told).collect::<Vec<_>>(), verdict, "{arrived:?}");
        outcome
    }

    #[test]
    fn once_and_in_order_is_right() {
        for repeats in [Repeats::Never, Repeats::Marked] {
            let outcome = check("a ok ok b/c d", "a ok ok b c d", repeats, &[]);
            assert_eq!((outcome.arrived, outcome.repeats), (5, 0));
        }
    }

    #[test]
    fn missing_message_is_reported() {
        check("a b c", "a c", Repeats::Marked, &["\"b\" is missing"]);
        check("a b", "a", Repeats::Marked, &["\"b\" is missing"]);
        check("a b", "", Repeats::Never, &["\"a\" is missing", "\"b\" is missing"]);
        check("a ok ok ok b", "a ok ok b", Repeats::Marked, &["\"ok\" came too seldom"]);
        check("a/b c", "a c", Repeats::Marked, &["\"a\" came too seldom"]);
        check("a b? ok ok? c", "a ok c", Repeats::Never, &[]);
    }

    #[test]
    fn duplicate_message_is_reported_or_counted() {
        check("a b", "a a b", Repeats::Never, &["\"a\" came too often"]);
        check("a b", "a a b", Repeats::Marked, &["\"a\" came too often"]);
        check("a ok ok", "a ok ok ok", Repeats::Never, &["\"ok\" came too often"]);
        check("a b", "+a b", Repeats::Never, &["\"a\" is marked as said again"]);
        check("a b", "a b +a", Repeats::Marked, &["\"a\" comes too late, or again"]);
        for (words, arrived, repeats) in [
            ("a b", "a +a b", 1),
            ("a b", "a +a +a b +b", 3),
            ("a b", "+a b", 0),
            ("ok ok ok", "ok +ok ok", 0),
            ("ok ok ok", "ok +ok ok ok", 1),
            ("a/b/c d", "a b +a b c d", 1),
            ("a/b/c d", "a b +b c d", 1),
            ("a/b/c d", "a b +c d", 1),
            ("a/b/c d", "a b c +c d", 1),
            ("a/b/c d", "+a b c d", 0),
        ] {
            assert_eq!(check(words, arrived, Repeats::Marked, &[]).repeats, repeats, "{arrived}");
        }
    }

    #[test]
    fn order_holds() {
        let late = ["\"b\" is missing", "\"b\" comes too late, or again"];
        check("a b c", "a c b", Repeats::Marked, &late);
        check("a/b", "b a", Repeats::Marked, &["\"a\" is not the next line of its message"]);
        check("a/b/c", "a +c", Repeats::Marked, &["\"a\" is not the next line of its message"]);
        check("a/b ok", "a ok", Repeats::Marked, &["\"a\" came too seldom"]);
        check("a/b", "a a b", Repeats::Marked, &["\"a\" was cut short", "\"a\" came too often"]);
    }

    #[test]
    fn foreign_message_is_reported() {
        check("a", "a z", Repeats::Marked, &["\"z\" was never said"]);
    }
}
