//! Handles events from IRC.

pub(super) mod history;
mod last_seen;
mod line;
mod members;
mod pause;
mod playback;
pub(super) mod puppets;

pub(super) use last_seen::save_last_seen;

use super::context::Ctx;
use super::deliver;
use super::endpoints::channel::{JoinInfo, Reception};
use super::event::Peer;
use super::notices::{outage, status};
use super::{phases, topic_sync};
use crate::domain::{EndpointId, Network};
use crate::protocol::irc::{IncomingMessage, IrcEvent, MessageRef};
use crate::store::{Cursor, StoreError};
use crate::translate::StatusChange;

/// Handles an event of the bot's connection to `network`. Direct messages are handled elsewhere.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn on_event(
    network: &Network,
    event: IrcEvent,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    match event {
        IrcEvent::Message { endpoint, message } => on_message(network, endpoint, message, ctx),
        IrcEvent::History { endpoint, reply } => history::on_reply(network, endpoint, reply, ctx),
        IrcEvent::SendStarted { delivery, endpoint } => {
            deliver::mark_sent(delivery, endpoint, ctx);
            Ok(())
        }
        IrcEvent::PartiallyDelivered { delivery, endpoint, delivered_bytes, message_ref } => {
            advance_own_cursor(endpoint, message_ref, ctx)?;
            deliver::ack_partial(delivery, endpoint, delivered_bytes, ctx)
        }
        IrcEvent::Delivered { delivery, endpoint, message_ref } => {
            let msgid = message_ref.msgid.clone();
            advance_own_cursor(endpoint, message_ref, ctx)?;
            deliver::ack(delivery, endpoint, msgid.as_deref(), ctx)
        }
        IrcEvent::Rejected { delivery, endpoint, reason } => {
            deliver::on_rejected(delivery, endpoint, &reason, ctx)
        }
        IrcEvent::Deferred { delivery, endpoint, reason } => {
            deliver::defer(delivery, endpoint, &reason, ctx)
        }
        IrcEvent::Retry(endpoint) => {
            deliver::resume(endpoint, ctx);
            Ok(())
        }
        IrcEvent::RelaymsgRejected { delivery, endpoint, scope, reason } => {
            deliver::sender::on_relaymsg_rejected(
                network,
                (delivery, endpoint),
                (scope, &reason),
                ctx,
            )
        }
        IrcEvent::Registered { nick } => {
            tracing::info!(%network, nick, "registered");
            set_own_nick(network, &nick, ctx)
        }
        IrcEvent::NickChanged { nick } => {
            tracing::info!(%network, nick, "nick changed");
            set_own_nick(network, &nick, ctx)
        }
        IrcEvent::Alive => on_alive(network, ctx),
        // The service knows when.
        IrcEvent::PingAnswered { .. } => Ok(()),
        IrcEvent::Joined { endpoint, server_time, has_history, has_echoes, line } => {
            let joined = JoinInfo { time: server_time, has_history, has_echoes, line };
            outage::end(endpoint, ctx)?;
            history::on_joined(network, endpoint, joined, ctx)
        }
        IrcEvent::StillJoined { endpoint, has_history, has_echoes, line } => {
            let joined = JoinInfo { time: None, has_history, has_echoes, line };
            outage::end(endpoint, ctx)?;
            history::on_still_joined(network, endpoint, joined, ctx)
        }
        IrcEvent::NotJoined { endpoint, reason } => on_not_joined(network, endpoint, &reason, ctx),
        IrcEvent::Membership(event) => members::on_membership(network, event, ctx),
        IrcEvent::Topic { endpoint, topic, by } => {
            let text = topic.clone().unwrap_or_default();
            on_topic(endpoint, topic, by, ctx);
            phases::on_topic(endpoint, &text, ctx)
        }
        IrcEvent::Rights { endpoint, rights } => phases::on_rights(endpoint, rights, ctx),
        IrcEvent::ModesChanged { endpoint, by, change } => {
            if let Some(name) = ctx.endpoints.endpoint(endpoint) {
                tracing::debug!(endpoint = %name, by, change, "modes changed");
            }
            status::note(endpoint, &by, StatusChange::ModesChanged(change), ctx);
            Ok(())
        }
        event => {
            on_server_event(network, event, ctx);
            Ok(())
        }
    }
}

/// A line was received, live or played back.
fn on_message(
    network: &Network,
    endpoint: EndpointId,
    message: IncomingMessage,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    if !message.is_playback && ctx.status.note_spoken(endpoint, &message.author.name, ctx.now) {
        status::notify_due(ctx)?;
    }
    let is_full = ctx.endpoints.quota.is_exceeded_by(endpoint);
    let Some(channel) = ctx.endpoints.channel_mut(endpoint) else { return Ok(()) };
    if !message.is_playback {
        channel.roster.set_last_spoke(&message.author.name, ctx.now);
    }
    match &channel.reception {
        Reception::Paused => return Ok(()),
        Reception::Live(_) if is_full => return pause::pause(endpoint, ctx),
        Reception::Live(_) | Reception::NotJoined => {
            return line::ingest(network, endpoint, (ctx.now, message), ctx);
        }
        Reception::CatchingUp(_) => {}
    }
    let Some(catchup) = channel.catchup_mut() else { return Ok(()) };
    if message.is_playback {
        catchup.note_playback(&message.message_ref);
        return line::ingest(network, endpoint, (ctx.now, message), ctx);
    }
    if !catchup.has_history {
        // It would not be repeated, so it must not wait. Unrequested playback comes before the first live
        // line, so it is over.
        let complete = catchup.is_gapless();
        history::finish_catchup(network, endpoint, complete, ctx)?;
        return line::ingest(network, endpoint, (ctx.now, message), ctx);
    }
    if let Some(message) = catchup.hold(message, ctx.now) {
        tracing::warn!(endpoint = %channel.link.endpoint, "catch-up stopped: too many live messages meanwhile");
        history::finish_catchup(network, endpoint, false, ctx)?;
        return line::ingest(network, endpoint, (ctx.now, message), ctx);
    }
    Ok(())
}

