//! The users in our channels, as reported by the server.

mod info;
mod kept;
mod lists;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::info::{MAX_LEN, user_bytes};
use super::membership::{LeaveReason, MembershipEvent};
use crate::domain::{Casemapping, ChannelMember, EndpointId, IrcUser, Roster};

pub(in crate::protocol::irc) use self::info::{UserInfo, truncate_to_bytes};
pub use self::kept::KeptUsers;

/// Maximum number of users remembered.
const MAX_USERS: usize = 200_000;

/// Maximum number of users remembered as split off.
const MAX_NETSPLIT: usize = 20_000;

/// Maximum number of WHO replies collected before reporting them.
const MAX_PENDING_WHO: usize = 50_000;

/// How long split-off users are expected to return.
const NETSPLIT_TIMEOUT: Duration = Duration::from_secs(3_600);

/// All users in our channels. Changes are reported as [`MembershipEvent`].
#[derive(Debug, Default)]
pub(in crate::protocol::irc) struct Users {
    casemapping: Casemapping,
    /// Our own nick, folded.
    own_nick: String,
    /// Keyed by folded nick.
    by_nick: HashMap<String, UserEntry>,
    rosters: HashMap<EndpointId, Roster>,
    /// Bytes used by all of them.
    held_bytes: usize,
    /// NAMES lists in progress.
    pending_names: HashMap<EndpointId, Vec<(IrcUser, String)>>,
    /// The folded nicks in the WHO reply in progress.
    pending_who: Vec<String>,
    /// Split-off users, and when they were.
    netsplit_at: HashMap<String, Instant>,
    events: Vec<MembershipEvent>,
}

#[derive(Debug)]
struct UserEntry {
    user: Arc<IrcUser>,
    endpoints: Vec<EndpointId>,
}

impl Users {
    /// Memory used by all users, in bytes.
    pub(in crate::protocol::irc) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Sets the server's case mapping.
    pub(in crate::protocol::irc) fn set_casemapping(&mut self, casemapping: Casemapping) {
        if self.casemapping == casemapping {
            return;
        }
        // Normally set before any user is known; after a later change, start afresh.
        let own_nick = std::mem::take(&mut self.own_nick);
        *self = Self { casemapping, own_nick: casemapping.fold(&own_nick), ..Self::default() };
    }

    /// Sets our own nick.
    pub(in crate::protocol::irc) fn set_own_nick(&mut self, nick: &str) {
        self.own_nick = self.casemapping.fold(nick);
    }

