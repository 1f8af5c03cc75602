/// Who said something, as far as the network tells.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Author {
    /// The name that they go by there: a nick, a user name. Empty for the bridge itself.
    pub name: String,
    /// How they would like to be called, where they may choose: Let's Chat's display name.
    pub display_name: Option<String>,
    /// What the network itself knows them by, however they call themselves: the account with IRC's
    /// services, the id of the account on Let's Chat.
    pub account: Option<String>,
    /// `user@host`, on IRC.
    pub userhost: Option<String>,
    /// The network says that it is a program (<https://ircv3.net/specs/extensions/bot-mode>).
    pub bot: bool,
}

impl Author {
    /// Somebody of whom no more than the name is known.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// The bridge itself, where it has something to say.
    #[must_use]
    pub fn bridge() -> Self {
        Self::default()
    }

    /// Whether it is the bridge itself.
    #[must_use]
    pub fn is_bridge(&self) -> bool {
        self.name.is_empty()
    }
}
