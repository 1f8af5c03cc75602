//! What is said in channels, as it happens: for programs that watch the server from inside.

use jiff::Timestamp;
use tokio::sync::broadcast;

use super::state::ServerState;

/// How many messages wait for a watcher that does not read; older ones are lost to it.
const CAPACITY: usize = 1024;

/// A message that the server has relayed to a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelMessage {
    /// When, by this machine's clock, which is finer than the tag `time`.
    pub at: Timestamp,
    /// The tag `msgid`, where the server has ids.
    pub msgid: Option<String>,
    /// The sender's nick.
    pub nick: String,
    /// The channel's name.
    pub channel: String,
    /// `PRIVMSG` or `NOTICE`.
    pub command: String,
    /// The text as it was sent; bytes that are not UTF-8 replaced.
    pub text: String,
}

/// Hands messages to those who watch.
#[derive(Debug)]
pub(super) struct Tap(broadcast::Sender<ChannelMessage>);

impl Default for Tap {
    fn default() -> Self {
        Self(broadcast::Sender::new(CAPACITY))
    }
}

impl Tap {
    /// The messages from now on.
    pub(super) fn watch(&self) -> broadcast::Receiver<ChannelMessage> {
        self.0.subscribe()
    }
}

impl ServerState {
    /// Tells the watchers of a message by `nick` to the channel.
    pub(super) fn tap(
        &self,
        nick: &str,
        channel: &str,
        command: &str,
        msgid: Option<&str>,
        text: &[u8],
    ) {
        if self.tap.0.receiver_count() == 0 {
            return;
        }
        let message = ChannelMessage {
            at: Timestamp::now(),
            msgid: msgid.map(str::to_owned),
            nick: nick.to_owned(),
            channel: channel.to_owned(),
            command: command.to_owned(),
            text: String::from_utf8_lossy(text).into_owned(),
        };
        // The last watcher may just have left.
        let _ = self.tap.0.send(message);
    }
}
