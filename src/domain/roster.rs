use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::{Casemapping, Person};

/// Who is in one channel.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    casemapping: Casemapping,
    /// By nick, as [`Casemapping::fold`] spells it.
    members: HashMap<String, Member>,
    /// The folded nicks of those who are logged in to an account, by its folded name.
    accounts: HashMap<String, BTreeSet<String>>,
}

/// Somebody in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub person: Arc<Person>,
    /// The marks that stand before the nick there, such as `@+`, the highest first.
    pub ranks: Box<str>,
    /// When they last said something there, while we were listening.
    pub spoke: Option<Timestamp>,
}

impl Member {
    /// Somebody who has just come in.
    #[must_use]
    pub fn new(person: Arc<Person>, ranks: &str) -> Self {
        Self { person, ranks: ranks.into(), spoke: None }
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
    pub fn get(&self, nick: &str) -> Option<&Member> {
        self.members.get(&self.casemapping.fold(nick))
    }

    /// Who is logged in to `account`: under several nicks, perhaps.
    pub fn with_account(&self, account: &str) -> impl Iterator<Item = &Member> {
        let nicks = self.accounts.get(&self.casemapping.fold(account));
        nicks.into_iter().flatten().filter_map(|nick| self.members.get(nick))
    }

    /// Who has spoken at `since` or later, in no order.
    pub fn spoken_since(&self, since: Timestamp) -> impl Iterator<Item = &Member> {
        self.iter().filter(move |member| member.spoke.is_some_and(|spoke| spoke >= since))
    }

    /// Everybody, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Member> {
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
    pub fn enter(&mut self, member: Member) {
        let nick = self.casemapping.fold(&member.person.nick);
        self.unlist(&nick);
        self.list(&nick, &member.person);
        self.members.insert(nick, member);
    }

    /// Whoever goes by `nick` leaves.
    pub fn leave(&mut self, nick: &str) -> Option<Member> {
        let nick = self.casemapping.fold(nick);
        self.unlist(&nick);
        self.members.remove(&nick)
    }

    /// Who went by `nick` is now known as `now`: under another nick, perhaps.
    pub fn change(&mut self, nick: &str, now: &Arc<Person>) {
        if let Some(member) = self.leave(nick) {
            self.enter(Member { person: Arc::clone(now), ..member });
        }
    }

    /// Whoever goes by `nick` bears these marks from now on.
    pub fn rank(&mut self, nick: &str, ranks: &str) {
        if let Some(member) = self.members.get_mut(&self.casemapping.fold(nick)) {
            member.ranks = ranks.into();
        }
    }

    /// Whoever goes by `nick` says something.
    pub fn speak(&mut self, nick: &str, at: Timestamp) {
        if let Some(member) = self.members.get_mut(&self.casemapping.fold(nick)) {
            member.spoke = Some(at);
        }
    }

    /// Exactly these are there. When those who were there before last spoke is not forgotten.
    pub fn replace(&mut self, casemapping: Casemapping, members: impl Iterator<Item = Member>) {
        let before = std::mem::replace(self, Self::new(casemapping));
        for member in members {
            let spoke = before.get(&member.person.nick).and_then(|member| member.spoke);
            self.enter(Member { spoke: member.spoke.or(spoke), ..member });
        }
    }

    fn list(&mut self, nick: &str, person: &Person) {
        if let Some(account) = &person.account {
            let account = self.casemapping.fold(account);
            self.accounts.entry(account).or_default().insert(nick.to_owned());
        }
    }

    fn unlist(&mut self, nick: &str) {
        let account = self.members.get(nick).and_then(|member| member.person.account.as_ref());
        let Some(account) = account.map(|account| self.casemapping.fold(account)) else { return };
        if let Some(nicks) = self.accounts.get_mut(&account) {
            nicks.remove(nick);
            if nicks.is_empty() {
                self.accounts.remove(&account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(nick: &str, account: Option<&str>) -> Arc<Person> {
        Arc::new(Person { account: account.map(str::to_owned), ..Person::named(nick) })
    }

    fn roster(people: &[(&str, Option<&str>)]) -> Roster {
        let mut roster = Roster::new(Casemapping::Rfc1459);
        for (nick, account) in people {
            roster.enter(Member::new(person(nick, *account), ""));
        }
        roster
    }

    fn nicks<'a>(members: impl Iterator<Item = &'a Member>) -> Vec<&'a str> {
        let mut nicks: Vec<&str> = members.map(|member| member.person.nick.as_str()).collect();
        nicks.sort_unstable();
        nicks
    }

    #[test]
    fn people_are_found_however_their_nick_is_spelled() {
        let roster = roster(&[("Ann[m]", None)]);
        assert!(roster.get("aNN{M}").is_some());
        assert!(roster.get("ann").is_none());
    }

    #[test]
    fn people_are_found_by_their_account_while_they_have_it() {
        let mut roster = roster(&[("ann", Some("Ann")), ("phone", Some("ann")), ("bob", None)]);
        assert_eq!(nicks(roster.with_account("ANN")), ["ann", "phone"]);
        roster.change("ann", &person("ann", None));
        assert_eq!(nicks(roster.with_account("ann")), ["phone"]);
        roster.change("PHONE", &person("ann_", Some("ann")));
        assert_eq!(nicks(roster.with_account("ann")), ["ann_"]);
        roster.leave("ann_");
        assert!(roster.accounts.is_empty());
        assert_eq!(nicks(roster.iter()), ["ann", "bob"]);
    }

    #[test]
    fn whoever_changes_the_nick_keeps_the_rest() {
        let mut roster = roster(&[("ann", None)]);
        roster.rank("ann", "@");
        roster.speak("Ann", Timestamp::UNIX_EPOCH);
        roster.change("ann", &person("eve", None));
        let eve = roster.get("eve").map(|eve| (&*eve.ranks, eve.spoke));
        assert_eq!(eve, Some(("@", Some(Timestamp::UNIX_EPOCH))));
        assert_eq!(nicks(roster.spoken_since(Timestamp::UNIX_EPOCH)), ["eve"]);
        assert!(roster.get("ann").is_none());
    }

    #[test]
    fn a_new_list_forgets_who_is_not_on_it_and_not_what_they_said() {
        let mut roster = roster(&[("ann", None), ("bob", None)]);
        roster.speak("ann", Timestamp::UNIX_EPOCH);
        let now =
            [("ann", "@"), ("eve", "")].map(|(nick, ranks)| Member::new(person(nick, None), ranks));
        roster.replace(Casemapping::Ascii, now.into_iter());
        assert_eq!(nicks(roster.iter()), ["ann", "eve"]);
        assert_eq!(roster.get("ann").and_then(|ann| ann.spoke), Some(Timestamp::UNIX_EPOCH));
    }
}
