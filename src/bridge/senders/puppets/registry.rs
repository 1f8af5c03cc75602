//! The registry of puppets: their nicks, and their membership in channels.

use jiff::{SignedDuration, Timestamp};

use super::{Puppet, PuppetChoice, PuppetMembership, Puppets, RecentNick, RemovedPuppet};
use crate::domain::{EndpointId, LetsChatUserId};
use crate::protocol::irc::{LeaveReason, MembershipEvent};

/// How long a former nick of a puppet is remembered.
const RECENT_NICK_TIMEOUT: SignedDuration = SignedDuration::from_secs(60);

impl Puppets {
    /// Who sends to the channel for this user.
    pub(in crate::bridge) fn sender_for(
        &mut self,
        account: &LetsChatUserId,
        endpoint: EndpointId,
    ) -> PuppetChoice {
        let Puppet { memberships: endpoints, seen_leaving: gone, .. } =
            self.by_user.entry(account.clone()).or_default();
        match endpoints.get(&endpoint) {
            // Behind a netsplit, or killed: its connection will report it.
            Some(PuppetMembership::Joined) if gone.contains(&endpoint) => PuppetChoice::Bot,
            Some(PuppetMembership::Joined) => PuppetChoice::Puppet,
            Some(PuppetMembership::Removed) => PuppetChoice::Nobody,
            Some(PuppetMembership::Joining) => PuppetChoice::Bot,
            None => {
                endpoints.insert(endpoint, PuppetMembership::Joining);
                PuppetChoice::Connect
            }
        }
    }

    /// The user whose puppet has the nick, or had it recently.
    pub(in crate::bridge) fn nick_owner(
        &self,
        nick: &str,
        now: Timestamp,
    ) -> Option<&LetsChatUserId> {
        self.find_by_nick(nick, now, |_| true)
    }

    /// The user whose puppet sends under this nick in the channel, unless the bot has seen it leave.
    pub(in crate::bridge) fn echo_owner(
        &self,
        nick: &str,
        endpoint: EndpointId,
        now: Timestamp,
    ) -> Option<&LetsChatUserId> {
        self.find_by_nick(nick, now, |puppet| !puppet.seen_leaving.contains(&endpoint))
    }

    fn find_by_nick(
        &self,
        nick: &str,
        now: Timestamp,
        is: impl Fn(&Puppet) -> bool,
    ) -> Option<&LetsChatUserId> {
        let living = self.by_user.iter().find(|(_, puppet)| puppet.has_nick(nick) && is(puppet));
        let faded = || self.recent_nicks.iter().find(|it| it.nick == nick && it.until > now);
        living.map(|(account, _)| account).or_else(|| faded().map(|it| &it.user))
    }

    /// Whether a puppet has this nick.
    pub(in crate::bridge) fn has_nick(&self, nick: &str) -> bool {
        self.by_user.values().any(|puppet| puppet.has_nick(nick))
    }

    /// The users whose puppets have a nick.
    pub(in crate::bridge) fn users_with_nick(&self) -> impl Iterator<Item = &LetsChatUserId> {
        self.by_user.iter().filter(|(_, it)| !it.nicks.is_empty()).map(|(account, _)| account)
    }

    /// The current nick of this user's puppet, if it is connected.
    pub(in crate::bridge) fn nick_of(&self, account: &LetsChatUserId) -> Option<&str> {
        self.by_user.get(account)?.nicks.last().map(String::as_str)
    }

    /// All puppets leave the channel. Returns the users whose puppets are in it or join it.
    pub(in crate::bridge) fn leave(&mut self, endpoint: EndpointId) -> Vec<LetsChatUserId> {
        let mut left = Vec::new();
        for (account, puppet) in &mut self.by_user {
            let is_inside = |it: &PuppetMembership| *it != PuppetMembership::Removed;
            if puppet.memberships.get(&endpoint).is_some_and(is_inside) {
                puppet.memberships.remove(&endpoint);
                left.push(account.clone());
            }
        }
        left.sort_by(|one, other| one.0.cmp(&other.0));
        left
    }

    /// The channels that the puppet of this user is in or joins; `None` while it is not connected.
    pub(in crate::bridge) fn channels_if_connected(
        &self,
        account: &LetsChatUserId,
    ) -> Option<Vec<EndpointId>> {
        let puppet = self.by_user.get(account).filter(|puppet| !puppet.nicks.is_empty())?;
        let is_inside = |membership: &PuppetMembership| *membership != PuppetMembership::Removed;
        let inside = puppet.memberships.iter().filter(|(_, membership)| is_inside(membership));
        Some(inside.map(|(endpoint, _)| *endpoint).collect())
    }

    /// The puppet is registered.
    pub(in crate::bridge) fn on_registered(
        &mut self,
        account: &LetsChatUserId,
        nick: &str,
        now: Timestamp,
    ) {
        self.set_nick(account, nick, now);
        let puppet = self.by_user.entry(account.clone()).or_default();
        (puppet.away, puppet.maybe_away_since) = (false, Some(now));
    }

