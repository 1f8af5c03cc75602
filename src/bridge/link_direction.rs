//! The two directions of a link.

/// A direction of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkDirection {
    /// From the room to the channel.
    ToIrc,
    /// From the channel to the room.
    ToLetsChat,
}

impl LinkDirection {
    /// As metrics and the status call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ToIrc => "to_irc",
            Self::ToLetsChat => "to_letschat",
        }
    }
}
