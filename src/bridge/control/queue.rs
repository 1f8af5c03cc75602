//! Shows and changes what waits on a link.

use crate::bridge::context::Ctx;
use crate::bridge::control_io::{ControlError, ControlReply, QueuePage, QueuedDelivery, WaitState};
use crate::bridge::deliver;
use crate::bridge::endpoints::queue::{DeliveryQueue, DropOutcome};
use crate::bridge::link_direction::LinkDirection;
use crate::bridge::links::LinkIndex;
use crate::domain::{Delivery, DeliveryId, DeliveryState};
use crate::store::{StoreError, WaitingFilter};
use crate::translate::NoticeText;

/// How many deliveries a page holds at most.
const MAX_LISTED_DELIVERIES: usize = 200;

/// How many characters of a text are shown.
const MAX_SHOWN_TEXT: usize = 80;

/// The reason in the ledger of a delivery that an administrator has dropped.
const DROPPED_BY_ADMINISTRATOR: &str = "dropped by the administrator";

const DIRECTIONS: [LinkDirection; 2] = [LinkDirection::ToIrc, LinkDirection::ToLetsChat];

/// What waits on the link, oldest first.
pub(super) fn list(
    index: LinkIndex,
    limit: usize,
    ctx: &mut Ctx<'_>,
) -> Result<Result<ControlReply, ControlError>, StoreError> {
    let limit = limit.min(MAX_LISTED_DELIVERIES);
    let mut deliveries = Vec::new();
    let Some(link) = ctx.links.get(index) else { return Ok(Err(ControlError::Stopping)) };
    for direction in DIRECTIONS {
        let to = link.end(direction);
        let (sources, is_exclusion) = ctx.links.sources_of(index, to);
        let sources: Vec<_> = sources.into_iter().collect();
        let filter = WaitingFilter { to, sources: &sources, is_exclusion, after: DeliveryId(0) };
        let Some(queue) = ctx.endpoints.queue(to) else { continue };
        let found = ctx.store.waiting_deliveries(filter, limit)?;
        deliveries.extend(found.iter().map(|delivery| shown(delivery, direction, queue)));
    }
    deliveries.sort_by_key(|delivery| delivery.id);
    deliveries.truncate(limit);
    let waiting = DIRECTIONS.map(|direction| link.counts(direction).waiting()).iter().sum();
    Ok(Ok(ControlReply::Queue(QueuePage { link: link.id.clone(), waiting, deliveries })))
}

/// How a delivery in this queue is shown.
fn shown(delivery: &Delivery, direction: LinkDirection, queue: &DeliveryQueue) -> QueuedDelivery {
    // The queue knows more of its first one than the store.
    let head = queue.head().filter(|head| head.id == delivery.id);
    let state = match head.map_or(delivery.state, |head| head.state) {
        DeliveryState::InFlight => WaitState::InFlight,
        DeliveryState::InDoubt => WaitState::InDoubt,
        _ if queue.is_waiting_for_resume(delivery) => WaitState::Held,
        _ if queue.is_deferred(delivery.id) => WaitState::Deferred,
        _ => WaitState::Queued,
    };
    let text = NoticeText::from(delivery.message.body.as_str()).into_string();
    QueuedDelivery {
        id: delivery.id,
        direction,
        author: delivery.message.author.name.clone(),
        sent_at: delivery.message.sent_at,
        state,
        text: text.chars().take(MAX_SHOWN_TEXT).collect(),
    }
}

/// Sends what the remote side has deferred now. Returns whether there was anything.
pub(super) fn retry(link: LinkIndex, ctx: &mut Ctx<'_>) -> bool {
    let Some(link) = ctx.links.get(link) else { return false };
    let ends = DIRECTIONS.map(|direction| link.end(direction));
    let mut is_any = false;
    for end in ends {
        if ctx.endpoints.queue(end).is_some_and(DeliveryQueue::has_deferred) {
            is_any = true;
            deliver::resume(end, ctx);
        }
    }
    is_any
}

/// Drops a delivery that waits on the link.
pub(super) fn drop_delivery(
    index: LinkIndex,
    id: DeliveryId,
    ctx: &mut Ctx<'_>,
) -> Result<Result<ControlReply, ControlError>, StoreError> {
    let Some(link) = ctx.links.get(index) else { return Ok(Err(ControlError::Stopping)) };
    let (name, ends) =
        (link.id.clone(), DIRECTIONS.map(|direction| (link.end(direction), direction)));
    for (to, direction) in ends {
        let Some(part) = ctx.store.open_parts(to, id)?.into_iter().find(|part| part.id == id)
        else {
            continue;
        };
        if !ctx.links.is_on(index, part.message.source, to) {
            continue;
        }
        let Some(queue) = ctx.endpoints.queue_mut(to) else { continue };
        let shown = shown(&part, direction, queue);
        match queue.drop_waiting(id, DROPPED_BY_ADMINISTRATOR, ctx.now, ctx.store)? {
            DropOutcome::NotWaiting => {}
            DropOutcome::Begun => return Ok(Err(ControlError::AlreadySent { link: name, id })),
            DropOutcome::Dropped(parts) => {
                for delivery in &parts {
                    deliver::settle_dropped(delivery, ctx)?;
                }
                tracing::info!(link = %name, delivery = id.0, author = shown.author, "delivery dropped by the administrator");
                ctx.schedule(to);
                return Ok(Ok(ControlReply::Dropped(shown)));
            }
        }
    }
    Ok(Err(ControlError::NotWaiting { link: name, id }))
}
