//! How the server confirms a line, and what it made of it.

use std::time::Duration;

use jiff::Timestamp;

use crate::protocol::irc::Scope;
use crate::protocol::irc::errors::send::SendError;

/// How the server acknowledges a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::protocol::irc) enum Receipt {
    /// It answers the line's label; with the line itself, if it echoes.
    Label {
        /// Whether it echoes.
        echo: bool,
    },
    /// It echoes the line.
    Echo,
    /// Not at all, except by answering a PING sent after the lines.
    Ping,
}

/// Identifies a line on the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageRef {
    /// Its id (IRCv3 `msgid`), if available.
    pub msgid: Option<String>,
    /// Its time (IRCv3 `server-time`), if available.
    pub time: Option<Timestamp>,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::protocol::irc) enum SendOutcome {
    /// The server has this much of the body; the rest follows.
    PartiallyDelivered { delivered_bytes: usize, message_ref: MessageRef },
    /// The server has all of it.
    Delivered { message_ref: MessageRef },
    /// The server rejected it.
    Rejected(String),
    /// The server rejected the RELAYMSG only.
    RelaymsgRejected { reason: String, scope: Scope },
    /// The server rejected it for now; retry after this time.
    Deferred { reason: String, retry_after: Duration },
}

impl From<SendError> for SendOutcome {
    fn from(
        SendError { reason: why, retry_after: later, relaymsg_scope: voiceless }: SendError,
    ) -> Self {
        match (voiceless, later) {
            (Some(scope), _) => Self::RelaymsgRejected { reason: why, scope },
            (None, Some(after)) => Self::Deferred { reason: why, retry_after: after },
            (None, None) => Self::Rejected(why),
        }
    }
}
