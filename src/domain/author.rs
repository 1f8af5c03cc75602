//! The author of a message.

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
    /// An author of whom only the name is known.
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
