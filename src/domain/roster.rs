use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::{Casemapping, IrcUser};

/// Who is in one channel.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    casemapping: Casemapping,
    /// By nick, as [`Casemapping::fold`] spells it.
    members: HashMap<String, ChannelMember>,
    /// The folded nicks of those who are logged in to an account, by its folded name.
    nicks_by_account: HashMap<String, BTreeSet<String>>,
}

/// Somebody in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelMember {
    /// Who.
    pub user: Arc<IrcUser>,
    /// The marks that stand before the nick there, such as `@+`, the highest first.
    pub prefixes: Box<str>,
    /// When they last said something there, while we were listening.
    pub last_spoke: Option<Timestamp>,
}

impl ChannelMember {
    /// Somebody who has just come in.
    #[must_use]
    pub fn new(person: Arc<IrcUser>, ranks: &str) -> Self {
        Self { user: person, prefixes: ranks.into(), last_spoke: None }
    }
}

impl Roster {
    /// Nobody yet, on a server that folds names like this.
    #[must_use]
    pub fn new(casemapping: Casemapping) -> Self {
        Self { casemapping, ..Self::default() }
    }

    /// How the server folds the names of those who are there.
    #[must_use]
    pub fn casemapping(&self) -> Casemapping {
        self.casemapping
    }

    /// Who goes by `nick`, however it is spelled.
    #[must_use]
    pub fn get(&self, nick: &str) -> Option<&ChannelMember> {
        self.members.get(&self.casemapping.fold(nick))
    }

    /// Who is logged in to `account`: under several nicks, perhaps.
    pub fn with_account(&self, account: &str) -> impl Iterator<Item = &ChannelMember> {
        let nicks = self.nicks_by_account.get(&self.casemapping.fold(account));
        nicks.into_iter().flatten().filter_map(|nick| self.members.get(nick))
    }

    /// Who has spoken at `since` or later, in no order.
    pub fn spoken_since(&self, since: Timestamp) -> impl Iterator<Item = &ChannelMember> {
        self.iter().filter(move |member| member.last_spoke.is_some_and(|spoke| spoke >= since))
    }

    /// Everybody, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &ChannelMember> {
        self.members.values()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Somebody comes in. Who went by that nick before is no longer there.
    pub fn insert(&mut self, member: ChannelMember) {
        let nick = self.casemapping.fold(&member.user.nick);
        self.unindex_account(&nick);
        self.index_account(&nick, &member.user);
        self.members.insert(nick, member);
    }

    /// Whoever goes by `nick` leaves.
    pub fn remove(&mut self, nick: &str) -> Option<ChannelMember> {
        let nick = self.casemapping.fold(nick);
        self.unindex_account(&nick);
        self.members.remove(&nick)
    }

    /// Who went by `nick` is now known as `now`: under another nick, perhaps.
    pub fn update(&mut self, nick: &str, now: &Arc<IrcUser>) {
        if let Some(member) = self.remove(nick) {
            self.insert(ChannelMember { user: Arc::clone(now), ..member });
        }
    }

    /// Whoever goes by `nick` bears these marks from now on.
    pub fn set_prefixes(&mut self, nick: &str, ranks: &str) {
        if let Some(member) = self.members.get_mut(&self.casemapping.fold(nick)) {
            member.prefixes = ranks.into();
        }
    }

    /// Whoever goes by `nick` says something.
    pub fn set_last_spoke(&mut self, nick: &str, at: Timestamp) {
        if let Some(member) = self.members.get_mut(&self.casemapping.fold(nick)) {
            member.last_spoke = Some(at);
        }
    }

    /// Exactly these are there. When those who were there before last spoke is not forgotten.
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

    fn index_account(&mut self, nick: &str, person: &IrcUser) {
        if let Some(account) = &person.account {
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
