//! People on IRC as the bridge tells them apart, and the accounts on Let's Chat that they speak as.

use std::fmt;

use super::{LetsChatUserId, Network, Secret};

/// The number of a person in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(pub i64);

/// How a person on IRC is told apart from others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PersonKey {
    /// Their network.
    pub network: Network,
    /// What they are known by there.
    pub identity: Identity,
}

/// What a person is known by on a network. Both names are case-folded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The services account, which only its owner can use.
    Account(String),
    /// The nick with which they were first seen, if they have no services account.
    Nick(String),
}

/// An account on Let's Chat that a person of IRC speaks as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpeakerAccount {
    /// Whose it is.
    pub person: PersonId,
    /// Where it comes from.
    pub kind: AccountKind,
    /// Its id on Let's Chat; `None` until it is made.
    pub user: Option<LetsChatUserId>,
    /// Its user name.
    pub username: String,
    /// Its display name.
    pub display_name: String,
    /// Whether the bridge can speak as it.
    pub access: AccountAccess,
}

/// Where an account comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountKind {
    /// The bridge registered it.
    Made,
    /// The administrator restores it into the database of Let's Chat from a document that the bridge wrote.
    Written,
    /// The bridge made it, and its person has taken it over.
    TakenOver,
    /// The person's own, which they linked on the page, or the administrator in the configuration.
    Linked,
}

/// Whether the bridge can speak as an account.
///
/// ```text
///  Planned ──registered, signed in──▶ Usable ──refused for good──▶ Lost
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountAccess {
    /// It is to be registered, or was and the answer is missing.
    Planned,
    /// It can be spoken as.
    Usable,
    /// Let's Chat no longer accepts what the bridge knows.
    Lost,
}

/// What gives access to an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountSecrets {
    /// The password, of an account that the bridge made.
    pub password: Option<Secret>,
    /// The cookie of a session.
    pub session: Option<Secret>,
    /// The API token.
    pub token: Option<Secret>,
}

impl AccountKind {
    /// Whether only the bridge speaks as the account, so that everything posted by it is the bridge's.
    #[must_use]
    pub fn is_only_ours(self) -> bool {
        matches!(self, Self::Made | Self::Written)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => write!(f, "account {account}"),
            Self::Nick(nick) => write!(f, "nick {nick}"),
        }
    }
}
