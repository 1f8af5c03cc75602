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
    pub fn roster(&self, place: EndpointId) -> Option<&Roster> {
        self.endpoints.get(&place).map(|spot| &spot.roster)
    }

    /// A membership event of the bot's connection.
    pub(in crate::bridge) fn on_membership(
        &mut self,
        network: &Network,
        presence: MembershipEvent,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let news = self.user_change(network, &presence);
        self.on_membership_with_puppets(network, presence, turn)?;
        news.map_or(Ok(()), |news| self.on_user_change(network, news, turn))
    }

    /// Handles a membership event that may be about puppets.
    fn on_membership_with_puppets(
        &mut self,
        network: &Network,
        presence: MembershipEvent,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(puppets) = self.senders.get_puppets(network) else {
            return self.apply_membership(presence, turn);
        };
        puppets.on_membership(&presence);
        let went = match &presence {
            MembershipEvent::Left { endpoints: places, user: who, reason: how } => {
                Some((places.clone(), Arc::clone(who), how.clone()))
            }
            _ => None,
        };
        self.apply_membership(presence, turn)?;
        // After the event has been applied.
        let Some((places, who, how)) = went else { return Ok(()) };
        self.on_puppet_left(network, (&who.nick, &places, &how), turn)
    }

    /// Applies a membership event.
    fn apply_membership(
        &mut self,
        presence: MembershipEvent,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        match presence {
            MembershipEvent::Names { endpoint: place, casemapping, members } => {
                if let Some(spot) = self.endpoints.get_mut(&place) {
                    tracing::debug!(endpoint = %spot.endpoint, members = members.len(), "members listed");
                    spot.roster.replace(casemapping, members.into_iter());
                }
            }
            MembershipEvent::Joined { endpoint: place, user: who, after_netsplit: returned } => {
                let what =
                    if returned { StatusChange::NetsplitRejoin } else { StatusChange::Joined };
                self.note_status(place, &who.nick, what, turn.now);
                if let Some(spot) = self.endpoints.get_mut(&place) {
                    spot.roster.insert(ChannelMember::new(who, ""));
                }
            }
            MembershipEvent::Left { endpoints: places, user: who, reason: how } => {
                let what = status::leave_change(how);
                for place in places {
                    self.note_status(place, &who.nick, what.clone(), turn.now);
                    if let Some(spot) = self.endpoints.get_mut(&place) {
                        spot.roster.remove(&who.nick);
                    }
                }
            }
            MembershipEvent::UserChanged { endpoints: places, before, now } => {
                if before.nick != now.nick {
                    for place in &places {
                        let what = StatusChange::NickChanged(now.nick.clone());
                        self.note_status(*place, &before.nick, what, turn.now);
                    }
                }
                self.update_members(&places, &before.nick, &now);
            }
            MembershipEvent::UsersUpdated(people) => {
                for (endpoints, person) in people {
                    self.update_members(&endpoints, &person.nick, &person);
                }
            }
            MembershipEvent::PrefixChanged { endpoint: place, nick, prefixes: ranks } => {
                if let Some(spot) = self.endpoints.get_mut(&place) {
                    spot.roster.set_prefixes(&nick, &ranks);
                }
            }
        }
        Ok(())
    }

    /// Adds a status event of a user, except for our own puppets.
    fn note_status(&mut self, place: EndpointId, nick: &str, what: StatusChange, now: Timestamp) {
        let network = self.endpoints.get(&place).and_then(|spot| spot.endpoint.network());
        let puppets = network.and_then(|network| self.senders.get_puppets(network));
        if puppets.is_none_or(|puppets| puppets.nick_owner(nick, now).is_none()) {
            self.status_buffer.note(place, nick, what, now);
        }
    }

    fn update_members(&mut self, places: &[EndpointId], nick: &str, now: &Arc<IrcUser>) {
        for place in places {
            if let Some(spot) = self.endpoints.get_mut(place) {
                spot.roster.update(nick, now);
            }
        }
    }
}
