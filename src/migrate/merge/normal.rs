//! Entries as they are compared: in a form that is the same whichever client wrote them.

use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;

use super::richest::enrich;
use crate::domain::{LogEntry, LogEvent, LogPrecision, MessageKind};
use crate::migrate::times::TimedEntry;
use crate::translate::{Formatting, convert_formatting};

/// How many bytes of a text are compared. The writer of a long message has all of it, the others what the server let pass.
const COMPARED: usize = 350;

/// From how many bytes on a text is not said twice by chance.
const TELLING: usize = 16;

/// What stands for bytes that a client destroyed.
const DESTROYED: char = char::REPLACEMENT_CHARACTER;

/// An entry with what it is compared by.
#[derive(Debug)]
pub(super) struct KeyedEntry {
    pub(super) entry: LogEntry,
    /// Its time, in milliseconds since 1970.
    pub(super) time: i64,
    /// How much later it may have been, in milliseconds: in the hour that comes twice. Nothing if its time is sure.
    pub(super) later: Option<i64>,
    /// The same for entries of the same author and text.
    key: u64,
    /// The same also for those that may be the same, if one of them is vague.
    coarse: u64,
    /// Whether something is lost of it, or it could be something else.
    is_vague: bool,
    /// Whether it is a text so long that it is hardly said twice.
    pub(super) is_telling: bool,
    /// Whether it has become a part of an entry of the other source.
    pub(super) is_absorbed: bool,
}

impl KeyedEntry {
    pub(super) fn new(TimedEntry { entry, later }: TimedEntry) -> Self {
        let form = NormalForm::of(&entry.event);
        Self {
            time: entry.at.as_millisecond(),
            later: later.and_then(|later| i64::try_from(later.as_millis()).ok()),
            key: digest(&form.exact),
            coarse: digest(form.coarse.as_ref().unwrap_or(&form.exact)),
            is_vague: form.is_vague,
            is_telling: form.is_telling,
            is_absorbed: false,
            entry,
        }
    }

    /// What entries have in common that are surely the same.
    pub(super) fn key(&self) -> u64 {
        self.key
    }

    /// What entries have in common that may be the same.
    pub(super) fn coarse_key(&self) -> u64 {
        self.coarse
    }

    /// Whether author and text are the same, as far as both have them.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.key == other.key || (self.coarse == other.coarse && (self.is_vague || other.is_vague))
    }

    /// Adds what the same entry has in another source.
    pub(super) fn absorb(&mut self, other: Self) {
        if self.is_vague && !other.is_vague {
            (self.key, self.coarse, self.is_vague) = (other.key, other.coarse, false);
        }
        self.is_telling |= other.is_telling;
        self.later = self.later.and(other.later);
        enrich(&mut self.entry.event, other.entry.event);
    }

    /// Gives it another time, unless it has it.
    pub(super) fn move_to(&mut self, time: i64) {
        if self.time != time {
            self.time = time;
            self.entry.at = Timestamp::from_millisecond(time).unwrap_or(self.entry.at);
        }
    }

    /// Whether its seconds are known.
    pub(super) fn has_seconds(&self) -> bool {
        self.entry.precision == LogPrecision::Exact
    }

    /// How much earlier it may have been than its time says, in milliseconds, because that has no seconds.
    pub(super) fn may_be_earlier(&self) -> i64 {
        if self.entry.precision == LogPrecision::Guessed { 60_000 } else { 0 }
    }

    /// How much later it may have been: a time without seconds is the begin of its minute.
    pub(super) fn may_be_later(&self) -> i64 {
        if self.has_seconds() { 0 } else { 60_000 }
    }
}

fn digest(form: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    form.hash(&mut hasher);
    hasher.finish()
}

struct NormalForm {
    exact: String,
    /// If it differs.
    coarse: Option<String>,
    is_vague: bool,
    is_telling: bool,
}

impl NormalForm {
    fn of(event: &LogEvent) -> Self {
        match event {
            LogEvent::Message { by, kind, text } => Self::of_message(&by.nick, *kind, text),
            LogEvent::Topic { text, .. } => Self::of_text("topic ".to_owned(), text),
            LogEvent::Client(text) => Self::of_text("client ".to_owned(), text),
            LogEvent::Join(who) => Self::of_event(joined(&who.nick)),
            LogEvent::Part { who, .. } => Self::of_event(left(&who.nick)),
            LogEvent::Quit { who, .. } => Self::of_event(quit(&who.nick)),
            LogEvent::Kick { nick, .. } => Self::of_event(kicked(nick)),
            LogEvent::Nick { from, to } => Self::of_event(renamed(&from.nick, to)),
            LogEvent::Mode { change, .. } => {
                Self::of_event(format!("mode {}", change.split_whitespace().collect::<String>()))
            }
        }
    }

    fn of_event(exact: String) -> Self {
        Self { exact, coarse: None, is_vague: false, is_telling: false }
    }

    fn of_message(nick: &str, kind: MessageKind, text: &str) -> Self {
        let word = match kind {
            MessageKind::Text => "said",
            MessageKind::Action => "action",
            MessageKind::Notice => "notice",
        };
        let mut form = Self::of_text(format!("{word} {} ", plain_nick(nick)), text);
        if kind == MessageKind::Action
            && let Some(event) = imitated_event(nick, text)
        {
            form.coarse = Some(event);
            form.is_vague = true;
        }
        form
    }

