//! Who is in the channels. It is held in memory alone: a server tells all of it again to whoever
//! comes back.

use std::sync::Arc;

use jiff::Timestamp;

use super::comings;
use super::{Bridge, Turn};
use crate::domain::{ChannelMember, EndpointId, IrcUser, Network, Roster};
use crate::protocol::irc::MembershipEvent;
use crate::store::StoreError;
use crate::translate::StatusChange;

impl Bridge {
    /// Who is in the channel; nobody, while we are not in it ourselves.
    pub fn roster(&self, place: EndpointId) -> Option<&Roster> {
        self.spots.get(&place).map(|spot| &spot.roster)
    }

    /// The bridge sees somebody come, go, or be known otherwise.
    pub(super) fn seen(
        &mut self,
        network: &Network,
        presence: MembershipEvent,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let news = self.direct_news(network, &presence);
        self.seen_among_puppets(network, presence, turn)?;
        news.map_or(Ok(()), |news| self.take_news(network, news, turn))
    }

    /// The same of who may be a puppet of ours.
    fn seen_among_puppets(
        &mut self,
        network: &Network,
        presence: MembershipEvent,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(puppets) = self.voices.puppets_of(network) else {
            return self.presence(presence, turn);
        };
        puppets.look(&presence);
        let went = match &presence {
            MembershipEvent::Left { endpoints: places, user: who, reason: how } => {
                Some((places.clone(), Arc::clone(who), how.clone()))
            }
            _ => None,
        };
        self.presence(presence, turn)?;
        // Once it is known of whom that was told.
        let Some((places, who, how)) = went else { return Ok(()) };
        self.puppet_went(network, (&who.nick, &places, &how), turn)
    }

    /// Somebody came, went, or is known otherwise.
    fn presence(
        &mut self,
        presence: MembershipEvent,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        match presence {
            MembershipEvent::Names { endpoint: place, casemapping, members } => {
                if let Some(spot) = self.spots.get_mut(&place) {
                    tracing::debug!(place = %spot.place, people = members.len(), "listed");
                    spot.roster.replace(casemapping, members.into_iter());
                }
            }
            MembershipEvent::Joined { endpoint: place, user: who, after_netsplit: returned } => {
                let what =
                    if returned { StatusChange::NetsplitRejoin } else { StatusChange::Joined };
                self.happens(place, &who.nick, what, turn.now);
                if let Some(spot) = self.spots.get_mut(&place) {
                    spot.roster.insert(ChannelMember::new(who, ""));
                }
            }
            MembershipEvent::Left { endpoints: places, user: who, reason: how } => {
                let what = comings::parting(how);
                for place in places {
                    self.happens(place, &who.nick, what.clone(), turn.now);
                    if let Some(spot) = self.spots.get_mut(&place) {
                        spot.roster.remove(&who.nick);
                    }
                }
            }
            MembershipEvent::UserChanged { endpoints: places, before, now } => {
                if before.nick != now.nick {
                    for place in &places {
                        let what = StatusChange::NickChanged(now.nick.clone());
                        self.happens(*place, &before.nick, what, turn.now);
                    }
                }
                self.know(&places, &before.nick, &now);
            }
            MembershipEvent::UsersUpdated(people) => {
                for (endpoints, person) in people {
                    self.know(&endpoints, &person.nick, &person);
                }
            }
            MembershipEvent::PrefixChanged { endpoint: place, nick, prefixes: ranks } => {
                if let Some(spot) = self.spots.get_mut(&place) {
                    spot.roster.set_prefixes(&nick, &ranks);
                }
            }
        }
        Ok(())
    }

    /// Something happens to somebody in a channel. What our own puppets do is of no interest.
    fn happens(&mut self, place: EndpointId, nick: &str, what: StatusChange, now: Timestamp) {
        let network = self.spots.get(&place).and_then(|spot| spot.place.network());
        let puppets = network.and_then(|network| self.voices.puppets_of(network));
        if puppets.is_none_or(|puppets| puppets.owner(nick, now).is_none()) {
            self.goings.note(place, nick, what, now);
        }
    }

    fn know(&mut self, places: &[EndpointId], nick: &str, now: &Arc<IrcUser>) {
        for place in places {
            if let Some(spot) = self.spots.get_mut(place) {
                spot.roster.update(nick, now);
            }
        }
    }
}
