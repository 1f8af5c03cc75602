//! A message rendered for its destination.

use super::MessageKind;

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
