//! Matches users, as described in the configuration.

use crate::domain::{Author, Casemapping, Mask, Message};

/// Matches a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserMatcher {
    /// By nick or user name.
    Name(String),
    /// By services account on IRC.
    Account(String),
    /// By hostmask (`nick!user@host`).
    Mask(Mask),
}

/// A set of users.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum UserSet {
    /// All users.
    #[default]
    Everyone,
    /// Users that any of these matches.
    Only(Vec<UserMatcher>),
}

impl UserMatcher {
    /// Whether it matches `author`.
    #[must_use]
    pub fn matches(&self, author: &Author) -> bool {
        match self {
            Self::Name(name) => same_name(name, &author.name),
            Self::Account(account) => {
                author.account.as_ref().is_some_and(|wanted| same_name(account, wanted))
            }
            Self::Mask(mask) => {
                let address = author.userhost.as_deref().unwrap_or("@");
                mask.matches(&format!("{}!{address}", author.name))
            }
        }
    }
}

impl UserSet {
    /// The empty set.
    #[must_use]
    pub const fn empty() -> Self {
        Self::Only(Vec::new())
    }

    /// Whether it contains the author of `message`.
    #[must_use]
    pub fn contains_author(&self, message: &Message) -> bool {
        match self {
            Self::Everyone => true,
            Self::Only(people) => people.iter().any(|who| who.matches(&message.author)),
        }
    }
}

/// Whether both are spellings of the same name, with the case folding of most networks.
pub(super) fn same_name(left: &str, right: &str) -> bool {
    Casemapping::Rfc1459.same(left, right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matcher_compares_name_account_or_mask() {
        let author = Author {
            name: "Ann[m]".to_owned(),
            account: Some("ann".to_owned()),
            userhost: Some("a@office.example".to_owned()),
            ..Author::default()
        };
        let mask = |mask| UserMatcher::Mask(Mask::new(Casemapping::Rfc1459, mask));
        for (who, is) in [
            (UserMatcher::Name("ann{M}".to_owned()), true),
            (UserMatcher::Name("ann".to_owned()), false),
            (UserMatcher::Account("ANN".to_owned()), true),
            (UserMatcher::Account("bob".to_owned()), false),
            (mask("*!*@*.example"), true),
            (mask("bob!*@*"), false),
        ] {
            assert_eq!(who.matches(&author), is, "{who:?}");
        }
        let nobody = Author::named("eve");
        assert!(!UserMatcher::Account(String::new()).matches(&nobody));
        assert!(!mask("*!*@*.example").matches(&nobody));
    }
}
