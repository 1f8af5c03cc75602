//! A user on an IRC network.

/// An IRC user, as far as the server has described them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IrcUser {
    /// The current nick.
    pub nick: String,
    /// `user@host`, as others see it.
    pub userhost: Option<String>,
    /// The services account; `None` if not logged in or not known.
    pub account: Option<String>,
    /// The real name (GECOS).
    pub realname: Option<String>,
    /// Whether the user is away.
    pub away: bool,
    /// Whether the user is marked as a bot.
    pub bot: bool,
}

impl IrcUser {
    /// A user with only a nick.
    #[must_use]
    pub fn named(nick: &str) -> Self {
        Self { nick: nick.to_owned(), ..Self::default() }
    }
}
