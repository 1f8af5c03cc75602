//! Settles deliveries: what the remote side says of them.

use crate::bridge::context::{Ctx, Step};
use crate::bridge::endpoints::EndpointState;
use crate::bridge::report::{LinkFailure, RetryReason};
use crate::domain::{Delivery, DeliveryId, EndpointId, MessageKind};
use crate::store::StoreError;
use crate::translate::RESENT_PREFIX;

/// Something of the delivery has been sent.
pub(in crate::bridge) fn mark_sent(delivery: DeliveryId, endpoint: EndpointId, ctx: &mut Ctx<'_>) {
    if let Some(queue) = ctx.endpoints.queue_mut(endpoint) {
        queue.mark_sent(delivery);
    }
}

/// The first `end` bytes of what was last started have arrived; the rest follows.
///
/// # Errors
/// When the store cannot be written.
pub(in crate::bridge) fn ack_partial(
    delivery: DeliveryId,
    endpoint: EndpointId,
    end: usize,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let Some(queue) = ctx.endpoints.queue_mut(endpoint) else { return Ok(()) };
    queue.ack_partial(delivery, end, RESENT_PREFIX.len(), ctx.store)
}

/// The remote side defers the delivery.
///
/// # Errors
/// When the store cannot be written.
pub(in crate::bridge) fn defer(
    delivery: DeliveryId,
    endpoint: EndpointId,
    reason: &str,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let Some(state) = ctx.endpoints.get_mut(endpoint) else { return Ok(()) };
    if state.queue_mut().defer(delivery, ctx.store)? {
        if let Some(head) = state.queue().head() {
            ctx.links.on_retry(head.message.source, endpoint, RetryReason::Deferred);
        }
        if let Some(link) = state.link() {
            tracing::info!(endpoint = %link.endpoint, delivery = delivery.0, reason, "delivery deferred");
        }
        ctx.count_traffic(endpoint, |traffic| traffic.deferred += 1);
    }
    Ok(())
}

/// A deferred delivery can be retried.
pub(in crate::bridge) fn resume(endpoint: EndpointId, ctx: &mut Ctx<'_>) {
    if let Some(queue) = ctx.endpoints.queue_mut(endpoint) {
        queue.resume();
    }
    ctx.schedule(endpoint);
}

/// The remote side has rejected the delivery. If it has removed us before reading it, that is no rejection:
/// once back, we look for it.
///
/// # Errors
/// When the store cannot be written.
pub(in crate::bridge) fn on_rejected(
    delivery: DeliveryId,
    endpoint: EndpointId,
    reason: &str,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    match ctx.endpoints.queue_mut(endpoint) {
        Some(queue) if queue.is_in_flight_while_closed(delivery) => queue.mark_in_doubt(ctx.store),
        _ => reject(delivery, endpoint, reason, ctx),
    }
}

/// Rejects the delivery, and goes on with the next.
///
/// # Errors
/// When the store cannot be written.
pub(in crate::bridge) fn reject(
    delivery: DeliveryId,
    endpoint: EndpointId,
    reason: &str,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    reject_delivery(delivery, endpoint, reason, ctx)?;
    ctx.schedule(endpoint);
    Ok(())
}

pub(super) fn reject_delivery(
    id: DeliveryId,
    endpoint: EndpointId,
    reason: &str,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let Some(state) = ctx.endpoints.get_mut(endpoint) else { return Ok(()) };
    if let EndpointState::User(user) = state {
        user.ack_timeouts = 0;
    }
    for delivery in state.queue_mut().reject(id, reason, ctx.now, ctx.store)? {
        settle_rejected(&delivery, reason, ctx)?;
    }
    Ok(())
}

/// A delivery has left its queue as rejected: its author is to be notified.
///
/// # Errors
/// When the store cannot be written.
pub(in crate::bridge) fn settle_rejected(
    delivery: &Delivery,
    reason: &str,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    ctx.endpoints.quota.remove(&delivery.message);
    ctx.count_traffic(delivery.to, |traffic| traffic.rejected += 1);
    let text = format!("{}: {reason}", ctx.endpoints.display_name(delivery.to));
    ctx.links.on_rejected(delivery, LinkFailure { at: ctx.now, text });
    ctx.report_to_canary(delivery, Some(reason));
    match ctx.endpoints.get(delivery.to) {
        Some(state @ EndpointState::User(_)) => {
            tracing::warn!(peer = %state.peer(), delivery = delivery.id.0, reason, "private message rejected");
            ctx.steps.push_back(Step::DirectFailureRecorded);
            ctx.store.mark_unreported(delivery.id)
        }
        Some(EndpointState::Channel(_) | EndpointState::Room(_)) => {
            if let Some(name) = ctx.endpoints.endpoint(delivery.to) {
                tracing::warn!(endpoint = %name, delivery = delivery.id.0, reason, "delivery rejected");
            }
            notify_author(delivery, ctx)
        }
        None => Ok(()),
    }
}

/// An administrator has dropped a delivery to a channel or room: its author is to be notified.
///
/// # Errors
/// When the store cannot be written.
pub(in crate::bridge) fn settle_dropped(
    delivery: &Delivery,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    ctx.endpoints.quota.remove(&delivery.message);
    ctx.links.on_dropped(delivery);
    ctx.report_to_canary(delivery, Some("dropped by an administrator"));
    notify_author(delivery, ctx)
}

/// The author of a message that did not reach a channel or room is to be notified.
fn notify_author(delivery: &Delivery, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    if !ctx.policy.notices || !is_answerable(delivery) {
        return Ok(());
    }
    ctx.steps.push_back(Step::FailureRecorded);
    ctx.store.mark_unreported(delivery.id)
}

/// Whether the author is notified of a rejection. Not bots, and not authors of NOTICEs: they expect no
/// answer, and two bots could answer each other for ever.
fn is_answerable(delivery: &Delivery) -> bool {
    let author = &delivery.message.author;
    !author.is_bridge() && !author.bot && delivery.message.kind != MessageKind::Notice
}
