//! Somebody in memory: joins channels, speaks, and remembers what a client in their place would
//! have received.

use std::sync::Arc;

use super::client::ClientId;
use super::inbox::{Heard, Memory};
use super::shared::Shared;

/// Somebody without a socket. Clones are the same person; dropping one changes nothing: people
/// leave with [`quit`](Self::quit).
#[derive(Debug, Clone)]
pub struct Person {
    id: ClientId,
    memory: Arc<Memory>,
    shared: Arc<Shared>,
}

impl Person {
    pub(super) fn new(id: ClientId, memory: Arc<Memory>, shared: Arc<Shared>) -> Self {
        Self { id, memory, shared }
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
        self.shared.with(|world| world.handle(self.id, line, false));
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
