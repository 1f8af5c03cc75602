//! What a message of the history says in Let's Chat: as the bridge would have mirrored it, with two differences. Mentions
//! call nobody, so they stay as they were said; and the administrator's own rules are not applied.

use std::iter;

use jiff::Timestamp;

use crate::domain::{Author, Endpoint, EndpointId, LogEntry, LogEvent, Message, MessageKind};
use crate::domain::{MessagePart, Network, overlong};
use crate::translate::{
    self, EmptyDirectory, LinkFormat, NoticeText, Rules, StatusChange, StatusEvent, StatusNotices,
    UserSet, Verbosity,
};

/// Whose account says a line of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryVoice {
    /// The account of the person: the text stands alone.
    Own,
    /// The bridge's account: the name stands before the text.
    Bridge,
}

/// Puts the history of one channel into words.
#[derive(Debug)]
pub struct Wording {
    channel: Endpoint,
    format: LinkFormat,
}

impl Wording {
    /// For the log of `channel`, with the prefixes and the formatting of `format`.
    #[must_use]
    pub fn new(network: &str, channel: &str, format: &LinkFormat) -> Self {
        let mut format = format.clone();
        // Nobody is called by what was said years ago.
        format.room.mentions = false;
        format.room.allow_mentions_from = UserSet::Everyone;
        format.room.allow_all_mention_from = UserSet::Everyone;
        format.rules = Rules::default();
        Self { channel: Endpoint::channel(&Network::new(network), channel), format }
    }

    /// The text of the message for `entry`. `None` if nothing of it can be seen, or nobody said it.
    #[must_use]
    pub fn text(&self, entry: &LogEntry, voice: HistoryVoice) -> Option<String> {
        let message = match &entry.event {
            LogEvent::Message { by, kind, text } => {
                if translate::is_blank(text) {
                    return None;
                }
                self.message(Author::named(&by.nick), *kind, text.clone(), entry.at)
            }
            event => {
                let sentence = sentence(event)?;
                self.message(Author::bridge(), MessageKind::Text, sentence, entry.at)
            }
        };
        let directory = EmptyDirectory(&self.channel);
        let rendered = match voice {
            // It was said just now, then: without a timestamp.
            HistoryVoice::Own if !message.author.is_bridge() => translate::by_own_account(
                &message,
                iter::empty(),
                &self.format,
                &directory,
                message.sent_at,
            ),
            HistoryVoice::Own | HistoryVoice::Bridge => translate::to_letschat(
                &message,
                iter::empty(),
                MessagePart::Whole,
                &self.format,
                &directory,
                message.sent_at,
            ),
        };
        Some(bounded(rendered.full_text())).filter(|text| !translate::is_blank(text))
    }

    fn message(
        &self,
        author: Author,
        kind: MessageKind,
        body: String,
        sent_at: Timestamp,
    ) -> Message {
        Message { source: EndpointId(0), author, kind, body, sent_at }
    }
}

/// What the bridge says of an event in a channel; `None` for what a client wrote for its user.
fn sentence(event: &LogEvent) -> Option<String> {
    let reason = |reason: &str| Some(reason.to_owned()).filter(|reason| !reason.is_empty());
    let (who, change) = match event {
        LogEvent::Message { .. } | LogEvent::Client(_) => return None,
        LogEvent::Join(who) => (who.nick.clone(), StatusChange::Joined),
        LogEvent::Part { who, reason: why } | LogEvent::Quit { who, reason: why } => {
            (who.nick.clone(), StatusChange::Left(reason(why)))
        }
        LogEvent::Kick { nick, by, reason: why } => {
            (nick.clone(), StatusChange::Kicked { by: by.clone(), reason: reason(why) })
        }
        LogEvent::Nick { from, to } => (from.nick.clone(), StatusChange::NickChanged(to.clone())),
        LogEvent::Mode { by, change } => (by.clone(), StatusChange::ModesChanged(change.clone())),
        LogEvent::Topic { by, text } => {
            (by.clone().unwrap_or_default(), StatusChange::TopicChanged(reason(text)))
        }
    };
    let all = StatusNotices {
        joins: Verbosity::All,
        nick_changes: Verbosity::All,
        kicks: Verbosity::All,
        modes: Verbosity::All,
        topics: Verbosity::All,
    };
    let event = StatusEvent { who, spoke_recently: true, change };
    let shown = |name: &str| translate::name_or_fallback(name).into_owned();
    let told = all.summarize(&[event], shown)?;
    Some(NoticeText::from(told).into_string())
}

