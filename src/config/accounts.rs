//! How people of IRC are shown in Let's Chat, and the accounts there that they speak as.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use crate::domain::{Author, Network};
use crate::translate::UserMatcher;

/// How people of IRC are shown in Let's Chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LetsChatSenderMode {
    /// The bridge's account posts their messages, with their names in the text.
    #[default]
    Bot,
    /// Each person has an account there, which posts their messages.
    Accounts,
}

/// Who on IRC gets an account on Let's Chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountsFor {
    /// Everyone who speaks.
    #[default]
    Everyone,
    /// Only people who are logged in to a services account.
    Registered,
}

/// Whose accounts are shown as present in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountPresence {
    /// Nobody's: accounts only post.
    #[default]
    Off,
    /// Those of people who have spoken.
    Speakers,
}

/// Settings of the accounts that the bridge makes on Let's Chat for people of IRC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSettings {
    /// Who gets an account.
    pub accounts_for: AccountsFor,
    /// The template of user names, with the fields `{nick}`, `{account}` and `{network}`. Outside of them are only
    /// characters of user names (docs/letschat-protocol.md), among them a letter or a digit.
    pub username: String,
    /// The template of mail addresses, with the field `{user}`, the user name.
    pub email: String,
    /// The maximum number of accounts that the bridge makes. Never 0.
    pub max: usize,
    /// How many lines somebody must have written before they get an account. Never 0.
    pub after_lines: u32,
    /// The minimum time between two registrations or sign-ins.
    pub login_interval: Duration,
    /// How long the bridge keeps the session of somebody who writes nothing.
    pub session_idle: Duration,
    /// Whose accounts are shown as present.
    pub presence: AccountPresence,
    /// Whether `!link` answers only people who are logged in to a services account.
    pub link_requires_account: bool,
}

impl Default for AccountSettings {
    fn default() -> Self {
        Self {
            accounts_for: AccountsFor::default(),
            username: "{nick}.irc".to_owned(),
            email: "{user}@irc.invalid".to_owned(),
            max: 500,
            after_lines: 1,
            login_interval: Duration::from_secs(1),
            session_idle: Duration::from_hours(30 * 24),
            presence: AccountPresence::default(),
            link_requires_account: true,
        }
    }
}

/// A person of `[user_map]`.
#[derive(Debug, Clone)]
pub struct PersonSettings {
    /// Their user name on Let's Chat, as written.
    pub user: String,
    /// Who they are on IRC. Contains no masks.
    pub matchers: Vec<UserMatcher>,
    /// The only network where that is them; `None` for any. Set if there is a token and several networks.
    pub network: Option<Network>,
    /// The API token of their own account on Let's Chat. Never set together with `email`.
    pub token: Option<SecretString>,
    /// The mail address of the account that the bridge makes for them; `None` for the template.
    pub email: Option<String>,
    /// How they are shown in Let's Chat, on all links; `None` for the setting of the link.
    pub sender_mode: Option<LetsChatSenderMode>,
}

impl PersonSettings {
    /// Whether `author` on IRC is this person.
    #[must_use]
    pub fn is_author(&self, author: &Author) -> bool {
        self.matchers.iter().any(|who| who.matches(author))
    }
}
