/// Somebody on an IRC network, as far as its server has said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IrcUser {
    /// The name that they go by now.
    pub nick: String,
    /// `user@host`, as others see it.
    pub userhost: Option<String>,
    /// The account that they are logged in to; `None` for none, or where nobody says.
    pub account: Option<String>,
    /// What they say their real name is.
    pub realname: Option<String>,
    /// They have said that they are away.
    pub away: bool,
    /// They have said that they are a program.
    pub bot: bool,
}

impl IrcUser {
    /// Who is known by nothing but the nick.
    #[must_use]
    pub fn named(nick: &str) -> Self {
        Self { nick: nick.to_owned(), ..Self::default() }
    }
}
