use crate::domain::{Author, Casemapping, Mask, Message};

/// Somebody, as an administrator describes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Whoever goes by this nick, or this user name.
    Name(String),
    /// Whoever is logged in to this account with IRC's services.
    Account(String),
    /// Whoever fits this mask of `nick!user@host`.
    Mask(Mask),
}

/// Some people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Whom {
    /// All of them.
    #[default]
    Everyone,
    /// These.
    These(Vec<Who>),
}

impl Who {
    /// Whether it is `author`.
    #[must_use]
    pub fn is(&self, author: &Author) -> bool {
        match self {
            Self::Name(name) => same(name, &author.name),
            Self::Account(account) => {
                author.account.as_ref().is_some_and(|theirs| same(account, theirs))
            }
            Self::Mask(mask) => {
                let address = author.userhost.as_deref().unwrap_or("@");
                mask.matches(&format!("{}!{address}", author.name))
            }
        }
    }
}

impl Whom {
    /// Nobody.
    #[must_use]
    pub const fn nobody() -> Self {
        Self::These(Vec::new())
    }

    /// Whether whoever wrote `message` is one of them.
    #[must_use]
    pub fn wrote(&self, message: &Message) -> bool {
        match self {
            Self::Everyone => true,
            Self::These(people) => people.iter().any(|who| who.is(&message.author)),
        }
    }
}

/// Whether both are spellings of one name. What most networks fold, folded everywhere.
pub(super) fn same(left: &str, right: &str) -> bool {
    Casemapping::Rfc1459.same(left, right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_known_by_name_account_or_mask() {
        let author = Author {
            name: "Ann[m]".to_owned(),
            account: Some("ann".to_owned()),
            userhost: Some("a@office.example".to_owned()),
            ..Author::default()
        };
        let mask = |mask| Who::Mask(Mask::new(Casemapping::Rfc1459, mask));
        for (who, is) in [
            (Who::Name("ann{M}".to_owned()), true),
            (Who::Name("ann".to_owned()), false),
            (Who::Account("ANN".to_owned()), true),
            (Who::Account("bob".to_owned()), false),
            (mask("*!*@*.example"), true),
            (mask("bob!*@*"), false),
        ] {
            assert_eq!(who.is(&author), is, "{who:?}");
        }
        let nobody = Author::named("eve");
        assert!(!Who::Account(String::new()).is(&nobody));
        assert!(!mask("*!*@*.example").is(&nobody));
    }
}
