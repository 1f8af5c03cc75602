//! Ingests messages: records them in the ledger, and mirrors them to the other endpoints of the group unless
//! loop protection or a rule keeps them back.

use std::sync::Arc;

use jiff::SignedDuration;

use super::context::{Ctx, Step};
use super::endpoints::EndpointState;
use super::loop_guard::LoopVerdict;
use super::report::NotMirrored;
use super::unheard;
use crate::domain::{Author, Delivery, DeliveryId, Endpoint, EndpointId, Message, MessagePart};
use crate::store::{MessageId, StoreError};
use crate::translate::{fallback_name, is_blank, is_passthrough, needs_split};

/// Older messages are being caught up with and cannot be replies.
const LIVE_WINDOW: SignedDuration = SignedDuration::from_secs(60);

/// Records and mirrors `message`, with this remote id, unless it is a duplicate. A fingerprint recognises a
/// message without an id. Returns whether it was new.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn ingest(
    message: &Message,
    remote_id: Option<&str>,
    fingerprint: Option<i64>,
    ctx: &mut Ctx<'_>,
) -> Result<bool, StoreError> {
    let named;
    let message = if message.author.is_bridge() {
        // No user may appear as the bridge for lack of a name.
        let author = Author { name: fallback_name(&message.author), ..message.author.clone() };
        named = Message { author, ..message.clone() };
        &named
    } else {
        message
    };
    let Some(link) = ctx.endpoints.link(message.source) else { return Ok(false) };
    let Some(id) = ctx.store.record_with_fingerprint(message, remote_id, fingerprint)? else {
        return Ok(false);
    };
    tracing::debug!(endpoint = %link.endpoint, author = message.author.name, remote_id = remote_id, "message received");
    let mirrors = Arc::clone(&link.mirrors);
    mirror(id, message, &mirrors, ctx)?;
    Ok(true)
}

/// Mirrors a recorded `message`, unless loop protection suppresses it, which is counted and reported.
fn mirror(
    id: MessageId,
    message: &Message,
    mirrors: &[EndpointId],
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let is_fresh = ctx.now.duration_since(message.sent_at) < LIVE_WINDOW;
    if !ctx.policy.loop_protection || message.author.is_bridge() || !is_fresh {
        return spread(id, message, mirrors, ctx);
    }
    let conversation = mirrors.iter().copied().fold(message.source, EndpointId::min);
    match ctx.loop_guard.check(conversation, message, ctx.now) {
        LoopVerdict::Allow => spread(id, message, mirrors, ctx),
        LoopVerdict::Release(held) => {
            tracing::info!(
                author = message.author.name,
                "author sent own words: unmuted, held messages mirrored"
            );
            for (id, held) in &held {
                spread(*id, held, mirrors, ctx)?;
            }
            spread(id, message, mirrors, ctx)
        }
        LoopVerdict::Suppress => {
            suppress(id, message, ctx);
            Ok(())
        }
        LoopVerdict::Mute { other, pause } => {
            suppress(id, message, ctx);
            let (source, author) = (message.source, message.author.name.clone());
            ctx.steps.push_back(Step::AuthorMuted { source, author, other, pause });
            Ok(())
        }
    }
}

fn suppress(id: MessageId, message: &Message, ctx: &mut Ctx<'_>) {
    ctx.loop_guard.hold(id, message);
    ctx.count_traffic(message.source, |traffic| traffic.suppressed += 1);
}

/// Queues `message` for those of these endpoints to which the links on its way let it pass.
pub(super) fn spread(
    id: MessageId,
    message: &Message,
    mirrors: &[EndpointId],
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let to = unheard::carried(id, message, mirrors, ctx)?;
    fan_out(id, message, &to, ctx)
}

/// Queues `message` for each of these endpoints, unless a rule ignores it.
///
/// # Errors
/// When the store cannot be written.
pub(super) fn fan_out(
    id: MessageId,
    message: &Message,
    to: &[EndpointId],
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let Some(source) = ctx.endpoints.endpoint(message.source).cloned() else { return Ok(()) };
    if to.is_empty() {
        return Ok(());
    }
    if is_blank(&message.body) {
        tracing::debug!(endpoint = %source, author = message.author.name, "message has no visible text");
        ctx.count_traffic(message.source, |traffic| traffic.blank += 1);
        ctx.count_not_mirrored(message.source, NotMirrored::Ignored);
        return Ok(());
    }
    for to in to.iter().copied() {
        if ctx.routes.is_ignored(message, &source, to) {
            tracing::debug!(endpoint = %source, author = message.author.name, "message ignored by a rule");
            ctx.count_traffic(message.source, |traffic| traffic.ignored += 1);
            ctx.links.on_not_mirrored(message.source, to, NotMirrored::Ignored);
            continue;
        }
        for part in parts(message, &source, to, ctx) {
            enqueue(id, message, (*part, to), ctx)?;
        }
        ctx.schedule(to);
    }
    Ok(())
}

/// Queues this part of a recorded `message` for this endpoint, where it starts when that is scheduled.
///
/// # Errors
/// When the store cannot be written.
pub(super) fn enqueue(
    id: MessageId,
    message: &Message,
    (part, to): (MessagePart, EndpointId),
    ctx: &mut Ctx<'_>,
) -> Result<DeliveryId, StoreError> {
    let delivery_id = ctx.store.enqueue_part(id, part, to)?;
    ctx.endpoints.quota.add(message);
    let delivery = Delivery::queued(delivery_id, to, message.clone(), part);
    ctx.links.on_queued(&delivery, ctx.now);
    push(delivery, ctx);
    Ok(delivery_id)
}

/// Appends a stored delivery to the queue of its endpoint.
fn push(delivery: Delivery, ctx: &mut Ctx<'_>) {
    match ctx.endpoints.get_mut(delivery.to) {
        Some(EndpointState::Room(room)) => room.push(delivery, ctx.now),
        Some(EndpointState::Channel(channel)) => channel.queue.push(delivery),
        Some(EndpointState::User(_)) | None => {}
    }
}

/// The parts in which `message` from `source` is delivered to `to`.
fn parts(
    message: &Message,
    source: &Endpoint,
    to: EndpointId,
    ctx: &Ctx<'_>,
) -> &'static [MessagePart] {
    let format = ctx.routes.format(message.source, to);
    let is_room = ctx.endpoints.room(to).is_some();
    if is_passthrough(message, source, format) || is_room && needs_split(message, source, format) {
        return &[MessagePart::Name, MessagePart::Text];
    }
    &[MessagePart::Whole]
}
