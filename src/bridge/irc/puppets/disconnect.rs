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
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        // Or the next connection would receive them.
        ctx.commands.retain(|command| !command.is_for_puppet(network, account));
        let connections = self.stats.puppets_mut(network);
        match end {
            PuppetEnd::NotNeeded => {}
            PuppetEnd::ConnectionLost => connections.lost += 1,
            PuppetEnd::Rejected => connections.rejected += 1,
        }
        let puppets = self.senders.puppets_mut(network);
        let Some(puppet) = puppets.by_user.remove(account) else { return Ok(()) };
        if !puppet.nicks.is_empty() {
            ctx.store.extend_nick(network, Some(account), ctx.now)?;
        }
        let nick = puppet.nicks.last().cloned().unwrap_or_default();
        let gone = puppet.has_left_all();
        if !gone {
            puppets.remember_nicks(account, puppet.nicks, ctx.now);
        }
        for (endpoint, delivery) in self.puppet_deliveries_lost(network, account, ctx)? {
            let echo = PendingEcho { endpoint, delivery, nick: nick.clone(), since: ctx.now };
            let Some(state) = self.endpoints.get(&endpoint) else { continue };
            if state.queue.in_doubt().is_none() || puppet.seen_leaving.contains(&endpoint) {
                self.resolve_pending_echo(network, &echo, ctx)?;
            } else if state.queue.is_open() {
                self.senders.puppets_mut(network).pending_echoes.push(echo);
            }
        }
        Ok(())
    }

    /// Takes the deliveries that were in flight on the puppet's connection, with their channels.
    fn puppet_deliveries_lost(
        &mut self,
        network: &Network,
        account: &LetsChatUserId,
        ctx: &mut Ctx<'_>,
    ) -> Result<Vec<(EndpointId, DeliveryId)>, StoreError> {
        let theirs = Sender::Puppet(account.clone());
        let mut lost = Vec::new();
        for (endpoint, state) in &mut self.endpoints {
            let said = state.queue.in_flight().filter(|it| it.sender == theirs).map(|it| it.id);
            if state.endpoint.network() == Some(network)
                && let Some(delivery) = said
            {
                state.queue.connection_lost(ctx.store)?;
                lost.push((*endpoint, delivery));
            }
        }
        Ok(lost)
    }

    /// The bot has seen a user leave these channels, perhaps a puppet.
    pub(in crate::bridge) fn on_puppet_left(
        &mut self,
        network: &Network,
        (nick, endpoints, how): (&str, &[EndpointId], &LeaveReason),
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(puppets) = self.senders.get_puppets(network) else { return Ok(()) };
        puppets.on_nick_left(nick, endpoints, how);
        for echo in puppets.take_pending(|it| it.nick == nick && endpoints.contains(&it.endpoint)) {
            self.resolve_pending_echo(network, &echo, ctx)?;
        }
        Ok(())
    }

    /// The server of `network` is alive: decides deliveries that have been pending long enough.
    pub(in crate::bridge) fn resolve_expired_echoes(
        &mut self,
        network: &Network,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let now = ctx.now;
        let Some(puppets) = self.senders.get_puppets(network) else { return Ok(()) };
        for echo in puppets.take_pending(|it| now.duration_since(it.since) >= ECHO_TIMEOUT) {
            self.resolve_pending_echo(network, &echo, ctx)?;
        }
        Ok(())
    }

    /// The bot has seen every line that the disconnected puppet has sent.
    fn resolve_pending_echo(
        &mut self,
        network: &Network,
        echo: &PendingEcho,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let PendingEcho { endpoint, delivery: id, .. } = *echo;
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(()) };
        if state.queue.in_doubt().is_some_and(|delivery| delivery.id == id) {
            let expected = self.senders.puppets_mut(network).expected_echoes.remove(&endpoint);
            let seen = expected.into_iter().flatten().find(|it| it.delivery == id);
            match seen {
                Some(it) if it.is_fully_seen() => return self.ack(id, endpoint, None, ctx),
                Some(it) if !it.unobserved => {
                    if it.seen_bytes > 0 {
                        state.queue.set_progress(it.acked_before + it.seen_bytes, ctx.store)?;
                    }
                    state.queue.retry(ctx.store)?;
                }
                _ => self.resolve_unconfirmed(network, endpoint, ctx)?,
            }
        }
        self.schedule(endpoint, ctx)
    }
}
