//! The members of a channel.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::{Casemapping, IrcUser};

/// The members of one channel.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    casemapping: Casemapping,
    /// By folded nick ([`Casemapping::fold`]).
    members: HashMap<String, ChannelMember>,
    /// The folded nicks of logged-in members, by folded account name.
    nicks_by_account: HashMap<String, BTreeSet<String>>,
}

/// A member of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelMember {
    /// The user.
    pub user: Arc<IrcUser>,
    /// The status prefixes, such as `@+`, highest first.
    pub prefixes: Box<str>,
    /// When they last spoke in the channel, as far as the bridge saw.
    pub last_spoke: Option<Timestamp>,
}

impl ChannelMember {
    /// A user who has just joined.
    #[must_use]
    pub fn new(user: Arc<IrcUser>, prefixes: &str) -> Self {
        Self { user, prefixes: prefixes.into(), last_spoke: None }
    }
}

impl Roster {
    /// An empty roster, on a server with this case mapping.
    #[must_use]
    pub fn new(casemapping: Casemapping) -> Self {
        Self { casemapping, ..Self::default() }
    }

    /// The server's case mapping.
    #[must_use]
    pub fn casemapping(&self) -> Casemapping {
        self.casemapping
    }

    /// The member with this nick, in any spelling.
    #[must_use]
    pub fn get(&self, nick: &str) -> Option<&ChannelMember> {
        self.members.get(&self.casemapping.fold(nick))
    }

    /// The members logged in to `account`, possibly several.
    pub fn with_account(&self, account: &str) -> impl Iterator<Item = &ChannelMember> {
        let nicks = self.nicks_by_account.get(&self.casemapping.fold(account));
        nicks.into_iter().flatten().filter_map(|nick| self.members.get(nick))
    }

    /// The members who have spoken since `since`, in no particular order.
    pub fn spoken_since(&self, since: Timestamp) -> impl Iterator<Item = &ChannelMember> {
        self.iter().filter(move |member| member.last_spoke.is_some_and(|spoke| spoke >= since))
    }

    /// All members, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &ChannelMember> {
        self.members.values()
    }

    /// The number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Adds a member; replaces an earlier one with the same nick.
    pub fn insert(&mut self, member: ChannelMember) {
        let nick = self.casemapping.fold(&member.user.nick);
        self.unindex_account(&nick);
        self.index_account(&nick, &member.user);
        self.members.insert(nick, member);
    }

    /// Removes the member with this nick.
    pub fn remove(&mut self, nick: &str) -> Option<ChannelMember> {
        let nick = self.casemapping.fold(nick);
        self.unindex_account(&nick);
        self.members.remove(&nick)
    }

    /// Replaces the user data of the member with this nick, including the nick itself.
    pub fn update(&mut self, nick: &str, now: &Arc<IrcUser>) {
        if let Some(member) = self.remove(nick) {
            self.insert(ChannelMember { user: Arc::clone(now), ..member });
        }
    }

    /// Sets the status prefixes of the member with this nick.
    pub fn set_prefixes(&mut self, nick: &str, prefixes: &str) {
        if let Some(member) = self.members.get_mut(&self.casemapping.fold(nick)) {
            member.prefixes = prefixes.into();
        }
    }

    /// Records that the member with this nick spoke at `at`.
    pub fn set_last_spoke(&mut self, nick: &str, at: Timestamp) {
        if let Some(member) = self.members.get_mut(&self.casemapping.fold(nick)) {
            member.last_spoke = Some(at);
        }
    }

    /// Replaces the whole list; keeps when remaining members last spoke.
    pub fn replace(
        &mut self,
        casemapping: Casemapping,
        members: impl Iterator<Item = ChannelMember>,
    ) {
        let before = std::mem::replace(self, Self::new(casemapping));
        for member in members {
            let spoke = before.get(&member.user.nick).and_then(|member| member.last_spoke);
            self.insert(ChannelMember { last_spoke: member.last_spoke.or(spoke), ..member });
        }
    }

    fn index_account(&mut self, nick: &str, user: &IrcUser) {
        if let Some(account) = &user.account {
            let account = self.casemapping.fold(account);
            self.nicks_by_account.entry(account).or_default().insert(nick.to_owned());
        }
    }

    fn unindex_account(&mut self, nick: &str) {
        let account = self.members.get(nick).and_then(|member| member.user.account.as_ref());
        let Some(account) = account.map(|account| self.casemapping.fold(account)) else { return };
        if let Some(nicks) = self.nicks_by_account.get_mut(&account) {
            nicks.remove(nick);
            if nicks.is_empty() {
                self.nicks_by_account.remove(&account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(nick: &str, account: Option<&str>) -> Arc<IrcUser> {
        Arc::new(IrcUser { account: account.map(str::to_owned), ..IrcUser::named(nick) })
    }

    fn roster(people: &[(&str, Option<&str>)]) -> Roster {
        let mut roster = Roster::new(Casemapping::Rfc1459);
        for (nick, account) in people {
            roster.insert(ChannelMember::new(person(nick, *account), ""));
        }
        roster
    }

    fn nicks<'a>(members: impl Iterator<Item = &'a ChannelMember>) -> Vec<&'a str> {
        let mut nicks: Vec<&str> = members.map(|member| member.user.nick.as_str()).collect();
        nicks.sort_unstable();
        nicks
    }

    #[test]
    fn members_are_found_by_nick_case_insensitively() {
        let roster = roster(&[("Ann[m]", None)]);
        assert!(roster.get("aNN{M}").is_some());
        assert!(roster.get("ann").is_none());
    }

    #[test]
    fn members_are_found_by_account_while_logged_in() {
        let mut roster = roster(&[("ann", Some("Ann")), ("phone", Some("ann")), ("bob", None)]);
        assert_eq!(nicks(roster.with_account("ANN")), ["ann", "phone"]);
        roster.update("ann", &person("ann", None));
        assert_eq!(nicks(roster.with_account("ann")), ["phone"]);
        roster.update("PHONE", &person("ann_", Some("ann")));
        assert_eq!(nicks(roster.with_account("ann")), ["ann_"]);
        roster.remove("ann_");
        assert!(roster.nicks_by_account.is_empty());
        assert_eq!(nicks(roster.iter()), ["ann", "bob"]);
    }

    #[test]
    fn nick_change_keeps_prefixes_and_last_spoke() {
        let mut roster = roster(&[("ann", None)]);
        roster.set_prefixes("ann", "@");
        roster.set_last_spoke("Ann", Timestamp::UNIX_EPOCH);
        roster.update("ann", &person("eve", None));
        let eve = roster.get("eve").map(|eve| (&*eve.prefixes, eve.last_spoke));
        assert_eq!(eve, Some(("@", Some(Timestamp::UNIX_EPOCH))));
        assert_eq!(nicks(roster.spoken_since(Timestamp::UNIX_EPOCH)), ["eve"]);
        assert!(roster.get("ann").is_none());
    }

    #[test]
    fn replace_drops_absent_members_and_keeps_last_spoke() {
        let mut roster = roster(&[("ann", None), ("bob", None)]);
        roster.set_last_spoke("ann", Timestamp::UNIX_EPOCH);
        let now = [("ann", "@"), ("eve", "")]
            .map(|(nick, ranks)| ChannelMember::new(person(nick, None), ranks));
        roster.replace(Casemapping::Ascii, now.into_iter());
        assert_eq!(nicks(roster.iter()), ["ann", "eve"]);
        assert_eq!(roster.get("ann").and_then(|ann| ann.last_spoke), Some(Timestamp::UNIX_EPOCH));
    }
}
