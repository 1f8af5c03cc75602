//! Who is who: everybody in our channels, as the server tells it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::domain::{Casemapping, ChannelMember, EndpointId, IrcUser, Roster};

use super::membership::{LeaveReason, MembershipEvent};
use crate::protocol::irc::budget::MAX_USERS_BYTES;

/// More people than any network has in our channels. Whoever comes beyond is not remembered.
const MAX_USERS: usize = 200_000;

/// How many who were split off are expected back.
const MAX_NETSPLIT: usize = 20_000;

/// How many are learnt of before it is told.
const MAX_PENDING_WHO: usize = 50_000;

/// What somebody costs beside the letters of what is known of them, in memory.
const USER_OVERHEAD: usize = 200;

/// How much of an account's name, an address and a real name is kept.
const MAX_LEN: usize = 512;

/// How long those who were split off are expected back.
const NETSPLIT_TIMEOUT: Duration = Duration::from_secs(3_600);

/// Everybody in our channels. What becomes of them is told as [`Presence`].
#[derive(Debug, Default)]
pub(in crate::protocol::irc) struct Users {
    casemapping: Casemapping,
    /// Our own nick, folded.
    own_nick: String,
    /// By folded nick.
    by_nick: HashMap<String, UserEntry>,
    rosters: HashMap<EndpointId, Roster>,
    /// How many bytes all of them take.
    held_bytes: usize,
    /// The lists of NAMES that have not come to their end.
    pending_names: HashMap<EndpointId, Vec<(IrcUser, String)>>,
    /// What WHO has told, by folded nick, until it comes to its end.
    pending_who: Vec<String>,
    /// Who was split off, and when.
    netsplit_at: HashMap<String, Instant>,
    events: Vec<MembershipEvent>,
}

#[derive(Debug)]
struct UserEntry {
    user: Arc<IrcUser>,
    endpoints: Vec<EndpointId>,
}

/// What the server shows of somebody who does something.
#[derive(Debug, Clone, Copy)]
pub(in crate::protocol::irc) struct UserInfo<'a> {
    pub(in crate::protocol::irc) nick: &'a str,
    pub(in crate::protocol::irc) userhost: Option<&'a str>,
    /// `Some(None)` where it is known that they are not logged in.
    pub(in crate::protocol::irc) account: Option<Option<&'a str>>,
    pub(in crate::protocol::irc) realname: Option<&'a str>,
    /// Whether the server says that they are a program.
    pub(in crate::protocol::irc) bot: bool,
}

impl UserInfo<'_> {
    fn matches(&self, person: &IrcUser) -> bool {
        person.nick == self.nick
            && (self.userhost.is_none() || person.userhost.as_deref() == self.userhost)
            && self.account.is_none_or(|account| person.account.as_deref() == account)
            && (self.realname.is_none() || person.realname.as_deref() == self.realname)
            && (person.bot || !self.bot)
    }

    /// What is shown is so; what is not shown is as it was.
    fn apply_to(&self, person: &mut IrcUser) {
        let owned = |text: &str| Some(truncate_to_bytes(text, MAX_LEN).to_owned());
        self.nick.clone_into(&mut person.nick);
        person.userhost = self.userhost.and_then(owned).or(person.userhost.take());
        person.realname = self.realname.and_then(owned).or(person.realname.take());
        if let Some(account) = self.account {
            person.account = account.map(|account| truncate_to_bytes(account, MAX_LEN).to_owned());
        }
        person.bot |= self.bot;
    }
}

