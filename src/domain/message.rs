//! A message, independent of the network it came from.

use jiff::Timestamp;

use super::{Author, EndpointId};

/// One message by one author, independent of both networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The endpoint it was received from.
    pub source: EndpointId,
    /// Its author.
    pub author: Author,
    /// Its kind.
    pub kind: MessageKind,
    /// Its text; may have several lines.
    pub body: String,
    /// When it was sent, by the server's clock if the server says, otherwise by ours.
    pub sent_at: Timestamp,
}

/// The kinds of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// Ordinary text.
    Text,
    /// CTCP ACTION, `/me`.
    Action,
    /// IRC's NOTICE, which must never be answered automatically.
    Notice,
}
