//! Delivers what was not mirrored while a link did not let it pass, because an administrator asks for it.
//!
//! What is asked for is marked in the store, and goes into the outbox bit by bit, whenever nothing else waits there: so it
//! comes in its order, behind what waits already, and what is said meanwhile goes in between. A message leaves the list of
//! those that were not mirrored in the transaction that puts it into the outbox, so each is delivered once.

use super::context::Ctx;
use super::control_io::{CatchUpAnswer, CatchUpCount, CatchUpRequest, ControlError};
use super::endpoints::EndpointState;
use super::ingest;
use super::link_direction::LinkDirection;
use super::links::LinkIndex;
use super::notices::status;
use crate::domain::{EndpointId, Message};
use crate::store::{MessageId, StoreError, UnheardLink, UnheardRange};

/// How many messages are put into the outbox at once: few for a channel, where lines are sent slowly.
const CHANNEL_BATCH: u32 = 2;
const ROOM_BATCH: u32 = 20;

/// Marks what is asked for, unless it is a dry run. What was asked for before is not counted again.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn ask(
    link: LinkIndex,
    request: &CatchUpRequest,
    ctx: &mut Ctx<'_>,
) -> Result<Result<CatchUpAnswer, ControlError>, StoreError> {
    let Some(record) = ctx.links.get(link) else { return Ok(Err(ControlError::Stopping)) };
    let wanted = request.direction;
    let mut directions = vec![LinkDirection::ToIrc, LinkDirection::ToLetsChat];
    directions.retain(|direction| {
        wanted.is_none_or(|wanted| wanted == *direction) && record.is_mirrored(*direction)
    });
    let id = record.id.clone();
    if directions.is_empty() || record.is_leaving {
        let (phase, flow) = (record.phase, record.flow);
        return Ok(Err(ControlError::NotMirrored { link: id, phase, flow, direction: wanted }));
    }
    let ways: Vec<_> = directions
        .into_iter()
        .map(|direction| (direction, record.unheard_link(direction)))
        .collect();
    let range = UnheardRange { from: request.from, to: request.to };
    let mut counts = Vec::new();
    for (direction, unheard) in ways {
        let (messages, span) = ctx.store.unheard_in(unheard, range)?;
        counts.push(CatchUpCount { direction, messages, span });
        if messages > 0 && !request.is_dry_run {
            ctx.store.ask_for_unheard(unheard, range)?;
            tracing::info!(
                link = %id,
                direction = direction.name(),
                messages,
                from = %request.from,
                to = %request.to,
                "the administrator wants messages that were not mirrored"
            );
        }
    }
    ctx.phases.count_unheard(ctx.store)?;
    Ok(Ok(CatchUpAnswer { link: id, counts }))
}

/// About every second: puts some of what was asked for into the outbox, where nothing else waits.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn feed(ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    for count in ctx.phases.all_unheard() {
        if count.asked > 0 {
            feed_link(count.link, ctx)?;
        }
    }
    Ok(())
}

fn feed_link(unheard: UnheardLink, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    let direction = if unheard.to_irc { LinkDirection::ToIrc } else { LinkDirection::ToLetsChat };
    let ends = (unheard.channel, unheard.room);
    let link = ctx.links.iter().find(|link| (link.channel, link.room) == ends);
    let passes = link.is_some_and(|link| {
        link.is_mirrored(direction) && link.pause.is_none() && !link.is_leaving
    });
    let end = if unheard.to_irc { unheard.channel } else { unheard.room };
    let is_open =
        ctx.endpoints.queue(end).is_some_and(super::endpoints::queue::DeliveryQueue::is_open);
    if !passes || !is_open || ctx.stopping || !status::is_idle(end, false, ctx.endpoints) {
        return Ok(());
    }
    let batch = match ctx.endpoints.get(end) {
        Some(EndpointState::Room(_)) => ROOM_BATCH,
        _ => CHANNEL_BATCH,
    };
    let found = ctx.store.asked_unheard(unheard, batch)?;
    if found.is_empty() {
        // The ledger has forgotten the rest.
        return ctx.phases.count_unheard(ctx.store);
    }
    for (id, message) in found {
        ctx.store.remove_unheard(unheard, id)?;
        ctx.phases.settle_unheard(unheard);
        deliver(unheard, direction, (id, &message), ctx)?;
    }
    Ok(())
}

/// Queues a message for all endpoints behind the link. Where another link does not let it pass, it is remembered there.
fn deliver(
    unheard: UnheardLink,
    direction: LinkDirection,
    (id, message): (MessageId, &Message),
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let ends = (unheard.channel, unheard.room);
    let mut behind = ctx.endpoints.mirrors(message.source);
    behind.retain(|to| ctx.links.is_on_way(message.source, *to, ends, direction));
    let behind: Vec<EndpointId> = behind;
    ingest::spread(id, message, &behind, ctx)
}
