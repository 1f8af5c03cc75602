use jiff::Timestamp;

use super::{Author, EndpointId};

/// One thing said by one person, in terms neither network owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it was said.
    pub source: EndpointId,
    /// Who said it.
    pub author: Author,
    /// How it was said.
    pub kind: MessageKind,
    /// What was said; several lines where the author wrote several.
    pub body: String,
    /// When it was said, by the clock of whoever knows best.
    pub sent_at: Timestamp,
}

/// The ways of saying something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// Ordinary talk.
    Text,
    /// What the author does: CTCP ACTION, `/me`.
    Action,
    /// An announcement that nobody should answer by itself: IRC's NOTICE.
    Notice,
}
