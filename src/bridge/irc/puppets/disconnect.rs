//! Handles deliveries that were in flight when a puppet was disconnected.

use jiff::SignedDuration;

use super::{PendingEcho, PuppetEnd, Puppets};
use crate::bridge::{Bridge, Ctx};
use crate::domain::{DeliveryId, EndpointId, LetsChatUserId, Network, Sender};
use crate::protocol::irc::LeaveReason;
use crate::store::StoreError;

/// How long after that its last lines may still arrive, through other servers or from its server's queue.
const ECHO_TIMEOUT: SignedDuration = SignedDuration::from_secs(10);

impl Puppets {
    fn take_pending(&mut self, which: impl Fn(&PendingEcho) -> bool) -> Vec<PendingEcho> {
        let (taken, left) = std::mem::take(&mut self.pending_echoes).into_iter().partition(which);
        self.pending_echoes = left;
        taken
    }
}

impl Bridge {
    /// The user's puppet was disconnected, or could not connect: the bot sends for them.
    pub(in crate::bridge) fn on_puppet_disconnected(
        &mut self,
        network: &Network,
        account: &LetsChatUserId,
        end: PuppetEnd,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        // Or the next connection would receive them.
        turn.commands.retain(|order| !order.is_for_puppet(network, account));
        let connections = self.stats.puppets_mut(network);
        match end {
            PuppetEnd::NotNeeded => {}
            PuppetEnd::ConnectionLost => connections.lost += 1,
            PuppetEnd::Rejected => connections.rejected += 1,
        }
        let puppets = self.senders.puppets_mut(network);
        let Some(puppet) = puppets.by_user.remove(account) else { return Ok(()) };
        if !puppet.nicks.is_empty() {
            turn.store.extend_nick(network, Some(account), turn.now)?;
        }
        let nick = puppet.nicks.last().cloned().unwrap_or_default();
        let gone = puppet.has_left_all();
        if !gone {
            puppets.remember_nicks(account, puppet.nicks, turn.now);
        }
        for (place, ticket) in self.puppet_deliveries_lost(network, account, turn)? {
            let awaited = PendingEcho {
                endpoint: place,
                delivery: ticket,
                nick: nick.clone(),
                since: turn.now,
            };
            let Some(spot) = self.endpoints.get(&place) else { continue };
            if spot.queue.in_doubt().is_none() || puppet.seen_leaving.contains(&place) {
                self.resolve_pending_echo(network, &awaited, turn)?;
            } else if spot.queue.is_open() {
                self.senders.puppets_mut(network).pending_echoes.push(awaited);
            }
        }
        Ok(())
    }

    /// Takes the deliveries that were in flight on the puppet's connection, with their channels.
    fn puppet_deliveries_lost(
        &mut self,
        network: &Network,
        account: &LetsChatUserId,
        turn: &mut Ctx<'_>,
    ) -> Result<Vec<(EndpointId, DeliveryId)>, StoreError> {
        let theirs = Sender::Puppet(account.clone());
        let mut lost = Vec::new();
        for (place, spot) in &mut self.endpoints {
            let said = spot.queue.in_flight().filter(|it| it.sender == theirs).map(|it| it.id);
            if spot.endpoint.network() == Some(network)
                && let Some(ticket) = said
            {
                spot.queue.connection_lost(turn.store)?;
                lost.push((*place, ticket));
            }
        }
        Ok(lost)
    }

    /// The bot has seen a user leave these channels, perhaps a puppet.
    pub(in crate::bridge) fn on_puppet_left(
        &mut self,
        network: &Network,
        (nick, places, how): (&str, &[EndpointId], &LeaveReason),
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(puppets) = self.senders.get_puppets(network) else { return Ok(()) };
        puppets.on_nick_left(nick, places, how);
        for awaited in puppets.take_pending(|it| it.nick == nick && places.contains(&it.endpoint)) {
            self.resolve_pending_echo(network, &awaited, turn)?;
        }
        Ok(())
    }

    /// The server of `network` is alive: decides deliveries that have been pending long enough.
    pub(in crate::bridge) fn resolve_expired_echoes(
        &mut self,
        network: &Network,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let now = turn.now;
        let Some(puppets) = self.senders.get_puppets(network) else { return Ok(()) };
        for awaited in puppets.take_pending(|it| now.duration_since(it.since) >= ECHO_TIMEOUT) {
            self.resolve_pending_echo(network, &awaited, turn)?;
        }
        Ok(())
    }

    /// The bot has seen every line that the disconnected puppet has sent.
    fn resolve_pending_echo(
        &mut self,
        network: &Network,
        awaited: &PendingEcho,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let PendingEcho { endpoint: place, delivery: ticket, .. } = *awaited;
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(()) };
        if spot.queue.in_doubt().is_some_and(|delivery| delivery.id == ticket) {
            let expected = self.senders.puppets_mut(network).expected_echoes.remove(&place);
            let seen = expected.into_iter().flatten().find(|it| it.delivery == ticket);
            match seen {
                Some(it) if it.is_fully_seen() => return self.ack(ticket, place, None, turn),
                Some(it) if !it.unobserved => {
                    if it.seen_bytes > 0 {
                        spot.queue.set_progress(it.acked_before + it.seen_bytes, turn.store)?;
                    }
                    spot.queue.retry(turn.store)?;
                }
                _ => self.resolve_unconfirmed(network, place, turn)?,
            }
        }
        self.schedule(place, turn)
    }
}
