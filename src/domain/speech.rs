use super::MessageKind;

/// A message in the manners of the place that it is bound for, as it is said there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedMessage {
    /// By which of the place's ways of saying something.
    pub kind: MessageKind,
    /// What stands before it; on IRC, at the beginning of each of its lines.
    pub prefix: String,
    /// What follows, line by line.
    pub body: String,
}

impl RenderedMessage {
    /// All of it in one piece, as Let's Chat takes it.
    #[must_use]
    pub fn full_text(&self) -> String {
        format!("{}{}", self.prefix, self.body)
    }
}