/// As much of `text` as `most` bytes hold.
pub(in crate::protocol::irc) fn truncate_to_bytes(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// How many bytes somebody takes.
fn user_bytes(person: &IrcUser) -> usize {
    let IrcUser { nick, userhost: address, account, realname, .. } = person;
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    USER_OVERHEAD + 2 * nick.len() + length(address) + length(account) + length(realname)
}

impl Users {
    /// How many bytes all that is known of people takes.
    pub(in crate::protocol::irc) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// The server folds names like this.
    pub(in crate::protocol::irc) fn set_casemapping(&mut self, casemapping: Casemapping) {
        if self.casemapping == casemapping {
            return;
        }
        // It is told before anybody is known; from a server that changes it later, all is new.
        let own_nick = std::mem::take(&mut self.own_nick);
        *self = Self { casemapping, own_nick: casemapping.fold(&own_nick), ..Self::default() };
    }

    /// We go by `nick`.
    pub(in crate::protocol::irc) fn set_own_nick(&mut self, nick: &str) {
        self.own_nick = self.casemapping.fold(nick);
    }

    /// What has become of people since it was asked for last.
    pub(in crate::protocol::irc) fn drain_events(
        &mut self,
    ) -> std::vec::Drain<'_, MembershipEvent> {
        self.events.drain(..)
    }

    /// Who goes by `nick`.
    pub(in crate::protocol::irc) fn get(&self, nick: &str) -> Option<&Arc<IrcUser>> {
        self.by_nick.get(&self.casemapping.fold(nick)).map(|known| &known.user)
    }

    /// How many are in the channel, as far as is known.
    pub(in crate::protocol::irc) fn member_count(&self, place: EndpointId) -> usize {
        self.rosters.get(&place).map_or(0, Roster::len)
    }

    /// Whether the server has listed ourselves there.
    pub(in crate::protocol::irc) fn is_own_nick_listed(&self, place: EndpointId) -> bool {
        self.rosters.get(&place).is_some_and(|channel| channel.get(&self.own_nick).is_some())
    }

    /// Whether we have any mark there: voice, or more.
    pub(in crate::protocol::irc) fn are_we_marked(&self, place: EndpointId) -> bool {
        let me = self.rosters.get(&place).and_then(|channel| channel.get(&self.own_nick));
        me.is_some_and(|member| !member.prefixes.is_empty())
    }

    /// Somebody does something: what the server shows of them with it is learnt.
    pub(in crate::protocol::irc) fn observe(&mut self, seen: UserInfo<'_>) {
        if self.get(seen.nick).is_some_and(|person| !seen.matches(person)) {
            self.update(seen.nick, |person| seen.apply_to(person));
        }
    }

    /// Somebody comes into a channel; perhaps back, after a netsplit.
    pub(in crate::protocol::irc) fn join(
        &mut self,
        place: EndpointId,
        seen: UserInfo<'_>,
        netjoin: bool,
        now: Instant,
    ) {
        self.observe(seen);
        let folded = self.casemapping.fold(seen.nick);
        let split = self.netsplit_at.remove(&folded);
        let returned = netjoin || split.is_some_and(|at| now.duration_since(at) < NETSPLIT_TIMEOUT);
        let Some(who) = self.add_to_channel(&folded, place, &seen) else { return };
        self.roster_mut(place).insert(ChannelMember::new(Arc::clone(&who), ""));
        if folded != self.own_nick {
            self.events.push(MembershipEvent::Joined {
                endpoint: place,
                user: who,
                after_netsplit: returned,
            });
        }
    }

    /// Somebody leaves a channel.
    pub(in crate::protocol::irc) fn leave(
        &mut self,
        place: EndpointId,
        nick: &str,
        how: LeaveReason,
    ) {
        let member = self.rosters.get_mut(&place).and_then(|channel| channel.remove(nick));
        let Some(member) = member else { return };
        self.remove_from_channel(&self.casemapping.fold(nick), place);
        self.events.push(MembershipEvent::Left {
            endpoints: vec![place],
            user: member.user,
            reason: how,
        });
    }

    /// Somebody leaves the network.
    pub(in crate::protocol::irc) fn quit(&mut self, nick: &str, how: LeaveReason, now: Instant) {
        let folded = self.casemapping.fold(nick);
        let Some(UserEntry { user: who, endpoints: places }) = self.by_nick.remove(&folded) else {
            return;
        };
        self.held_bytes = self.held_bytes.saturating_sub(user_bytes(&who));
        for place in &places {
            self.rosters.get_mut(place).and_then(|channel| channel.remove(nick));
        }
        if matches!(how, LeaveReason::Netsplit { .. }) && self.netsplit_at.len() < MAX_NETSPLIT {
            self.netsplit_at.insert(folded, now);
        }
        self.events.push(MembershipEvent::Left { endpoints: places, user: who, reason: how });
    }

    /// Who went by `nick` is somebody else, or known otherwise, by this change.
    pub(in crate::protocol::irc) fn update(
        &mut self,
        nick: &str,
        change: impl FnOnce(&mut IrcUser),
    ) {
        let Some((places, before, now)) = self.replace_user(nick, change) else { return };
        if self.casemapping.fold(&now.nick) != self.own_nick {
            self.events.push(MembershipEvent::UserChanged { endpoints: places, before, now });
        }
    }

    /// Somebody is given, or loses, the mark `mark` in a channel; `marks` are all that there are,
    /// the highest first.
    pub(in crate::protocol::irc) fn set_prefix(
        &mut self,
        place: EndpointId,
        nick: &str,
        (mark, given): (char, bool),
        marks: &str,
    ) {
        let Some(channel) = self.rosters.get_mut(&place) else { return };
        let Some(member) = channel.get(nick) else { return };
        let has = |it: char| if it == mark { given } else { member.prefixes.contains(it) };
        let ranks: Box<str> = marks.chars().filter(|it| has(*it)).collect();
        let nick = member.user.nick.clone();
        channel.set_prefixes(&nick, &ranks);
        if self.casemapping.fold(&nick) != self.own_nick {
            self.events.push(MembershipEvent::PrefixChanged {
                endpoint: place,
                nick,
                prefixes: ranks,
            });
        }
    }

    /// NAMES tells that `name` is in the channel, such as `@ann` or `@+ann!a@host`; `marks` are all
    /// that may stand before a nick.
    pub(in crate::protocol::irc) fn add_name(
        &mut self,
        place: EndpointId,
        name: &str,
        marks: &str,
    ) {
        let ranked = name.trim_start_matches(|c| marks.contains(c));
        let raw = &name[..name.len() - ranked.len()];
        let ranks: String = marks.chars().filter(|mark| raw.contains(*mark)).collect();
        let (nick, address) = match ranked.split_once('!') {
            Some((nick, address)) => (nick, Some(truncate_to_bytes(address, MAX_LEN).to_owned())),
            None => (ranked, None),
        };
        let list = self.pending_names.entry(place).or_default();
        if !nick.is_empty() && nick.len() <= MAX_LEN && self.held_bytes <= MAX_USERS_BYTES {
            let person = IrcUser { userhost: address, ..IrcUser::named(nick) };
            self.held_bytes += user_bytes(&person);
            list.push((person, ranks));
        }
    }

    /// NAMES has told of everybody in the channel: who was thought to be there and is not, is gone.
    pub(in crate::protocol::irc) fn end_of_names(&mut self, place: EndpointId) {
        let list = self.take_names(place);
        let before = self.rosters.insert(place, Roster::new(self.casemapping));
        let there = list.iter().map(|(person, _)| self.casemapping.fold(&person.nick));
        let there: std::collections::HashSet<String> = there.collect();
        for member in before.iter().flat_map(Roster::iter) {
            let folded = self.casemapping.fold(&member.user.nick);
            if !there.contains(&folded) {
                self.remove_from_channel(&folded, place);
            }
        }
        for (person, prefixes) in list {
            let seen = UserInfo {
                nick: &person.nick,
                userhost: person.userhost.as_deref(),
                account: None,
                realname: None,
                bot: false,
            };
            self.observe(seen);
            let folded = self.casemapping.fold(&person.nick);
            if let Some(who) = self.add_to_channel(&folded, place, &seen) {
                self.roster_mut(place).insert(ChannelMember::new(who, &prefixes));
            }
        }
        self.push_names(place);
    }

    fn take_names(&mut self, place: EndpointId) -> Vec<(IrcUser, String)> {
        let list = self.pending_names.remove(&place).unwrap_or_default();
        let weight: usize = list.iter().map(|(person, _)| user_bytes(person)).sum();
        self.held_bytes = self.held_bytes.saturating_sub(weight);
        list
    }

    /// WHO tells of somebody; `away` of the flags that come with it.
    pub(in crate::protocol::irc) fn add_who_reply(&mut self, seen: UserInfo<'_>, away: bool) {
        let change = |person: &mut IrcUser| {
            seen.apply_to(person);
            (person.away, person.bot) = (away, seen.bot);
        };
        if self.replace_user(seen.nick, change).is_some() {
            self.pending_who.push(self.casemapping.fold(seen.nick));
        }
        if self.pending_who.len() >= MAX_PENDING_WHO {
            self.end_of_who();
        }
    }

    /// WHO has told all.
    pub(in crate::protocol::irc) fn end_of_who(&mut self) {
        let mut learnt = std::mem::take(&mut self.pending_who);
        learnt.retain(|nick| *nick != self.own_nick);
        let learnt = learnt.iter().filter_map(|nick| self.by_nick.get(nick));
        let learnt: Vec<_> =
            learnt.map(|known| (known.endpoints.clone(), Arc::clone(&known.user))).collect();
        if !learnt.is_empty() {
            self.events.push(MembershipEvent::UsersUpdated(learnt));
        }
    }

    /// We are no longer in the channel: whoever is there is out of our sight.
    pub(in crate::protocol::irc) fn remove_channel(&mut self, place: EndpointId) {
        self.take_names(place);
        let Some(channel) = self.rosters.remove(&place) else { return };
        for member in channel.iter() {
            self.remove_from_channel(&self.casemapping.fold(&member.user.nick), place);
        }
    }

    fn push_names(&mut self, place: EndpointId) {
        let casemapping = self.casemapping;
        let is_me = |member: &&ChannelMember| casemapping.fold(&member.user.nick) == self.own_nick;
        let members = self.rosters.get(&place).into_iter().flat_map(Roster::iter);
        let members = members.filter(|member| !is_me(member)).cloned().collect();
        self.events.push(MembershipEvent::Names { endpoint: place, casemapping, members });
    }

    fn roster_mut(&mut self, place: EndpointId) -> &mut Roster {
        self.rosters.entry(place).or_insert_with(|| Roster::new(self.casemapping))
    }

    /// Notes that whoever has the folded nick is in `place`; `None` when there are too many people.
    fn add_to_channel(
        &mut self,
        folded: &str,
        place: EndpointId,
        seen: &UserInfo<'_>,
    ) -> Option<Arc<IrcUser>> {
        if self.by_nick.len() >= MAX_USERS && !self.by_nick.contains_key(folded) {
            return None;
        }
        let held = &mut self.held_bytes;
        let known = self.by_nick.entry(folded.to_owned()).or_insert_with(|| {
            let mut person = IrcUser::default();
            seen.apply_to(&mut person);
            *held += user_bytes(&person);
            UserEntry { user: Arc::new(person), endpoints: Vec::new() }
        });
        if !known.endpoints.contains(&place) {
            known.endpoints.push(place);
        }
        Some(Arc::clone(&known.user))
    }

    fn remove_from_channel(&mut self, folded: &str, place: EndpointId) {
        let Some(known) = self.by_nick.get_mut(folded) else { return };
        known.endpoints.retain(|other| *other != place);
        if known.endpoints.is_empty() {
            self.held_bytes = self.held_bytes.saturating_sub(user_bytes(&known.user));
            self.by_nick.remove(folded);
        }
    }

    /// Makes somebody somebody else everywhere. `None` when that is nobody, or changes nothing.
    fn replace_user(
        &mut self,
        nick: &str,
        change: impl FnOnce(&mut IrcUser),
    ) -> Option<(Vec<EndpointId>, Arc<IrcUser>, Arc<IrcUser>)> {
        let folded = self.casemapping.fold(nick);
        let before = Arc::clone(&self.by_nick.get(&folded)?.user);
        let mut now = IrcUser::clone(&before);
        change(&mut now);
        if now == *before {
            return None;
        }
        for text in [&mut now.userhost, &mut now.account, &mut now.realname].into_iter().flatten() {
            text.truncate(text.floor_char_boundary(MAX_LEN));
        }
        let now = Arc::new(now);
        let UserEntry { endpoints: places, .. } = self.by_nick.remove(&folded)?;
        let folded = self.casemapping.fold(&now.nick);
        self.held_bytes = (self.held_bytes + user_bytes(&now)).saturating_sub(user_bytes(&before));
        // Nobody has that nick any more, whatever we have missed.
        let ghost = self.by_nick.remove(&folded);
        self.held_bytes =
            self.held_bytes.saturating_sub(ghost.as_ref().map_or(0, |it| user_bytes(&it.user)));
        for place in ghost.into_iter().flat_map(|ghost| ghost.endpoints) {
            self.roster_mut(place).remove(&now.nick);
        }
        for place in &places {
            self.roster_mut(*place).update(nick, &now);
        }
        self.by_nick
            .insert(folded, UserEntry { user: Arc::clone(&now), endpoints: places.clone() });
        Some((places, before, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEA: EndpointId = EndpointId(1);
    const DEV: EndpointId = EndpointId(2);

    fn seen(nick: &str) -> UserInfo<'_> {
        UserInfo { nick, userhost: None, account: None, realname: None, bot: false }
    }

    fn split() -> LeaveReason {
        LeaveReason::Netsplit { servers: "a.example b.example".to_owned() }
    }

    /// What was told, each with the nick and the number of channels that it is about.
    fn news(people: &mut Users) -> Vec<(&'static str, String, usize)> {
        let told = |it| match it {
            MembershipEvent::Names { members, .. } => ("listed", String::new(), members.len()),
            MembershipEvent::Joined { user: who, after_netsplit: false, .. } => {
                ("came", who.nick.clone(), 1)
            }
            MembershipEvent::Joined { user: who, after_netsplit: true, .. } => {
                ("returned", who.nick.clone(), 1)
            }
            MembershipEvent::Left {
                endpoints: places,
                user: who,
                reason: LeaveReason::Netsplit { .. },
            } => ("split", who.nick.clone(), places.len()),
            MembershipEvent::Left { endpoints: places, user: who, .. } => {
                ("went", who.nick.clone(), places.len())
            }
            MembershipEvent::UserChanged { endpoints: places, now, .. } => {
                ("changed", now.nick.clone(), places.len())
            }
            MembershipEvent::UsersUpdated(people) => ("learnt", String::new(), people.len()),
            MembershipEvent::PrefixChanged { nick, prefixes: ranks, .. } => {
                ("ranked", format!("{ranks}{nick}"), 1)
            }
        };
        people.drain_events().map(told).collect()
    }

    fn to_strings(told: &[(&'static str, &str, usize)]) -> Vec<(&'static str, String, usize)> {
        told.iter().map(|(what, who, places)| (*what, (*who).to_owned(), *places)).collect()
    }

    #[test]
    fn held_bytes_follow_the_people() {
        let (mut people, now) = (Users::default(), Instant::now());
        let place = EndpointId(7);
        let host = "h".repeat(20_000);
        for number in 0..100 {
            people.add_name(place, &format!("@@@+ann{number}!a@{host}"), "@+");
        }
        let listed = people.held_bytes();
        assert!((100..=100 * 1_000).contains(&listed), "{listed}");
        people.end_of_names(place);
        assert!(people.held_bytes() <= listed);
        let long = Some("r".repeat(20_000));
        people.update("ann1", |person| person.realname = long.clone());
        people.update("ann2", |person| person.nick = "ann3".to_owned());
        people.quit("ann4", LeaveReason::Quit { reason: None }, now);
        people.leave(place, "ann5", LeaveReason::Part { reason: None });
        assert!(people.held_bytes() < 100 * 1_500);
        people.add_name(place, "ann", "@+");
        people.remove_channel(place);
        assert_eq!(people.held_bytes(), 0);
    }

    #[test]
    fn endless_who_list_is_cut() {
        let mut people = Users::default();
        let host = "h".repeat(500);
        for number in 0..100_000 {
            people.add_name(EndpointId(7), &format!("n{number}!a@{host}"), "@+");
        }
        assert!(
            people.held_bytes() > MAX_USERS_BYTES && people.held_bytes() < MAX_USERS_BYTES + 1_000
        );
    }

    #[test]
    fn join_after_a_netsplit_is_a_netsplit_rejoin() {
        let now = Instant::now();
        let mut people = Users::default();
        people.join(TEA, seen("ann"), false, now);
        people.join(DEV, seen("ann"), false, now);
        people.quit("ANN", split(), now);
        people.join(TEA, seen("Ann"), false, now);
        people.quit("ann", split(), now);
        people.join(TEA, seen("ann"), false, now + NETSPLIT_TIMEOUT);
        people.join(TEA, seen("eve"), true, now);
        let told = [
            ("came", "ann", 1),
            ("came", "ann", 1),
            ("split", "ann", 2),
            ("returned", "Ann", 1),
            ("split", "Ann", 1),
            ("came", "ann", 1),
            ("returned", "eve", 1),
        ];
        assert_eq!(news(&mut people), to_strings(&told));
    }

    #[test]
    fn own_nick_is_never_reported() {
        let now = Instant::now();
        let mut people = Users::default();
        people.set_own_nick("bridge");
        people.add_name(TEA, "@bridge", "@+");
        people.add_name(TEA, "ann", "@+");
        people.end_of_names(TEA);
        people.join(DEV, seen("Bridge"), false, now);
        people.set_prefix(TEA, "bridge", ('@', false), "@+");
        assert_eq!(news(&mut people), to_strings(&[("listed", "", 1)]));
    }

    #[test]
    fn nick_taken_over_replaces_the_stale_user() {
        let now = Instant::now();
        let mut people = Users::default();
        people.join(TEA, seen("ann"), false, now);
        people.join(DEV, seen("eve"), false, now);
        people.update("eve", |person| person.nick = "ann".to_owned());
        assert_eq!(
            (people.member_count(TEA), people.member_count(DEV), people.by_nick.len()),
            (0, 1, 1)
        );
    }

    #[test]
    fn who_replies_are_reported_together() {
        let now = Instant::now();
        let mut people = Users::default();
        people.join(TEA, seen("ann"), false, now);
        people.join(TEA, seen("bob"), false, now);
        people.add_who_reply(UserInfo { realname: Some("Ann"), ..seen("ann") }, true);
        people.add_who_reply(seen("bob"), false);
        people.add_who_reply(seen("nobody"), true);
        people.end_of_who();
        let told = news(&mut people);
        assert_eq!(told[2..], to_strings(&[("learnt", "", 1)]));
        assert!(people.get("ann").is_some_and(|ann| ann.away));
    }

    #[test]
    fn users_who_left_are_forgotten() {
        let now = Instant::now();
        let mut people = Users::default();
        for round in 0..3 {
            for number in 0..1_000 {
                people.join(TEA, seen(&format!("p{round}-{number}")), false, now);
                people.join(DEV, seen(&format!("p{round}-{number}")), false, now);
            }
            people.remove_channel(TEA);
            people.end_of_names(DEV);
            assert_eq!(
                (people.by_nick.len(), people.member_count(TEA), people.member_count(DEV)),
                (0, 0, 0)
            );
            people.drain_events();
        }
    }
}
