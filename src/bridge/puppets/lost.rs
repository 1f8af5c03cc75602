//! What becomes of what a puppet was saying when its connection was lost.

use jiff::SignedDuration;

use super::{Awaited, PuppetEnd, Puppets};
use crate::bridge::{Bridge, Turn};
use crate::domain::{DeliveryId, EndpointId, LetsChatUserId, Network, Sender};
use crate::protocol::irc::LeaveReason;
use crate::store::StoreError;

/// How long after a puppet is lost its last lines may still be on their way to us, through other
/// servers of the network, or waiting in its server.
const ON_THEIR_WAY: SignedDuration = SignedDuration::from_secs(10);

impl Puppets {
    fn take(&mut self, which: impl Fn(&Awaited) -> bool) -> Vec<Awaited> {
        let (taken, left) = std::mem::take(&mut self.awaited).into_iter().partition(which);
        self.awaited = left;
        taken
    }
}

impl Bridge {
    /// The connection of `account` is lost, or could not be made: the bridge speaks for them.
    pub(in crate::bridge) fn puppet_lost(
        &mut self,
        network: &Network,
        account: &LetsChatUserId,
        end: PuppetEnd,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        // The next connection may be there before they leave, and would take them for its own.
        turn.orders.retain(|order| !order.is_for_puppet(network, account));
        let connections = self.counters.connections(network);
        match end {
            PuppetEnd::Left => {}
            PuppetEnd::Lost => connections.lost += 1,
            PuppetEnd::TurnedAway => connections.turned_away += 1,
        }
        let puppets = self.voices.puppets(network);
        let Some(puppet) = puppets.people.remove(account) else { return Ok(()) };
        if !puppet.nicks.is_empty() {
            turn.store.extend_nick(network, Some(account), turn.now)?;
        }
        let nick = puppet.nicks.last().cloned().unwrap_or_default();
        let gone = puppet.is_gone();
        if !gone {
            puppets.fade(account, puppet.nicks, turn.now);
        }
        for (place, ticket) in self.lose_of(network, account, turn)? {
            let awaited = Awaited { place, ticket, nick: nick.clone(), since: turn.now };
            let Some(spot) = self.spots.get(&place) else { continue };
            if spot.lane.in_doubt().is_none() || puppet.gone.contains(&place) {
                self.decide_awaited(network, &awaited, turn)?;
            } else if spot.lane.is_open() {
                self.voices.puppets(network).awaited.push(awaited);
            }
        }
        Ok(())
    }

    /// What their puppet was saying is lost with it. Gives where, and what.
    fn lose_of(
        &mut self,
        network: &Network,
        account: &LetsChatUserId,
        turn: &mut Turn<'_>,
    ) -> Result<Vec<(EndpointId, DeliveryId)>, StoreError> {
        let theirs = Sender::Puppet(account.clone());
        let mut lost = Vec::new();
        for (place, spot) in &mut self.spots {
            let said = spot.lane.under_way().filter(|it| it.sender == theirs).map(|it| it.id);
            if spot.place.network() == Some(network)
                && let Some(ticket) = said
            {
                spot.lane.lose(turn.store)?;
                lost.push((*place, ticket));
            }
        }
        Ok(lost)
    }

    /// The bridge has seen somebody leave `places`, who may have been a puppet.
    pub(in crate::bridge) fn puppet_went(
        &mut self,
        network: &Network,
        (nick, places, how): (&str, &[EndpointId], &LeaveReason),
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(puppets) = self.voices.puppets_of(network) else { return Ok(()) };
        puppets.seen_off(nick, places, how);
        for awaited in puppets.take(|it| it.nick == nick && places.contains(&it.place)) {
            self.decide_awaited(network, &awaited, turn)?;
        }
        Ok(())
    }

    /// The server of `network` is still there: what is lost for long enough is decided.
    pub(in crate::bridge) fn puppets_alive(
        &mut self,
        network: &Network,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let now = turn.now;
        let Some(puppets) = self.voices.puppets_of(network) else { return Ok(()) };
        for awaited in puppets.take(|it| now.duration_since(it.since) >= ON_THEIR_WAY) {
            self.decide_awaited(network, &awaited, turn)?;
        }
        Ok(())
    }

    /// The bridge has seen every line that a lost puppet has said.
    fn decide_awaited(
        &mut self,
        network: &Network,
        awaited: &Awaited,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Awaited { place, ticket, .. } = *awaited;
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        if spot.lane.in_doubt().is_some_and(|delivery| delivery.id == ticket) {
            let expected = self.voices.puppets(network).expected.remove(&place);
            let seen = expected.into_iter().flatten().find(|it| it.ticket == ticket);
            match seen {
                Some(it) if it.is_seen() => return self.settle(ticket, place, None, turn),
                Some(it) if !it.blind => {
                    if it.seen > 0 {
                        spot.lane.advance(it.base + it.seen, turn.store)?;
                    }
                    spot.lane.again(turn.store)?;
                }
                _ => self.decide_doubt(network, place, turn)?,
            }
        }
        self.advance(place, turn)
    }
}
