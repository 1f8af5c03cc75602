//! A user as one end of a direct-message conversation.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::{LetsChatUserId, Network};

/// One end of a direct-message conversation: a user, as precisely as the network can identify them.
///
/// Serialised like an endpoint, with an `@` that no channel or room name can have:
/// `office/@account ann`, `office/@nick ann`, `letschat/@user 56b9…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UserRef {
    /// The user logged in to this account on a network. The name is case-folded as the server does it.
    Account(Network, Arc<str>),
    /// The user with this nick (folded), for as long as they keep it and the bridge sees them. A later user
    /// of the nick is somebody else.
    Nick(Network, Arc<str>),
    /// The user with this id on Let's Chat.
    LetsChat(LetsChatUserId),
}

impl UserRef {
    /// The IRC network of the user; `None` for Let's Chat.
    #[must_use]
    pub fn network(&self) -> Option<&Network> {
        match self {
            Self::Account(network, _) | Self::Nick(network, _) => Some(network),
            Self::LetsChat(_) => None,
        }
    }
}

impl fmt::Display for UserRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(network, account) => write!(f, "{network}/@account {account}"),
            Self::Nick(network, nick) => write!(f, "{network}/@nick {nick}"),
            Self::LetsChat(LetsChatUserId(id)) => write!(f, "letschat/@user {id}"),
        }
    }
}

/// The text is not a valid user reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserRefError;

impl FromStr for UserRef {
    type Err = UserRefError;

    fn from_str(text: &str) -> Result<Self, UserRefError> {
        let (at, who) = text.split_once('/').ok_or(UserRefError)?;
        let (kind, name) =
            who.strip_prefix('@').and_then(|it| it.split_once(' ')).ok_or(UserRefError)?;
        match kind {
            "account" => Ok(Self::Account(Network::new(at), name.into())),
            "nick" => Ok(Self::Nick(Network::new(at), name.into())),
            "user" => Ok(Self::LetsChat(LetsChatUserId(name.into()))),
            _ => Err(UserRefError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_refs_round_trip_and_endpoint_names_do_not_parse() {
        let office = Network::new("office");
        for user in [
            UserRef::Account(office.clone(), "ann".into()),
            UserRef::Nick(office, "ann{m}".into()),
            UserRef::LetsChat(LetsChatUserId("56b9d2c7a1b2c3d4e5f60718".into())),
        ] {
            assert_eq!(user.to_string().parse(), Ok(user));
        }
        for endpoint in
            ["office/#tea", "office/#tea/@nick ann", "letschat/tea", "tea", "office/@who ann"]
        {
            assert_eq!(endpoint.parse::<UserRef>(), Err(UserRefError), "{endpoint}");
        }
    }
}
