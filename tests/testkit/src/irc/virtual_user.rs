//! A user without a socket: joins channels, sends, and remembers what a client in their place would
//! have received.

use std::sync::Arc;

use super::client::ClientId;
use super::inbox::{Inbox, ReceivedMessage};
use super::shared::Shared;

/// A user without a socket. Clones are the same user; dropping one changes nothing: users
/// leave with [`quit`](Self::quit).
#[derive(Debug, Clone)]
pub struct VirtualUser {
    id: ClientId,
    inbox: Arc<Inbox>,
    shared: Arc<Shared>,
}

impl VirtualUser {
    pub(super) fn new(id: ClientId, inbox: Arc<Inbox>, shared: Arc<Shared>) -> Self {
        Self { id, inbox, shared }
    }

    /// Joins a channel; the first one there is its operator.
    pub fn join(&self, channel: &str) {
        self.send_line(&format!("JOIN {channel}"));
    }

    /// Leaves a channel.
    pub fn part(&self, channel: &str) {
        self.send_line(&format!("PART {channel} :bye"));
    }

    /// Sends a message to a channel or a nick, line by line.
    pub fn send(&self, target: &str, text: &str) {
        for line in text.lines() {
            self.send_bytes(target, line.as_bytes());
        }
    }

    /// Sends bytes, in whatever encoding, to a channel or a nick. They hold no CR, LF or NUL.
    pub fn send_bytes(&self, target: &str, bytes: &[u8]) {
        self.send_line_bytes(&[format!("PRIVMSG {target} :").as_bytes(), bytes].concat());
    }

    /// Sends a CTCP ACTION.
    pub fn action(&self, target: &str, text: &str) {
        self.send_line(&format!("PRIVMSG {target} :\u{1}ACTION {text}\u{1}"));
    }

    /// Sends a notice.
    pub fn notice(&self, target: &str, text: &str) {
        self.send_line(&format!("NOTICE {target} :{text}"));
    }

    /// Leaves the server.
    pub fn quit(&self, reason: &str) {
        self.send_line(&format!("QUIT :{reason}"));
    }

    /// Changes the nick.
    pub fn change_nick(&self, nick: &str) {
        self.send_line(&format!("NICK {nick}"));
    }

    /// Sends any command, as a client would.
    pub fn send_line(&self, line: &str) {
        self.send_line_bytes(line.as_bytes());
    }

    fn send_line_bytes(&self, line: &[u8]) {
        self.shared.with(|state| state.handle(self.id, line, false));
    }

    /// The messages to `target`, in order: a channel, or a nick for what that nick sent to this
    /// user alone.
    #[must_use]
    pub fn messages(&self, target: &str) -> Vec<ReceivedMessage> {
        self.inbox.with_messages(target, <[ReceivedMessage]>::to_vec)
    }

    /// Waits until there are `enough` messages to `target`, and returns them all. `enough` looks at
    /// what it is given and asks nothing else of the server, which waits for it meanwhile.
    pub async fn wait_for_messages(
        &self,
        target: &str,
        enough: impl Fn(&[ReceivedMessage]) -> bool,
    ) -> Vec<ReceivedMessage> {
        self.inbox
            .wait_until(|| {
                self.inbox.with_messages(target, |heard| enough(heard).then(|| heard.to_vec()))
            })
            .await
    }

    /// How many messages to `target` were received.
    #[must_use]
    pub fn message_count(&self, target: &str) -> usize {
        self.inbox.with_messages(target, <[ReceivedMessage]>::len)
    }

    /// Waits until so many messages to `target` were received.
    pub async fn wait_for_message_count(&self, target: &str, count: usize) {
        self.inbox.wait_until(|| (self.message_count(target) >= count).then_some(())).await;
    }

    /// Every other line received (joins, modes, numerics), in order and without tags.
    #[must_use]
    pub fn other_lines(&self) -> Vec<String> {
        self.inbox.lock().other_lines.clone()
    }

    /// Waits until there are `enough` other lines, and returns them all; `enough` as for
    /// [`wait_for_messages`](Self::wait_for_messages).
    pub async fn wait_for_lines(&self, enough: impl Fn(&[String]) -> bool) -> Vec<String> {
        let look = || {
            let seen = &self.inbox.lock().other_lines;
            enough(seen).then(|| seen.clone())
        };
        self.inbox.wait_until(look).await
    }
}
