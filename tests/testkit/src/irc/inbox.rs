//! What a virtual user has received: messages by where they were sent, and all other lines.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use tokio::sync::Notify;

use super::casemapping::Casemapping;
use super::line::{Line, tags_len};

/// One message as somebody received it: after the server put the source before it and cut the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Who said it.
    pub nick: String,
    /// Who said it, `nick!user@host`.
    pub source: String,
    /// How it was said.
    pub kind: MessageKind,
    /// What was said, without the wrapping of an action; bytes that are not UTF-8 replaced.
    pub text: String,
    /// The last parameter as it was received.
    pub bytes: Vec<u8>,
    /// The tags, as they stand on the wire; none where the server offers no `message-tags`.
    pub tags: Vec<(String, String)>,
}

/// How a message was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// `PRIVMSG`.
    Text,
    /// `PRIVMSG` with a CTCP ACTION.
    Action,
    /// `NOTICE`.
    Notice,
}

impl Heard {
    /// The value of the tag `key`.
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

/// What a person remembers.
#[derive(Debug)]
pub(super) struct Memory {
    casemapping: Casemapping,
    seen: Mutex<Seen>,
    news: Notify,
}

#[derive(Debug, Default)]
pub(super) struct Seen {
    /// By folded channel or nick.
    heard: HashMap<String, Vec<Heard>>,
    pub(super) saw: Vec<String>,
}

impl Memory {
    pub(super) fn new(casemapping: Casemapping) -> Self {
        Self { casemapping, seen: Mutex::default(), news: Notify::new() }
    }

    /// Remembers a line from the server.
    pub(super) fn hear(&self, wire: &[u8]) {
        let Some(line) = Line::split(wire.strip_suffix(b"\r\n").unwrap_or(wire)) else { return };
        let mut seen = self.lock();
        match heard(&line) {
            Some((target, heard)) => {
                let about = if target.starts_with(['#', '&']) { &target } else { &heard.nick };
                seen.heard.entry(self.casemapping.fold(about)).or_default().push(heard);
            }
            None => {
                let text = String::from_utf8_lossy(&wire[tags_len(wire)..]);
                seen.saw.push(text.trim_end().to_owned());
            }
        }
        drop(seen);
        self.news.notify_waiters();
    }

    pub(super) fn heard<T>(&self, target: &str, look: impl FnOnce(&[Heard]) -> T) -> T {
        let seen = self.lock();
        look(seen.heard.get(&self.casemapping.fold(target)).map_or(&[], Vec::as_slice))
    }

    pub(super) async fn until<T>(&self, look: impl Fn() -> Option<T>) -> T {
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

    pub(super) fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no look into a memory panics")
    }
}

/// The target and the message, when the line is talk.
fn heard(line: &Line<'_>) -> Option<(String, Heard)> {
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
    let heard = Heard {
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
        let memory = Memory::new(Casemapping::Ascii);
        memory.hear(b"@msgid=m1;+x :Ann!a@h PRIVMSG #Tea :\x01ACTION pours\x01\r\n");
        memory.hear(b":Ann!a@h NOTICE bob :psst\r\n");
        memory.hear(b"@time=x :Ann!a@h JOIN #tea\r\n");
        memory.heard("#tea", |heard| {
            assert_eq!(heard.len(), 1);
            assert_eq!((heard[0].nick.as_str(), heard[0].kind), ("Ann", MessageKind::Action));
            assert_eq!(heard[0].text, "pours");
            assert_eq!((heard[0].tag("msgid"), heard[0].tag("+x")), (Some("m1"), Some("")));
        });
        memory.heard("ann", |heard| assert_eq!(heard[0].text, "psst"));
        assert_eq!(memory.lock().saw, [":Ann!a@h JOIN #tea"]);
    }
}
