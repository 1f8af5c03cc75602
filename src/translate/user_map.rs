use std::collections::HashMap;

use super::directory::Directory;
use super::user_match::{UserMatcher, same_name};
use crate::domain::Author;

/// Which user of Let's Chat is who on IRC, as far as the administrator has said. Whoever is not
/// listed is who goes by the same name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserMap {
    /// By user name, in lower case.
    matchers_by_user: HashMap<String, Vec<UserMatcher>>,
}

impl UserMap {
    /// These people: the name of the user, and who that is on IRC.
    #[must_use]
    pub fn new(people: impl IntoIterator<Item = (String, Vec<UserMatcher>)>) -> Self {
        let lower = |(user, who): (String, Vec<UserMatcher>)| (user.to_lowercase(), who);
        Self { matchers_by_user: people.into_iter().map(lower).collect() }
    }

    /// The nick in the channel of the person called `user` on Let's Chat, if they are there.
    pub(super) fn nick_of<'c>(&self, user: &str, company: &'c dyn Directory) -> Option<&'c str> {
        match self.matchers_by_user.get(&user.to_lowercase()) {
            None => company.find_nick(user),
            Some(who) => who.iter().find_map(|who| match who {
                UserMatcher::Name(nick) => company.find_nick(nick),
                UserMatcher::Account(account) => company.nick_of_account(account),
                UserMatcher::Mask(_) => None,
            }),
        }
    }

    /// The user of Let's Chat whom somebody on IRC means by `name`: that user's own name, or their
    /// nick. Only who is in the room, or was named by the administrator.
    pub(super) fn user_of<'c>(&'c self, name: &str, company: &'c dyn Directory) -> Option<&'c str> {
        let account = company.account_of_nick(name);
        let goes_by = |who: &UserMatcher| match who {
            UserMatcher::Name(nick) => same_name(nick, name),
            UserMatcher::Account(theirs) => {
                account.is_some_and(|account| same_name(account, theirs))
            }
            UserMatcher::Mask(_) => false,
        };
        let linked = self.matchers_by_user.iter().find(|(_, who)| who.iter().any(goes_by));
        linked.map(|(user, _)| user.as_str()).or_else(|| company.find_user(name))
    }

    /// Whether `author`, whose words are told in the channel, sits there, too.
    pub(super) fn is_in_channel(&self, author: &Author, company: &dyn Directory) -> bool {
        self.nick_of(&author.name, company).is_some()
    }
}