/// Handles what the server says of itself and of our rights.
fn on_server_event(network: &Network, event: IrcEvent, ctx: &mut Ctx<'_>) {
    match event {
        IrcEvent::LoggedIn { account } => tracing::info!(%network, account, "logged in"),
        IrcEvent::LoginFailed { reason } => {
            tracing::warn!(%network, reason = reason, "login failed");
        }
        IrcEvent::FallbackCharsetUsed => {
            ctx.stats.traffic_mut(Peer::Irc(network.clone())).fallback_charset += 1;
        }
        IrcEvent::RelaymsgAvailable { separators, max_nick_len } => {
            ctx.senders.enable_relaymsg(network, &separators, max_nick_len);
        }
        IrcEvent::MaySpeak { endpoint, reason: Some(reason) } => {
            if let Some(name) = ctx.endpoints.endpoint(endpoint) {
                tracing::warn!(
                    endpoint = %name,
                    reason = reason,
                    "the bridge cannot send to the channel: give it voice (MODE +v)"
                );
            }
        }
        // STS is handled by the connection.
        _ => {}
    }
}

/// The connection to `network` is lost: its channels were received up to the last event.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn on_connection_lost(network: &Network, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    ctx.senders.connection_lost(network);
    let last_seen = ctx.peers.disconnected(&Peer::Irc(network.clone()));
    let channels: Vec<EndpointId> = ctx.endpoints.channels_on(network).map(|(id, _)| id).collect();
    if let Some(at) = last_seen {
        ctx.store.extend_nick(network, None, at)?;
        for endpoint in &channels {
            outage::record(*endpoint, Some("the connection to its network was lost"), ctx);
            history::on_left(network, *endpoint, at, ctx)?;
        }
    }
    for endpoint in channels {
        ctx.endpoints.close(endpoint);
        let Some(queue) = ctx.endpoints.queue_mut(endpoint) else { continue };
        if queue.is_sent_by_puppet() {
            // The puppet's own connection can still acknowledge it.
            ctx.senders.puppets_mut(network).mark_unobserved(endpoint);
        } else {
            queue.connection_lost(ctx.store)?;
        }
    }
    Ok(())
}

/// The channel cannot be joined, or we were removed from it.
fn on_not_joined(
    network: &Network,
    endpoint: EndpointId,
    reason: &str,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    if let Some(name) = ctx.endpoints.endpoint(endpoint) {
        tracing::warn!(endpoint = %name, reason, "not joined");
        ctx.endpoints.close(endpoint);
    }
    if let Some(puppets) = ctx.senders.get_puppets(network) {
        puppets.mark_unobserved(endpoint);
    }
    outage::record(endpoint, Some(reason), ctx);
    history::on_left(network, endpoint, ctx.now, ctx)
}

/// The channel is no longer linked: it was received until now.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn forget(
    network: &Network,
    endpoint: EndpointId,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    ctx.endpoints.close(endpoint);
    if let Some(puppets) = ctx.senders.get_puppets(network) {
        puppets.mark_unobserved(endpoint);
    }
    history::on_left(network, endpoint, ctx.now, ctx)
}

/// The channel has this topic; `by` is who has changed it, or `None` on joining.
fn on_topic(endpoint: EndpointId, topic: Option<String>, by: Option<String>, ctx: &mut Ctx<'_>) {
    if let Some(name) = ctx.endpoints.endpoint(endpoint) {
        tracing::debug!(endpoint = %name, topic, by, "topic");
    }
    let text = topic.as_deref().unwrap_or_default();
    let Some(by) = by else {
        topic_sync::init(endpoint, text, ctx);
        return;
    };
    if topic_sync::on_changed(endpoint, text, ctx) {
        status::note(endpoint, &by, StatusChange::TopicChanged(topic), ctx);
    }
}

/// Our nick has changed.
fn set_own_nick(network: &Network, nick: &str, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    ctx.peers.connected(Peer::Irc(network.clone()), ctx.now);
    ctx.store.start_nick(network, None, nick, ctx.now)
}

/// The connection is alive.
fn on_alive(network: &Network, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    let Some(seen) = ctx.peers.last_seen_mut(&Peer::Irc(network.clone())) else { return Ok(()) };
    seen.at = ctx.now;
    puppets::disconnect::resolve_expired_echoes(network, ctx)
}

/// One of our lines has arrived: advances the channel's cursor, if it is being received.
fn advance_own_cursor(
    endpoint: EndpointId,
    message_ref: MessageRef,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    if !ctx
        .endpoints
        .channel(endpoint)
        .is_some_and(super::endpoints::channel::ChannelEndpoint::is_live)
    {
        return Ok(());
    }
    let Some(time) = message_ref.time else {
        return ctx.store.touch_channel(endpoint, ctx.now);
    };
    let cursor = Cursor { time: time.min(ctx.now), last_line: Some(message_ref.msgid) };
    ctx.store.advance_channel_cursor(endpoint, &cursor, ctx.now)
}
