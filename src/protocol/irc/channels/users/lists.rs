//! Reads the lists of members that NAMES and WHO return.

use std::sync::Arc;

use super::info::{MAX_LEN, UserInfo, truncate_to_bytes, user_bytes};
use super::{MAX_PENDING_WHO, Users};
use crate::domain::{ChannelMember, EndpointId, IrcUser, Roster};
use crate::protocol::irc::budget::MAX_USERS_BYTES;
use crate::protocol::irc::channels::membership::MembershipEvent;

/// Lists of members.
impl Users {
    /// Adds a NAMES entry such as `@ann` or `@+ann!a@host`; `all_prefixes` are those of the server.
    pub(in crate::protocol::irc) fn add_name(
        &mut self,
        endpoint: EndpointId,
        name: &str,
        all_prefixes: &str,
    ) {
        let ranked = name.trim_start_matches(|c| all_prefixes.contains(c));
        let raw = &name[..name.len() - ranked.len()];
        let prefixes: String = all_prefixes.chars().filter(|mark| raw.contains(*mark)).collect();
        let (nick, address) = match ranked.split_once('!') {
            Some((nick, address)) => (nick, Some(truncate_to_bytes(address, MAX_LEN).to_owned())),
            None => (ranked, None),
        };
        let list = self.pending_names.entry(endpoint).or_default();
        if !nick.is_empty() && nick.len() <= MAX_LEN && self.held_bytes <= MAX_USERS_BYTES {
            let user = IrcUser { userhost: address, ..IrcUser::named(nick) };
            self.held_bytes += user_bytes(&user);
            list.push((user, prefixes));
        }
    }

    /// The NAMES list is complete: removes members that are not on it.
    pub(in crate::protocol::irc) fn end_of_names(&mut self, endpoint: EndpointId) {
        let list = self.take_names(endpoint);
        let before = self.rosters.insert(endpoint, Roster::new(self.casemapping));
        let listed = list.iter().map(|(user, _)| self.casemapping.fold(&user.nick));
        let listed: std::collections::HashSet<String> = listed.collect();
        for member in before.iter().flat_map(Roster::iter) {
            let folded = self.casemapping.fold(&member.user.nick);
            if !listed.contains(&folded) {
                self.remove_from_channel(&folded, endpoint);
            }
        }
        for (user, prefixes) in list {
            let seen = UserInfo {
                nick: &user.nick,
                userhost: user.userhost.as_deref(),
                account: None,
                realname: None,
                bot: false,
            };
            self.observe(seen);
            let folded = self.casemapping.fold(&user.nick);
            if let Some(who) = self.add_to_channel(&folded, endpoint, &seen) {
                self.roster_mut(endpoint).insert(ChannelMember::new(who, &prefixes));
            }
        }
        self.push_names(endpoint);
    }

    pub(super) fn take_names(&mut self, endpoint: EndpointId) -> Vec<(IrcUser, String)> {
        let list = self.pending_names.remove(&endpoint).unwrap_or_default();
        let weight: usize = list.iter().map(|(user, _)| user_bytes(user)).sum();
        self.held_bytes = self.held_bytes.saturating_sub(weight);
        list
    }

    /// Adds a WHO reply; `away` is its away flag.
    pub(in crate::protocol::irc) fn add_who_reply(&mut self, seen: UserInfo<'_>, away: bool) {
        let change = |user: &mut IrcUser| {
            seen.apply_to(user);
            user.away = away;
            user.bot = seen.bot;
        };
        if self.replace_user(seen.nick, change).is_some() {
            self.pending_who.push(self.casemapping.fold(seen.nick));
        }
        if self.pending_who.len() >= MAX_PENDING_WHO {
            self.end_of_who();
        }
    }

    /// The WHO reply is complete.
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

    pub(super) fn push_names(&mut self, endpoint: EndpointId) {
        let casemapping = self.casemapping;
        let is_me = |member: &&ChannelMember| casemapping.fold(&member.user.nick) == self.own_nick;
        let members = self.rosters.get(&endpoint).into_iter().flat_map(Roster::iter);
        let members = members.filter(|member| !is_me(member)).cloned().collect();
        self.events.push(MembershipEvent::Names { endpoint, casemapping, members });
    }
}