    /// The puppet reports its new nick.
    pub(in crate::bridge) fn set_nick(
        &mut self,
        account: &LetsChatUserId,
        nick: &str,
        now: Timestamp,
    ) {
        let puppet = self.by_user.entry(account.clone()).or_default();
        // The bot has already seen the change, and will not see the old nick again.
        let known = puppet.has_nick(nick);
        let before = std::mem::replace(&mut puppet.nicks, vec![nick.to_owned()]);
        if !known {
            self.remember_nicks(account, before, now);
        }
    }

    fn remember_nicks(&mut self, account: &LetsChatUserId, nicks: Vec<String>, now: Timestamp) {
        self.recent_nicks.retain(|it| it.until > now);
        let faded =
            |nick| RecentNick { nick, user: account.clone(), until: now + RECENT_NICK_TIMEOUT };
        self.recent_nicks.extend(nicks.into_iter().map(faded));
    }

    pub(in crate::bridge) fn set_membership(
        &mut self,
        account: &LetsChatUserId,
        endpoint: EndpointId,
        membership: PuppetMembership,
    ) {
        let puppet = self.by_user.entry(account.clone()).or_default();
        puppet.memberships.insert(endpoint, membership);
        if membership == PuppetMembership::Joined {
            puppet.seen_leaving.remove(&endpoint);
        }
    }

    /// The puppet cannot join the channel now. It tries again, unless it was removed.
    pub(in crate::bridge) fn on_not_joined(
        &mut self,
        account: &LetsChatUserId,
        endpoint: EndpointId,
    ) {
        let puppet = self.by_user.get(account);
        let membership = puppet.and_then(|puppet| puppet.memberships.get(&endpoint));
        if membership != Some(&PuppetMembership::Removed) {
            self.set_membership(account, endpoint, PuppetMembership::Joining);
        }
    }

    /// The puppet is disconnected. Returns what was known of it; the channels that the bot has not seen it
    /// leave may still receive its last lines.
    pub(in crate::bridge) fn remove(
        &mut self,
        account: &LetsChatUserId,
        now: Timestamp,
    ) -> Option<RemovedPuppet> {
        let puppet = self.by_user.remove(account)?;
        let last_nick = puppet.nicks.last().cloned();
        if !puppet.has_left_all() {
            self.remember_nicks(account, puppet.nicks, now);
        }
        Some(RemovedPuppet { last_nick, seen_leaving: puppet.seen_leaving })
    }

    /// Applies a membership event that may be about puppets.
    pub(in crate::bridge) fn on_membership(&mut self, presence: &MembershipEvent) {
        match presence {
            MembershipEvent::Joined { endpoint, user: who, .. } => {
                for puppet in self.by_user.values_mut().filter(|puppet| puppet.has_nick(&who.nick))
                {
                    puppet.seen_leaving.remove(endpoint);
                }
            }
            MembershipEvent::Names { endpoint, members, .. } => {
                let gone = self
                    .by_user
                    .values_mut()
                    .filter(|puppet| puppet.seen_leaving.contains(endpoint));
                for puppet in gone {
                    if members.iter().any(|member| puppet.has_nick(&member.user.nick)) {
                        puppet.seen_leaving.remove(endpoint);
                    }
                }
            }
            MembershipEvent::UserChanged { before, now, .. } if before.nick != now.nick => {
                self.recent_nicks.retain(|it| it.nick != before.nick);
                let renamed =
                    self.by_user.values_mut().find(|puppet| puppet.has_nick(&before.nick));
                if let Some(puppet) = renamed.filter(|puppet| !puppet.has_nick(&now.nick)) {
                    // Its own connection reports this as well, but its lines may arrive first.
                    puppet.nicks.insert(0, now.nick.clone());
                }
            }
            _ => {}
        }
    }

    /// The bot has seen `nick` leave these channels.
    pub(in crate::bridge) fn on_nick_left(
        &mut self,
        nick: &str,
        endpoints: &[EndpointId],
        how: &LeaveReason,
    ) {
        if let Some(puppet) = self.by_user.values_mut().find(|puppet| puppet.has_nick(nick)) {
            puppet.seen_leaving.extend(endpoints);
        }
        if matches!(how, LeaveReason::Quit { .. } | LeaveReason::Netsplit { .. }) {
            self.recent_nicks.retain(|it| it.nick != nick);
        }
    }
}

impl Puppet {
    pub(super) fn has_nick(&self, nick: &str) -> bool {
        self.nicks.iter().any(|it| it == nick)
    }

    /// Whether the bot has seen it leave every channel where it may have sent something.
    pub(super) fn has_left_all(&self) -> bool {
        let inside = self
            .memberships
            .iter()
            .filter(|(_, membership)| **membership == PuppetMembership::Joined);
        inside.into_iter().all(|(endpoint, _)| self.seen_leaving.contains(endpoint))
    }
}