    /// Takes the changes since the last call.
    pub(in crate::protocol::irc) fn drain_events(
        &mut self,
    ) -> std::vec::Drain<'_, MembershipEvent> {
        self.events.drain(..)
    }

    /// The user with this nick.
    pub(in crate::protocol::irc) fn get(&self, nick: &str) -> Option<&Arc<IrcUser>> {
        self.by_nick.get(&self.casemapping.fold(nick)).map(|known| &known.user)
    }

    /// The number of known members of the channel.
    pub(in crate::protocol::irc) fn member_count(&self, endpoint: EndpointId) -> usize {
        self.rosters.get(&endpoint).map_or(0, Roster::len)
    }

    /// Whether the server has listed us there.
    pub(in crate::protocol::irc) fn is_own_nick_listed(&self, endpoint: EndpointId) -> bool {
        self.rosters.get(&endpoint).is_some_and(|channel| channel.get(&self.own_nick).is_some())
    }

    /// Our status prefixes there, highest first; `None` if the server has not listed us.
    pub(in crate::protocol::irc) fn own_prefixes(&self, endpoint: EndpointId) -> Option<&str> {
        let me = self.rosters.get(&endpoint).and_then(|channel| channel.get(&self.own_nick));
        me.map(|member| &*member.prefixes)
    }

    /// Whether we have any status prefix there: voice or higher.
    pub(in crate::protocol::irc) fn are_we_marked(&self, endpoint: EndpointId) -> bool {
        self.own_prefixes(endpoint).is_some_and(|prefixes| !prefixes.is_empty())
    }

    /// Learns from what a line says about its sender.
    pub(in crate::protocol::irc) fn observe(&mut self, seen: UserInfo<'_>) {
        if self.get(seen.nick).is_some_and(|user| !seen.matches(user)) {
            self.update(seen.nick, |user| seen.apply_to(user));
        }
    }

    /// A user joins a channel, perhaps after a netsplit.
    pub(in crate::protocol::irc) fn join(
        &mut self,
        endpoint: EndpointId,
        seen: UserInfo<'_>,
        netjoin: bool,
        now: Instant,
    ) {
        self.observe(seen);
        let folded = self.casemapping.fold(seen.nick);
        let split = self.netsplit_at.remove(&folded);
        let returned = netjoin || split.is_some_and(|at| now.duration_since(at) < NETSPLIT_TIMEOUT);
        let Some(who) = self.add_to_channel(&folded, endpoint, &seen) else { return };
        self.roster_mut(endpoint).insert(ChannelMember::new(Arc::clone(&who), ""));
        if folded != self.own_nick {
            self.events.push(MembershipEvent::Joined {
                endpoint,
                user: who,
                after_netsplit: returned,
            });
        }
    }

    /// A user leaves a channel.
    pub(in crate::protocol::irc) fn leave(
        &mut self,
        endpoint: EndpointId,
        nick: &str,
        how: LeaveReason,
    ) {
        let member = self.rosters.get_mut(&endpoint).and_then(|channel| channel.remove(nick));
        let Some(member) = member else { return };
        self.remove_from_channel(&self.casemapping.fold(nick), endpoint);
        self.events.push(MembershipEvent::Left {
            endpoints: vec![endpoint],
            user: member.user,
            reason: how,
        });
    }

    /// A user leaves the network.
    pub(in crate::protocol::irc) fn quit(&mut self, nick: &str, how: LeaveReason, now: Instant) {
        let folded = self.casemapping.fold(nick);
        let Some(UserEntry { user: who, endpoints }) = self.by_nick.remove(&folded) else {
            return;
        };
        self.held_bytes = self.held_bytes.saturating_sub(user_bytes(&who));
        for endpoint in &endpoints {
            self.rosters.get_mut(endpoint).and_then(|channel| channel.remove(nick));
        }
        if matches!(how, LeaveReason::Netsplit { .. }) && self.netsplit_at.len() < MAX_NETSPLIT {
            self.netsplit_at.insert(folded, now);
        }
        self.events.push(MembershipEvent::Left { endpoints, user: who, reason: how });
    }

    /// Applies a change to the user with this nick.
    pub(in crate::protocol::irc) fn update(
        &mut self,
        nick: &str,
        change: impl FnOnce(&mut IrcUser),
    ) {
        let Some((endpoints, before, now)) = self.replace_user(nick, change) else { return };
        if self.casemapping.fold(&now.nick) != self.own_nick {
            self.events.push(MembershipEvent::UserChanged { endpoints, before, now });
        }
    }

    /// A user gains or loses the status prefix `mark` in a channel; `all_prefixes` are
    /// those of the server, highest first.
    pub(in crate::protocol::irc) fn set_prefix(
        &mut self,
        endpoint: EndpointId,
        nick: &str,
        (mark, given): (char, bool),
        all_prefixes: &str,
    ) {
        let Some(channel) = self.rosters.get_mut(&endpoint) else { return };
        let Some(member) = channel.get(nick) else { return };
        let has = |it: char| if it == mark { given } else { member.prefixes.contains(it) };
        let prefixes: Box<str> = all_prefixes.chars().filter(|it| has(*it)).collect();
        let nick = member.user.nick.clone();
        channel.set_prefixes(&nick, &prefixes);
        if self.casemapping.fold(&nick) != self.own_nick {
            self.events.push(MembershipEvent::PrefixChanged { endpoint, nick, prefixes });
        }
    }

    /// We have left the channel: forgets its members.
    pub(in crate::protocol::irc) fn remove_channel(&mut self, endpoint: EndpointId) {
        self.take_names(endpoint);
        let Some(channel) = self.rosters.remove(&endpoint) else { return };
        for member in channel.iter() {
            self.remove_from_channel(&self.casemapping.fold(&member.user.nick), endpoint);
        }
    }

    fn roster_mut(&mut self, endpoint: EndpointId) -> &mut Roster {
        self.rosters.entry(endpoint).or_insert_with(|| Roster::new(self.casemapping))
    }

    /// Adds the user with this folded nick to a channel; `None` if there are too many users.
    fn add_to_channel(
        &mut self,
        folded: &str,
        endpoint: EndpointId,
        seen: &UserInfo<'_>,
    ) -> Option<Arc<IrcUser>> {
        if self.by_nick.len() >= MAX_USERS && !self.by_nick.contains_key(folded) {
            return None;
        }
        let held = &mut self.held_bytes;
        let known = self.by_nick.entry(folded.to_owned()).or_insert_with(|| {
            let mut user = IrcUser::default();
            seen.apply_to(&mut user);
            *held += user_bytes(&user);
            UserEntry { user: Arc::new(user), endpoints: Vec::new() }
        });
        if !known.endpoints.contains(&endpoint) {
            known.endpoints.push(endpoint);
        }
        Some(Arc::clone(&known.user))
    }

    fn remove_from_channel(&mut self, folded: &str, endpoint: EndpointId) {
        let Some(known) = self.by_nick.get_mut(folded) else { return };
        known.endpoints.retain(|other| *other != endpoint);
        if known.endpoints.is_empty() {
            self.held_bytes = self.held_bytes.saturating_sub(user_bytes(&known.user));
            self.by_nick.remove(folded);
        }
    }

    /// Replaces a user in all channels. `None` if unknown or unchanged.
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
        let UserEntry { endpoints, .. } = self.by_nick.remove(&folded)?;
        let folded = self.casemapping.fold(&now.nick);
        self.held_bytes = (self.held_bytes + user_bytes(&now)).saturating_sub(user_bytes(&before));
        // A stale user with that nick, whose departure we missed.
        let ghost = self.by_nick.remove(&folded);
        self.held_bytes =
            self.held_bytes.saturating_sub(ghost.as_ref().map_or(0, |it| user_bytes(&it.user)));
        for endpoint in ghost.into_iter().flat_map(|ghost| ghost.endpoints) {
            self.roster_mut(endpoint).remove(&now.nick);
        }
        for endpoint in &endpoints {
            self.roster_mut(*endpoint).update(nick, &now);
        }
        self.by_nick
            .insert(folded, UserEntry { user: Arc::clone(&now), endpoints: endpoints.clone() });
        Some((endpoints, before, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::irc::budget::MAX_USERS_BYTES;

    const TEA: EndpointId = EndpointId(1);
    const DEV: EndpointId = EndpointId(2);

    fn seen(nick: &str) -> UserInfo<'_> {
        UserInfo { nick, userhost: None, account: None, realname: None, bot: false }
    }

    fn split() -> LeaveReason {
        LeaveReason::Netsplit { servers: "a.example b.example".to_owned() }
    }

    /// The changes, each with the nick and the number of channels.
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
                endpoints,
                user: who,
                reason: LeaveReason::Netsplit { .. },
            } => ("split", who.nick.clone(), endpoints.len()),
            MembershipEvent::Left { endpoints, user: who, .. } => {
                ("went", who.nick.clone(), endpoints.len())
            }
            MembershipEvent::UserChanged { endpoints, now, .. } => {
                ("changed", now.nick.clone(), endpoints.len())
            }
            MembershipEvent::UsersUpdated(people) => ("learnt", String::new(), people.len()),
            MembershipEvent::PrefixChanged { nick, prefixes: ranks, .. } => {
                ("ranked", format!("{ranks}{nick}"), 1)
            }
        };
        people.drain_events().map(told).collect()
    }

    fn to_strings(told: &[(&'static str, &str, usize)]) -> Vec<(&'static str, String, usize)> {
        told.iter().map(|(what, who, endpoints)| (*what, (*who).to_owned(), *endpoints)).collect()
    }

    #[test]
    fn held_bytes_follow_the_people() {
        let (mut people, now) = (Users::default(), Instant::now());
        let endpoint = EndpointId(7);
        let host = "h".repeat(20_000);
        for number in 0..100 {
            people.add_name(endpoint, &format!("@@@+ann{number}!a@{host}"), "@+");
        }
        let listed = people.held_bytes();
        assert!((100..=100 * 1_000).contains(&listed), "{listed}");
        people.end_of_names(endpoint);
        assert!(people.held_bytes() <= listed);
        let long = Some("r".repeat(20_000));
        people.update("ann1", |user| user.realname = long.clone());
        people.update("ann2", |user| user.nick = "ann3".to_owned());
        people.quit("ann4", LeaveReason::Quit { reason: None }, now);
        people.leave(endpoint, "ann5", LeaveReason::Part { reason: None });
        assert!(people.held_bytes() < 100 * 1_500);
        people.add_name(endpoint, "ann", "@+");
        people.remove_channel(endpoint);
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
        people.update("eve", |user| user.nick = "ann".to_owned());
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