/// `text`, cut where the bridge cuts what it keeps.
fn bounded(mut text: String) -> String {
    if text.len() > overlong::KEPT {
        text.truncate(text.floor_char_boundary(overlong::KEPT));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{LogPrecision, LogSpeaker};

    fn entry(event: LogEvent) -> LogEntry {
        let at = Timestamp::from_second(1_393_852_800).expect("a time");
        LogEntry { at, precision: LogPrecision::Exact, event }
    }

    fn ann() -> LogSpeaker {
        LogSpeaker { nick: "ann".to_owned(), ..LogSpeaker::default() }
    }

    fn said(kind: MessageKind, text: &str) -> LogEntry {
        entry(LogEvent::Message { by: ann(), kind, text: text.to_owned() })
    }

    fn words(entry: &LogEntry) -> [Option<String>; 2] {
        let wording = Wording::new("libera", "#tea", &LinkFormat::default());
        [HistoryVoice::Own, HistoryVoice::Bridge].map(|voice| wording.text(entry, voice))
    }

    #[test]
    fn line_is_said_as_the_bridge_mirrors_it() {
        for (kind, text, own, bridge) in [
            (MessageKind::Text, "kettle's on", "kettle's on", "<ann> kettle's on"),
            (
                MessageKind::Text,
                "\u{2}bold\u{2} and \u{3}04red\u{3}",
                "bold and red",
                "<ann> bold and red",
            ),
            (MessageKind::Text, "bob: see @all", "bob: see @all", "<ann> bob: see @all"),
            (MessageKind::Text, "a\u{7}b\u{202e}c", "abc", "<ann> abc"),
            (MessageKind::Action, "waves", "* ann waves", "* ann waves"),
            (MessageKind::Notice, "lunch", "-ann- lunch", "-ann- lunch"),
        ] {
            let expected = [own, bridge].map(|text| Some(text.to_owned()));
            assert_eq!(words(&said(kind, text)), expected, "{text:?}");
        }
    }

    #[test]
    fn nothing_is_said_of_what_nobody_can_see() {
        for text in ["", " ", "\u{3}04", "\u{200b}"] {
            assert_eq!(words(&said(MessageKind::Text, text)), [None, None], "{text:?}");
        }
        assert_eq!(words(&entry(LogEvent::Client("3 people".to_owned()))), [None, None]);
    }

    #[test]
    fn events_are_told_by_the_bridge() {
        let text = |text: &str| text.to_owned();
        for (event, told) in [
            (LogEvent::Join(ann()), "ann joined"),
            (LogEvent::Part { who: ann(), reason: text("bye") }, "ann left (bye)"),
            (LogEvent::Quit { who: ann(), reason: text("") }, "ann left"),
            (LogEvent::Nick { from: ann(), to: text("anna") }, "ann is now anna"),
            (LogEvent::Mode { by: text("op"), change: text("+o ann") }, "op set +o ann"),
            (
                LogEvent::Topic { by: Some(text("ann")), text: text("tea") },
                "ann set the topic: tea",
            ),
            (LogEvent::Topic { by: None, text: text("") }, "somebody removed the topic"),
        ] {
            let [own, bridge] = words(&entry(event.clone()));
            assert_eq!(own, bridge);
            let shown = own.expect("is told");
            assert!(shown.ends_with(told), "{event:?}: {shown}");
        }
    }

    #[test]
    fn overlong_text_is_cut() {
        let long = "é".repeat(overlong::KEPT);
        let [own, _] = words(&said(MessageKind::Text, &long));
        let own = own.expect("is said");
        assert!(own.len() < overlong::KEPT + 10 && own.ends_with("é…"), "{}", own.len());
    }
}
