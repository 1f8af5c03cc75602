//! Somebody in memory: joins channels, speaks, and remembers what a client in their place would
//! have received.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use super::Casemapping;
use super::client::ClientId;
use super::line::Line;
use super::server::Inner;

/// Somebody without a socket. Clones are the same person; dropping one changes nothing: people
/// leave with [`quit`](Self::quit).
#[derive(Debug, Clone)]
pub struct Person {
    id: ClientId,
    memory: Arc<Memory>,
    server: Arc<Inner>,
}

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

impl Person {
    pub(super) fn new(id: ClientId, memory: Arc<Memory>, server: Arc<Inner>) -> Self {
        Self { id, memory, server }
    }

    /// Joins a channel; the first one there is its operator.
    pub fn join(&self, channel: &str) {
        self.command(&format!("JOIN {channel}"));
    }

    /// Leaves a channel.
    pub fn part(&self, channel: &str) {
        self.command(&format!("PART {channel} :bye"));
    }

    /// Says something to a channel or a nick; each line of it by itself.
    pub fn say(&self, target: &str, text: &str) {
        for line in text.lines() {
            self.say_bytes(target, line.as_bytes());
        }
    }

    /// Says bytes, in whatever encoding, to a channel or a nick. They hold no CR, LF or NUL.
    pub fn say_bytes(&self, target: &str, bytes: &[u8]) {
        self.command_bytes(&[format!("PRIVMSG {target} :").as_bytes(), bytes].concat());
    }

    /// Does something: CTCP ACTION.
    pub fn action(&self, target: &str, text: &str) {
        self.command(&format!("PRIVMSG {target} :\u{1}ACTION {text}\u{1}"));
    }

    /// Says something that nobody should answer by itself.
    pub fn notice(&self, target: &str, text: &str) {
        self.command(&format!("NOTICE {target} :{text}"));
    }

    /// Leaves the server.
    pub fn quit(&self, reason: &str) {
        self.command(&format!("QUIT :{reason}"));
    }

    /// Goes by another name.
    pub fn change_nick(&self, nick: &str) {
        self.command(&format!("NICK {nick}"));
    }

    /// Sends any command, as a client would.
    pub fn command(&self, line: &str) {
        self.command_bytes(line.as_bytes());
    }

    fn command_bytes(&self, line: &[u8]) {
        self.server.with(|world| world.handle(self.id, line, false));
    }

    /// What was said to `target`, in order: a channel, or a nick for what that nick said to this
    /// person alone.
    #[must_use]
    pub fn heard(&self, target: &str) -> Vec<Heard> {
        self.memory.heard(target, <[Heard]>::to_vec)
    }

    /// Waits until `enough` of what was said to `target`, and returns it all. `enough` looks at
    /// what it is given and asks nothing else of the server, which waits for it meanwhile.
    pub async fn hears(&self, target: &str, enough: impl Fn(&[Heard]) -> bool) -> Vec<Heard> {
        self.memory
            .until(|| self.memory.heard(target, |heard| enough(heard).then(|| heard.to_vec())))
            .await
    }

    /// How much was said to `target`.
    #[must_use]
    pub fn count(&self, target: &str) -> usize {
        self.memory.heard(target, <[Heard]>::len)
    }

    /// Waits until so much was said to `target`.
    pub async fn counts(&self, target: &str, count: usize) {
        self.memory.until(|| (self.count(target) >= count).then_some(())).await;
    }

    /// Every line received that was no talk (joins, modes, numerics), in order and without tags.
    #[must_use]
    pub fn saw(&self) -> Vec<String> {
        self.memory.lock().saw.clone()
    }

    /// Waits until `enough` was seen, and returns it all; `enough` as for [`hears`](Self::hears).
    pub async fn sees(&self, enough: impl Fn(&[String]) -> bool) -> Vec<String> {
        let look = || {
            let seen = &self.memory.lock().saw;
            enough(seen).then(|| seen.clone())
        };
        self.memory.until(look).await
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
struct Seen {
    /// By folded channel or nick.
    heard: HashMap<String, Vec<Heard>>,
    saw: Vec<String>,
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
                let text = String::from_utf8_lossy(&wire[super::line::tags_len(wire)..]);
                seen.saw.push(text.trim_end().to_owned());
            }
        }
        drop(seen);
        self.news.notify_waiters();
    }

    fn heard<T>(&self, target: &str, look: impl FnOnce(&[Heard]) -> T) -> T {
        let seen = self.lock();
        look(seen.heard.get(&self.casemapping.fold(target)).map_or(&[], Vec::as_slice))
    }

    async fn until<T>(&self, look: impl Fn() -> Option<T>) -> T {
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

    fn lock(&self) -> MutexGuard<'_, Seen> {
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
