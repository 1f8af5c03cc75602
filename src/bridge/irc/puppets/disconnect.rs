//! Handles deliveries that were in flight when a puppet was disconnected.

use jiff::SignedDuration;

use crate::bridge::context::Ctx;
use crate::bridge::deliver;
use crate::bridge::event::PuppetEnd;
use crate::bridge::senders::puppets::PendingEcho;
use crate::domain::{DeliveryId, EndpointId, LetsChatUserId, Network, Sender};
use crate::protocol::irc::LeaveReason;
use crate::store::StoreError;

/// How long after that its last lines may still arrive, through other servers or from its server's queue.
const ECHO_TIMEOUT: SignedDuration = SignedDuration::from_secs(10);

/// The user's puppet was disconnected, or could not connect: the bot sends for them.
///
/// # Errors
/// When the store cannot be read or written.
pub(in crate::bridge) fn on_disconnected(
    network: &Network,
    user: &LetsChatUserId,
    end: PuppetEnd,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    // Or the next connection would receive them.
    ctx.commands.retain(|command| !command.is_for_puppet(network, user));
    let stats = ctx.stats.puppets_mut(network);
    match end {
        PuppetEnd::NotNeeded => {}
        PuppetEnd::ConnectionLost => stats.lost += 1,
        PuppetEnd::Rejected => stats.rejected += 1,
    }
    let Some(puppet) = ctx.senders.puppets_mut(network).remove(user, ctx.now) else {
        return Ok(());
    };
    if puppet.last_nick.is_some() {
        ctx.store.extend_nick(network, Some(user), ctx.now)?;
    }
    let nick = puppet.last_nick.unwrap_or_default();
    for (endpoint, delivery) in lose_deliveries(network, user, ctx)? {
        let echo = PendingEcho { endpoint, delivery, nick: nick.clone(), since: ctx.now };
        let Some(queue) = ctx.endpoints.queue(endpoint) else { continue };
        if queue.in_doubt().is_none() || puppet.seen_leaving.contains(&endpoint) {
            resolve(network, &echo, ctx)?;
        } else if queue.is_open() {
            ctx.senders.puppets_mut(network).push_pending(echo);
        }
    }
    Ok(())
}

/// Takes the deliveries that were in flight on the puppet's connection, with their channels.
fn lose_deliveries(
    network: &Network,
    user: &LetsChatUserId,
    ctx: &mut Ctx<'_>,
) -> Result<Vec<(EndpointId, DeliveryId)>, StoreError> {
    let sender = Sender::Puppet(user.clone());
    let mut lost = Vec::new();
    for (endpoint, state) in ctx.endpoints.iter_mut() {
        let delivery = state.queue().in_flight().filter(|it| it.sender == sender).map(|it| it.id);
        if state.network() == Some(network)
            && let Some(delivery) = delivery
        {
            state.queue_mut().connection_lost(ctx.store)?;
            lost.push((endpoint, delivery));
        }
    }
    Ok(lost)
}

/// The bot has seen a user leave these channels, perhaps a puppet.
///
/// # Errors
/// When the store cannot be read or written.
pub(in crate::bridge) fn on_nick_left(
    network: &Network,
    nick: &str,
    (endpoints, reason): (&[EndpointId], &LeaveReason),
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let Some(puppets) = ctx.senders.get_puppets(network) else { return Ok(()) };
    puppets.on_nick_left(nick, endpoints, reason);
    for echo in puppets.take_pending(|it| it.nick == nick && endpoints.contains(&it.endpoint)) {
        resolve(network, &echo, ctx)?;
    }
    Ok(())
}

/// The server of `network` is alive: decides deliveries that have been pending long enough.
///
/// # Errors
/// When the store cannot be read or written.
pub(in crate::bridge) fn resolve_expired_echoes(
    network: &Network,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let now = ctx.now;
    let Some(puppets) = ctx.senders.get_puppets(network) else { return Ok(()) };
    for echo in puppets.take_pending(|it| now.duration_since(it.since) >= ECHO_TIMEOUT) {
        resolve(network, &echo, ctx)?;
    }
    Ok(())
}

/// The bot has seen every line that the disconnected puppet has sent.
fn resolve(network: &Network, echo: &PendingEcho, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    let PendingEcho { endpoint, delivery: id, .. } = *echo;
    let Some(queue) = ctx.endpoints.queue_mut(endpoint) else { return Ok(()) };
    if queue.in_doubt().is_some_and(|delivery| delivery.id == id) {
        match ctx.senders.puppets_mut(network).take_expected(endpoint, id) {
            Some(it) if it.is_fully_seen() => return deliver::ack(id, endpoint, None, ctx),
            Some(it) if !it.unobserved => {
                if it.seen_bytes > 0 {
                    queue.set_progress(it.acked_before + it.seen_bytes, ctx.store)?;
                }
                queue.retry(ctx.store)?;
            }
            _ => {
                let reason = "the bot did not see all that the puppet sent";
                deliver::reconcile::resolve_unconfirmed(endpoint, reason, ctx)?;
            }
        }
    }
    ctx.schedule(endpoint);
    Ok(())
}
