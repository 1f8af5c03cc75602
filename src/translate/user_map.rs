//! Maps users of Let's Chat to users on IRC, as configured.

use std::collections::HashMap;

use super::directory::Directory;
use super::user_match::{UserMatcher, same_name};
use crate::domain::Author;

/// Which Let's Chat user is who on IRC, as configured. Unlisted users match the nick of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserMap {
    /// Keyed by lower-case user name.
    matchers_by_user: HashMap<String, Vec<UserMatcher>>,
}

impl UserMap {
    /// From user names, each with matchers for IRC users.
    #[must_use]
    pub fn new(people: impl IntoIterator<Item = (String, Vec<UserMatcher>)>) -> Self {
        let lower = |(user, who): (String, Vec<UserMatcher>)| (user.to_lowercase(), who);
        Self { matchers_by_user: people.into_iter().map(lower).collect() }
    }

    /// The nick of `user` in the channel, if present.
    pub(super) fn nick_of<'c>(&self, user: &str, directory: &'c dyn Directory) -> Option<&'c str> {
        match self.matchers_by_user.get(&user.to_lowercase()) {
            None => directory.nick_of_user(user).or_else(|| directory.find_nick(user)),
            Some(who) => who.iter().find_map(|who| match who {
                UserMatcher::Name(nick) => directory.find_nick(nick),
                UserMatcher::Account(account) => directory.nick_of_account(account),
                UserMatcher::Mask(_) => None,
            }),
        }
    }

    /// The Let's Chat user that an IRC user means by `name`, which is a user name or a nick. Only users in
    /// the room or in the map are found.
    pub(super) fn user_of<'c>(
        &'c self,
        name: &str,
        directory: &'c dyn Directory,
    ) -> Option<&'c str> {
        let account = directory.account_of_nick(name);
        let goes_by = |who: &UserMatcher| match who {
            UserMatcher::Name(nick) => same_name(nick, name),
            UserMatcher::Account(wanted) => {
                account.is_some_and(|account| same_name(account, wanted))
            }
            UserMatcher::Mask(_) => false,
        };
        let linked = self.matchers_by_user.iter().find(|(_, who)| who.iter().any(goes_by));
        linked
            .map(|(user, _)| user.as_str())
            .or_else(|| directory.user_of_nick(name))
            .or_else(|| directory.find_user(name))
    }

    /// Whether `author` is also in the channel that the message goes to.
    pub(super) fn is_in_channel(&self, author: &Author, directory: &dyn Directory) -> bool {
        self.nick_of(&author.name, directory).is_some()
    }
}
