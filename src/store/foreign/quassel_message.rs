//! What Quassel writes about a message, whichever database it uses.
//!
//! The numbers are those of `src/common/message.h`, the texts those of `src/core/eventstringifier.cpp` of
//! <https://github.com/quassel/quassel>.

use super::cells::one_line;
use crate::domain::{LogEvent, LogSpeaker, MessageKind};

/// The text was sent to some of the channel, such as its operators.
const FLAG_STATUS_MESSAGE: i64 = 0x10;

/// The text was not sent to this channel or query, but is shown there.
const FLAG_REDIRECTED: i64 = 0x04;

/// The user of Quassel did it.
const FLAG_SELF: i64 = 0x01;

/// What stands between the people of a netsplit.
const NETSPLIT_SEPARATOR: &str = "#:#";

/// A row of Quassel's `backlog`, with the name of its sender.
#[derive(Debug, Clone, Copy)]
pub struct QuasselMessage<'m> {
    /// The column `type`.
    pub kind: i64,
    /// The column `flags`.
    pub flags: i64,
    /// `nick!user@host`, a nick or a server.
    pub sender: &'m str,
    /// The column `message`.
    pub text: &'m str,
}

impl QuasselMessage<'_> {
    /// What happened: of a netsplit, the leaving or coming of each.
    ///
    /// # Errors
    /// When the type is none that Quassel writes, or the text does not fit it.
    pub fn events(&self) -> Result<Vec<LogEvent>, String> {
        let text = one_line(self.text);
        let who = || speaker(self.sender);
        let event = match self.kind {
            0x1 => self.said(MessageKind::Text),
            0x2 => self.said(MessageKind::Notice),
            0x4 => self.said(MessageKind::Action),
            // Of the user's own change, only the new nick is kept.
            0x8 if self.flags & FLAG_SELF != 0 => {
                LogEvent::Client(format!("you are now known as {text}"))
            }
            0x8 => LogEvent::Nick { from: who(), to: text },
            0x10 => LogEvent::Mode { by: who().nick, change: without_channel(&text).to_owned() },
            0x20 => LogEvent::Join(who()),
            0x40 => LogEvent::Part { who: who(), reason: text },
            0x80 => LogEvent::Quit { who: who(), reason: text },
            0x100 => {
                let (nick, reason) = text.split_once(' ').unwrap_or((&text, ""));
                let (nick, reason) = (nick.to_owned(), reason.to_owned());
                LogEvent::Kick { nick, by: who().nick, reason }
            }
            0x4000 => topic(&text),
            0x8000 | 0x10000 => return Ok(self.netsplit()),
            // Kill, server, information, error, change of the day, invitation.
            0x200 | 0x400 | 0x800 | 0x1000 | 0x2000 | 0x20000 => LogEvent::Client(text),
            kind => return Err(format!("its type {kind} is none that Quassel writes")),
        };
        Ok(vec![event])
    }

    /// Said to all in the channel or query; what was said to others stays with whom it was said to.
    fn said(&self, kind: MessageKind) -> LogEvent {
        let text = one_line(self.text);
        match self.flags & (FLAG_STATUS_MESSAGE | FLAG_REDIRECTED) {
            0 => LogEvent::Message { by: speaker(self.sender), kind, text },
            _ => LogEvent::Client(text),
        }
    }

    /// `ann!a@host#:#bob!b@host#:#one.example two.example`
    fn netsplit(&self) -> Vec<LogEvent> {
        let text = one_line(self.text);
        let (people, reason) = text.rsplit_once(NETSPLIT_SEPARATOR).unwrap_or((&text, ""));
        let people = people.split(NETSPLIT_SEPARATOR).filter(|person| !person.is_empty());
        let event = |person| match self.kind {
            0x8000 => LogEvent::Join(speaker(person)),
            _ => LogEvent::Quit { who: speaker(person), reason: reason.to_owned() },
        };
        people.map(event).collect()
    }
}

/// `nick!user@host`, or only the nick.
fn speaker(sender: &str) -> LogSpeaker {
    let (nick, userhost) = sender.split_once('!').unwrap_or((sender, ""));
    LogSpeaker {
        nick: one_line(nick),
        userhost: (!userhost.is_empty()).then(|| one_line(userhost)),
        account: None,
    }
}

/// `#tea +o ann` without the channel.
fn without_channel(change: &str) -> &str {
    match change.split_once(' ') {
        Some((channel, change)) if !channel.starts_with(['+', '-']) => change,
        _ => change,
    }
}

