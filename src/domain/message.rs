//! A message, independent of the network it came from: its author, its text, and how it is rendered.

use jiff::Timestamp;

use super::EndpointId;

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

/// The author of a message, as far as the network identifies them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Author {
    /// Nick or user name; empty for the bridge itself.
    pub name: String,
    /// Let's Chat's display name.
    pub display_name: Option<String>,
    /// Stable identity on the network: the IRC services account, or the Let's Chat user id.
    pub account: Option<String>,
    /// `user@host`, on IRC.
    pub userhost: Option<String>,
    /// Marked as a bot by the network (<https://ircv3.net/specs/extensions/bot-mode>).
    pub bot: bool,
}

impl Author {
    /// An author with only a name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// The bridge itself, as the author of a notice.
    #[must_use]
    pub fn bridge() -> Self {
        Self::default()
    }

    /// Whether the author is the bridge itself.
    #[must_use]
    pub fn is_bridge(&self) -> bool {
        self.name.is_empty()
    }
}

/// A message formatted for its destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedMessage {
    /// The kind of message to send it as.
    pub kind: MessageKind,
    /// Goes before the body; on IRC, before each line.
    pub prefix: String,
    /// The text, which may have several lines.
    pub body: String,
}

impl RenderedMessage {
    /// Prefix and body in one text, as Let's Chat takes it.
    #[must_use]
    pub fn full_text(&self) -> String {
        format!("{}{}", self.prefix, self.body)
    }
}
