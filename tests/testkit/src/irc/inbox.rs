//! What a virtual user has received: messages by where they were sent, and all other lines.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use tokio::sync::Notify;

use super::casemapping::Casemapping;
use super::line::{Line, tags_len};

/// One message as a user received it: after the server put the source before it and cut the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// The sender's nick.
    pub nick: String,
    /// The sender, `nick!user@host`.
    pub source: String,
    /// The kind of message.
    pub kind: MessageKind,
    /// The text, without the wrapping of an action; bytes that are not UTF-8 replaced.
    pub text: String,
    /// The last parameter as it was received.
    pub bytes: Vec<u8>,
    /// The tags, as they stand on the wire; none where the server offers no `message-tags`.
    pub tags: Vec<(String, String)>,
}

/// The kind of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// `PRIVMSG`.
    Text,
    /// `PRIVMSG` with a CTCP ACTION.
    Action,
    /// `NOTICE`.
    Notice,
}

impl ReceivedMessage {
    /// The value of the tag `key`.
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

/// What a virtual user remembers.
#[derive(Debug)]
pub(super) struct Inbox {
    casemapping: Casemapping,
    received: Mutex<Received>,
    news: Notify,
}

#[derive(Debug, Default)]
pub(super) struct Received {
    /// By folded channel or nick.
    messages: HashMap<String, Vec<ReceivedMessage>>,
    pub(super) other_lines: Vec<String>,
}

impl Inbox {
    pub(super) fn new(casemapping: Casemapping) -> Self {
        Self { casemapping, received: Mutex::default(), news: Notify::new() }
    }

    /// Remembers a line from the server.
    pub(super) fn receive(&self, wire: &[u8]) {
        let Some(line) = Line::split(wire.strip_suffix(b"\r\n").unwrap_or(wire)) else { return };
        let mut seen = self.lock();
        match parse_message(&line) {
            Some((target, heard)) => {
                let about = if target.starts_with(['#', '&']) { &target } else { &heard.nick };
                seen.messages.entry(self.casemapping.fold(about)).or_default().push(heard);
            }
            None => {
                let text = String::from_utf8_lossy(&wire[tags_len(wire)..]);
                seen.other_lines.push(text.trim_end().to_owned());
            }
        }
        drop(seen);
        self.news.notify_waiters();
    }

    pub(super) fn with_messages<T>(
        &self,
        target: &str,
        look: impl FnOnce(&[ReceivedMessage]) -> T,
    ) -> T {
        let seen = self.lock();
        look(seen.messages.get(&self.casemapping.fold(target)).map_or(&[], Vec::as_slice))
    }

    pub(super) async fn wait_until<T>(&self, look: impl Fn() -> Option<T>) -> T {
        loop {
            // Before the look, so that what comes after it wakes us.
            let mut news = std::pin::pin!(self.news.notified());
            news.as_mut().enable();
            if let Some(found) = look() {
                return found;
            }
            news.await;
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Received> {
        self.received.lock().expect("no look into an inbox panics")
    }
}

/// The target and the message, if the line is one.
fn parse_message(line: &Line<'_>) -> Option<(String, ReceivedMessage)> {
    let bytes = line.bytes(1).to_vec();
    let (kind, text) = match line.command.as_str() {
        "NOTICE" => (MessageKind::Notice, &bytes[..]),
        "PRIVMSG" => match bytes.strip_prefix(b"\x01ACTION ") {
            Some(text) => (MessageKind::Action, text.strip_suffix(b"\x01").unwrap_or(text)),
            None => (MessageKind::Text, &bytes[..]),
        },
        _ => return None,
    };
    let source = String::from_utf8_lossy(line.source).into_owned();
    let readable = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let heard = ReceivedMessage {
        nick: source.split('!').next().unwrap_or_default().to_owned(),
        kind,
        text: readable(text),
        tags: line.tags().map(|(key, value)| (readable(key), readable(value))).collect(),
        source,
        bytes,
    };
    Some((line.text(0).into_owned(), heard))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn talk_is_remembered_by_where_it_was_said() {
        let inbox = Inbox::new(Casemapping::Ascii);
        inbox.receive(b"@msgid=m1;+x :Ann!a@h PRIVMSG #Tea :\x01ACTION pours\x01\r\n");
        inbox.receive(b":Ann!a@h NOTICE bob :psst\r\n");
        inbox.receive(b"@time=x :Ann!a@h JOIN #tea\r\n");
        inbox.with_messages("#tea", |heard| {
            assert_eq!(heard.len(), 1);
            assert_eq!((heard[0].nick.as_str(), heard[0].kind), ("Ann", MessageKind::Action));
            assert_eq!(heard[0].text, "pours");
            assert_eq!((heard[0].tag("msgid"), heard[0].tag("+x")), (Some("m1"), Some("")));
        });
        inbox.with_messages("ann", |heard| assert_eq!(heard[0].text, "psst"));
        assert_eq!(inbox.lock().other_lines, [":Ann!a@h JOIN #tea"]);
    }
}
