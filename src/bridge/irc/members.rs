//! The members of channels. Kept in memory only, since servers send them again after a reconnect.

use std::sync::Arc;

use jiff::Timestamp;

use crate::bridge::notices::status;
use crate::bridge::{Bridge, Ctx};
use crate::domain::{ChannelMember, EndpointId, IrcUser, Network, Roster};
use crate::protocol::irc::MembershipEvent;
use crate::store::StoreError;
use crate::translate::StatusChange;

impl Bridge {
    /// The members of the channel; `None` while we are not in it.
    pub fn roster(&self, endpoint: EndpointId) -> Option<&Roster> {
        self.endpoints.get(&endpoint).map(|state| &state.roster)
    }

    /// A membership event of the bot's connection.
    pub(in crate::bridge) fn on_membership(
        &mut self,
        network: &Network,
        presence: MembershipEvent,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let news = self.user_change(network, &presence);
        self.on_membership_with_puppets(network, presence, ctx)?;
        news.map_or(Ok(()), |news| self.on_user_change(network, news, ctx))
    }

    /// Handles a membership event that may be about puppets.
    fn on_membership_with_puppets(
        &mut self,
        network: &Network,
        presence: MembershipEvent,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(puppets) = self.senders.get_puppets(network) else {
            return self.apply_membership(presence, ctx);
        };
        puppets.on_membership(&presence);
        let went = match &presence {
            MembershipEvent::Left { endpoints, user: who, reason: how } => {
                Some((endpoints.clone(), Arc::clone(who), how.clone()))
            }
            _ => None,
        };
        self.apply_membership(presence, ctx)?;
        // After the event has been applied.
        let Some((endpoints, who, how)) = went else { return Ok(()) };
        self.on_puppet_left(network, (&who.nick, &endpoints, &how), ctx)
    }

    /// Applies a membership event.
    fn apply_membership(
        &mut self,
        presence: MembershipEvent,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        match presence {
            MembershipEvent::Names { endpoint, casemapping, members } => {
                if let Some(state) = self.endpoints.get_mut(&endpoint) {
                    tracing::debug!(endpoint = %state.endpoint, members = members.len(), "members listed");
                    state.roster.replace(casemapping, members.into_iter());
                }
            }
            MembershipEvent::Joined { endpoint, user: who, after_netsplit: returned } => {
                let what =
                    if returned { StatusChange::NetsplitRejoin } else { StatusChange::Joined };
                self.note_status(endpoint, &who.nick, what, ctx.now);
                if let Some(state) = self.endpoints.get_mut(&endpoint) {
                    state.roster.insert(ChannelMember::new(who, ""));
                }
            }
            MembershipEvent::Left { endpoints: places, user: who, reason: how } => {
                let what = status::leave_change(how);
                for endpoint in places {
                    self.note_status(endpoint, &who.nick, what.clone(), ctx.now);
                    if let Some(state) = self.endpoints.get_mut(&endpoint) {
                        state.roster.remove(&who.nick);
                    }
                }
            }
            MembershipEvent::UserChanged { endpoints: places, before, now } => {
                if before.nick != now.nick {
                    for endpoint in &places {
                        let what = StatusChange::NickChanged(now.nick.clone());
                        self.note_status(*endpoint, &before.nick, what, ctx.now);
                    }
                }
                self.update_members(&places, &before.nick, &now);
            }
            MembershipEvent::UsersUpdated(people) => {
                for (endpoints, user) in people {
                    self.update_members(&endpoints, &user.nick, &user);
                }
            }
            MembershipEvent::PrefixChanged { endpoint, nick, prefixes: ranks } => {
                if let Some(state) = self.endpoints.get_mut(&endpoint) {
                    state.roster.set_prefixes(&nick, &ranks);
                }
            }
        }
        Ok(())
    }

    /// Adds a status event of a user, except for our own puppets.
    fn note_status(
        &mut self,
        endpoint: EndpointId,
        nick: &str,
        what: StatusChange,
        now: Timestamp,
    ) {
        let network = self.endpoints.get(&endpoint).and_then(|state| state.endpoint.network());
        let puppets = network.and_then(|network| self.senders.get_puppets(network));
        if puppets.is_none_or(|puppets| puppets.nick_owner(nick, now).is_none()) {
            self.status_buffer.note(endpoint, nick, what, now);
        }
    }

    fn update_members(&mut self, endpoints: &[EndpointId], nick: &str, now: &Arc<IrcUser>) {
        for endpoint in endpoints {
            if let Some(state) = self.endpoints.get_mut(endpoint) {
                state.roster.update(nick, now);
            }
        }
    }
}
