//! Queues a recorded message for other endpoints.

use crate::bridge::context::Ctx;
use crate::bridge::endpoints::EndpointState;
use crate::domain::{Delivery, Endpoint, EndpointId, Message, MessagePart};
use crate::store::{MessageId, StoreError};
use crate::translate::{is_blank, is_passthrough, needs_split};

/// Queues `message` for each of these endpoints, unless a rule ignores it.
///
/// # Errors
/// When the store cannot be written.
pub(in crate::bridge) fn fan_out(
    id: MessageId,
    message: &Message,
    to: &[EndpointId],
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let Some(source) = ctx.endpoints.endpoint(message.source).cloned() else { return Ok(()) };
    if is_blank(&message.body) {
        tracing::debug!(endpoint = %source, author = message.author.name, "message has no visible text");
        ctx.count_traffic(message.source, |traffic| traffic.blank += 1);
        return Ok(());
    }
    for to in to.iter().copied() {
        if ctx.routes.is_ignored(message, &source, to) {
            tracing::debug!(endpoint = %source, author = message.author.name, "message ignored by a rule");
            ctx.count_traffic(message.source, |traffic| traffic.ignored += 1);
            continue;
        }
        for part in parts(message, &source, to, ctx) {
            let delivery_id = ctx.store.enqueue_part(id, *part, to)?;
            ctx.endpoints.quota.add(message);
            push(Delivery::queued(delivery_id, to, message.clone(), *part), ctx);
        }
        ctx.schedule(to);
    }
    Ok(())
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
