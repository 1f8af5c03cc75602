use std::collections::HashMap;

use super::company::Company;
use super::who::{Who, same};
use crate::domain::Author;

/// Which user of Let's Chat is who on IRC, as far as the administrator has said. Whoever is not
/// listed is who goes by the same name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct People {
    /// By user name, in lower case.
    known: HashMap<String, Vec<Who>>,
}

impl People {
    /// These people: the name of the user, and who that is on IRC.
    #[must_use]
    pub fn new(people: impl IntoIterator<Item = (String, Vec<Who>)>) -> Self {
        let lower = |(user, who): (String, Vec<Who>)| (user.to_lowercase(), who);
        Self { known: people.into_iter().map(lower).collect() }
    }

    /// The nick in the channel of the person called `user` on Let's Chat, if they are there.
    pub(super) fn nick_of<'c>(&self, user: &str, company: &'c dyn Company) -> Option<&'c str> {
        match self.known.get(&user.to_lowercase()) {
            None => company.nick(user),
            Some(who) => who.iter().find_map(|who| match who {
                Who::Name(nick) => company.nick(nick),
                Who::Account(account) => company.nick_of_account(account),
                Who::Mask(_) => None,
            }),
        }
    }

    /// The user of Let's Chat whom somebody on IRC means by `name`: that user's own name, or their
    /// nick. Only who is in the room, or was named by the administrator.
    pub(super) fn user_of<'c>(&'c self, name: &str, company: &'c dyn Company) -> Option<&'c str> {
        let account = company.account_of(name);
        let goes_by = |who: &Who| match who {
            Who::Name(nick) => same(nick, name),
            Who::Account(theirs) => account.is_some_and(|account| same(account, theirs)),
            Who::Mask(_) => false,
        };
        let linked = self.known.iter().find(|(_, who)| who.iter().any(goes_by));
        linked.map(|(user, _)| user.as_str()).or_else(|| company.user(name))
    }

    /// Whether `author`, whose words are told in the channel, sits there, too.
    pub(super) fn is_there(&self, author: &Author, company: &dyn Company) -> bool {
        self.nick_of(&author.name, company).is_some()
    }
}
