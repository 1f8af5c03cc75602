use crate::domain::{Author, Casemapping, Mask, Message};

/// Somebody, as an administrator describes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserMatcher {
    /// Whoever goes by this nick, or this user name.
    Name(String),
    /// Whoever is logged in to this account with IRC's services.
    Account(String),
    /// Whoever fits this mask of `nick!user@host`.
    Mask(Mask),
}

/// Some people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum UserSet {
    /// All of them.
    #[default]
    Everyone,
    /// These.
    Only(Vec<UserMatcher>),
}

impl UserMatcher {
    /// Whether it is `author`.
    #[must_use]
    pub fn matches(&self, author: &Author) -> bool {
        match self {
            Self::Name(name) => same_name(name, &author.name),
            Self::Account(account) => {
                author.account.as_ref().is_some_and(|theirs| same_name(account, theirs))
            }
            Self::Mask(mask) => {
                let address = author.userhost.as_deref().unwrap_or("@");
                mask.matches(&format!("{}!{address}", author.name))
            }
        }
    }
}

impl UserSet {
    /// Nobody.
    #[must_use]
    pub const fn empty() -> Self {
        Self::Only(Vec::new())
    }

    /// Whether whoever wrote `message` is one of them.
    #[must_use]
    pub fn contains_author(&self, message: &Message) -> bool {
        match self {
            Self::Everyone => true,
            Self::Only(people) => people.iter().any(|who| who.matches(&message.author)),
        }
    }
}

/// Whether both are spellings of one name. What most networks fold, folded everywhere.
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