/// Quassel keeps topics as sentences, in the language of its core.
fn topic(text: &str) -> LogEvent {
    let quoted = text.split_once('"').and_then(|(before, rest)| {
        let topic = rest.strip_suffix('"').or(rest.rsplit_once('"').map(|(topic, _)| topic))?;
        Some((before, topic.to_owned()))
    });
    match quoted {
        // What stands there when the user comes.
        Some((before, _)) if before.starts_with("Topic for ") => LogEvent::Client(text.to_owned()),
        Some((before, topic)) => {
            let by = before.split_once(" has changed topic for ").map(|(by, _)| by.to_owned());
            LogEvent::Topic { by, text: topic }
        }
        None => LogEvent::Client(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(kind: i64, flags: i64, sender: &str, text: &str) -> Vec<LogEvent> {
        QuasselMessage { kind, flags, sender, text }.events().expect("makes sense")
    }

    fn ann() -> LogSpeaker {
        LogSpeaker { nick: "ann".into(), userhost: Some("a@host".into()), account: None }
    }

    fn said(kind: MessageKind) -> LogEvent {
        LogEvent::Message { by: ann(), kind, text: "tea?".into() }
    }

    fn client(text: &str) -> LogEvent {
        LogEvent::Client(text.into())
    }

    #[test]
    fn each_type_is_understood() {
        let topic = |by: Option<&str>, text: &str| LogEvent::Topic {
            by: by.map(str::to_owned),
            text: text.to_owned(),
        };
        for (kind, flags, text, event) in [
            (1, 0, "tea?", said(MessageKind::Text)),
            (1, 0x83, "tea?", said(MessageKind::Text)),
            (2, 0, "tea?", said(MessageKind::Notice)),
            (4, 0x20, "tea?", said(MessageKind::Action)),
            (1, FLAG_STATUS_MESSAGE, "for operators", client("for operators")),
            (2, FLAG_REDIRECTED, "VERSION", client("VERSION")),
            (8, 0, "anna", LogEvent::Nick { from: ann(), to: "anna".into() }),
            (8, FLAG_SELF, "anna", client("you are now known as anna")),
            (0x10, 0, "#tea +o bob", LogEvent::Mode { by: "ann".into(), change: "+o bob".into() }),
            (0x10, 0, "+i", LogEvent::Mode { by: "ann".into(), change: "+i".into() }),
            (0x20, 0, "#tea", LogEvent::Join(ann())),
            (0x40, 0, "", LogEvent::Part { who: ann(), reason: String::new() }),
            (0x80, 0, "bye", LogEvent::Quit { who: ann(), reason: "bye".into() }),
            (
                0x100,
                0,
                "bob be nice",
                LogEvent::Kick { nick: "bob".into(), by: "ann".into(), reason: "be nice".into() },
            ),
            (
                0x100,
                0,
                "bob",
                LogEvent::Kick { nick: "bob".into(), by: "ann".into(), reason: String::new() },
            ),
            (
                0x4000,
                0,
                "bob has changed topic for #tea to: \"the \"good\" tea\"",
                topic(Some("bob"), "the \"good\" tea"),
            ),
            (0x4000, 0, "bob has changed topic for #tea to: \"\"", topic(Some("bob"), "")),
            (0x4000, 0, "Topic for #tea is \"tea\"", client("Topic for #tea is \"tea\"")),
            (0x4000, 0, "Topic set by ann on 2021-03-04", client("Topic set by ann on 2021-03-04")),
            (0x4000, 0, "bob a changé le sujet de #tea en : \"thé\"", topic(None, "thé")),
            (0x400, 0, "End of /NAMES", client("End of /NAMES")),
        ] {
            assert_eq!(events(kind, flags, "ann!a@host", text), [event], "{kind} {text}");
        }
    }

    #[test]
    fn netsplit_is_the_leaving_of_each() {
        let text = "ann!a@host#:#bob!b@host#:#one.example two.example";
        let left = events(0x10000, 0, "", text);
        assert_eq!(left.len(), 2);
        assert_eq!(
            left[0],
            LogEvent::Quit { who: ann(), reason: "one.example two.example".into() }
        );
        assert_eq!(events(0x8000, 0, "", text)[0], LogEvent::Join(ann()));
        assert_eq!(events(0x8000, 0, "", ""), []);
    }

    #[test]
    fn sender_may_be_anything() {
        for (sender, nick, userhost) in [
            ("ann", "ann", None),
            ("irc.example.org", "irc.example.org", None),
            ("ann!", "ann", None),
            ("ann!a!b@c", "ann", Some("a!b@c")),
            ("", "", None),
            ("a\nb", "a b", None),
        ] {
            let found = speaker(sender);
            assert_eq!((&*found.nick, found.userhost.as_deref()), (nick, userhost), "{sender}");
        }
    }

    #[test]
    fn unknown_type_is_an_error() {
        for kind in [0, 3, -1, 0x40000, i64::MAX] {
            let message = QuasselMessage { kind, flags: 0, sender: "ann", text: "x" };
            assert!(message.events().is_err(), "{kind}");
        }
    }
}