    fn of_text(mut exact: String, text: &str) -> Self {
        let start = exact.len();
        for (at, word) in convert_formatting(text, Formatting::Strip).split_whitespace().enumerate()
        {
            if at > 0 {
                exact.push(' ');
            }
            exact.push_str(word);
        }
        let is_telling = exact.len() - start >= TELLING;
        let is_vague = exact[start..].contains(DESTROYED);
        let coarse = (!exact.is_ascii()).then(|| shortened(without_foreign(&exact), start));
        Self { exact: shortened(exact, start), coarse, is_vague, is_telling }
    }
}

/// Without what the server cuts off.
fn shortened(mut form: String, start: usize) -> String {
    form.truncate(form.floor_char_boundary(start + COMPARED));
    form
}

/// Characters other than ASCII, however many in a row, as one that is destroyed.
fn without_foreign(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            plain.push(c);
        } else if !plain.ends_with(DESTROYED) {
            plain.push(DESTROYED);
        }
    }
    plain
}

/// A nick without a sign of rank, in small letters.
fn plain_nick(nick: &str) -> String {
    nick.trim_start_matches([' ', '@', '+', '%', '~', '&', '!']).to_ascii_lowercase()
}

fn joined(nick: &str) -> String {
    format!("join {}", plain_nick(nick))
}

fn left(nick: &str) -> String {
    format!("part {}", plain_nick(nick))
}

fn quit(nick: &str) -> String {
    format!("quit {}", plain_nick(nick))
}

fn kicked(nick: &str) -> String {
    format!("kick {}", plain_nick(nick))
}

fn renamed(from: &str, to: &str) -> String {
    format!("nick {} {}", plain_nick(from), plain_nick(to))
}

/// The event that some clients write in the very words of this action, such as HexChat: `* bob has quit (bye)`.
fn imitated_event(nick: &str, text: &str) -> Option<String> {
    let behind = |words: &str| {
        text.strip_prefix(words).filter(|rest| rest.is_empty() || rest.starts_with([' ', ':']))
    };
    if behind("has joined").is_some() {
        Some(joined(nick))
    } else if behind("has left").is_some() {
        Some(left(nick))
    } else if behind("has quit").is_some() {
        Some(quit(nick))
    } else if let Some(to) = behind("is now known as") {
        Some(renamed(nick, to.trim()))
    } else {
        let kicked_nick = behind("has kicked")?.split_whitespace().next()?;
        Some(kicked(kicked_nick))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::domain::LogSpeaker;
    use MessageKind::{Action, Notice, Text};

    fn keyed(event: LogEvent) -> KeyedEntry {
        let at = Timestamp::UNIX_EPOCH;
        KeyedEntry::new(LogEntry { at, precision: LogPrecision::Exact, event }.into())
    }

    fn said(nick: &str, kind: MessageKind, text: &str) -> KeyedEntry {
        let by = LogSpeaker { nick: nick.into(), ..LogSpeaker::default() };
        keyed(LogEvent::Message { by, kind, text: text.into() })
    }

    #[test]
    fn messages_are_alike_whichever_client_wrote_them() {
        let long = "x".repeat(340);
        let cases = [
            (("ann", "hi"), ("@Ann", "hi"), true),
            (("ann", "hi"), ("bob", "hi"), false),
            (("ann", "hi"), ("ann", "ho"), false),
            (("ann", "\x02bold\x02 \x0304,01red\x03"), ("ann", "bold red"), true),
            (("ann", "two  spaces, tab\there "), ("ann", "two spaces, tab here"), true),
            (("ann", "caf\u{fffd} na\u{fffd}ve"), ("ann", "café naïve"), true),
            (("ann", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"), ("ann", "日本"), true),
            (("ann", "日本"), ("ann", "中国"), false),
            (("ann", "café"), ("ann", "caf"), false),
            (
                ("ann", &format!("{long} what the server lets pass")),
                ("ann", &format!("{long} what the se")),
                true,
            ),
        ];
        for ((nick, text), (other_nick, other_text), alike) in cases {
            let (one, other) = (said(nick, Text, text), said(other_nick, Text, other_text));
            assert_eq!(one.is_like(&other), alike, "{text:?} {other_text:?}");
            assert!(!alike || one.coarse_key() == other.coarse_key(), "{text:?} {other_text:?}");
        }
        assert!(!said("ann", Text, "hi").is_like(&said("ann", Action, "hi")));
        assert!(!said("ann", Text, "hi").is_like(&said("ann", Notice, "hi")));
    }

    #[test]
    fn an_action_is_like_the_event_that_it_imitates() {
        let bob = || LogSpeaker { nick: "bob".into(), ..LogSpeaker::default() };
        let quit = keyed(LogEvent::Quit { who: bob(), reason: "bye".into() });
        let join = keyed(LogEvent::Join(bob()));
        let nick = keyed(LogEvent::Nick { from: bob(), to: "rob".into() });
        let kick = LogEvent::Kick { nick: "ann".into(), by: "bob".into(), reason: String::new() };
        assert!(said("bob", Action, "has quit (bye)").is_like(&quit));
        assert!(said("bob", Action, "is now known as rob").is_like(&nick));
        assert!(said("bob", Action, "has kicked ann from #tea (out)").is_like(&keyed(kick)));
        assert!(!said("bob", Action, "has quit (bye)").is_like(&join));
        assert!(!said("bob", Text, "has quit (bye)").is_like(&quit));
        assert!(!said("bob", Action, "has quitted").is_like(&quit));
        assert!(!said("ann", Action, "has quit (bye)").is_like(&quit));
    }
}
