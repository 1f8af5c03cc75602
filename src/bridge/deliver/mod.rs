//! Delivers messages: takes the next one from a queue, renders it, chooses who sends it, and starts it.
//!
//! Consecutive lines of an IRC user are merged into one post. Each is a delivery of its own in ledger and
//! queue. When the first one is started, its continuations are recorded as merged in the same transaction,
//! and share its outcome from then on. To allow merging, deliveries to a room start only at the end of a
//! turn.

pub(super) mod enqueue;
mod merge;
pub(super) mod reconcile;
mod render;
mod send;
pub(super) mod sender;
mod settle;

pub(super) use settle::{
    ack, ack_partial, defer, mark_sent, on_rejected, reject, resume, settle_rejected,
};

use super::context::Ctx;
use super::endpoints::EndpointState;
use super::endpoints::queue::StartedDelivery;
use super::endpoints::room::MergeWait;
use super::event::Command;
use crate::domain::{DeliveryId, EndpointId, RenderedMessage, Sender};
use crate::protocol::letschat;
use crate::store::StoreError;
use crate::translate;
use merge::LineWait;
use sender::SenderChoice;

/// The reason if nobody may send it.
const KICKED_REASON: &str = "an operator removed you from the channel";

/// Starts the next delivery to a channel or room, if possible.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn start_next(endpoint: EndpointId, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    // Deliveries that nobody may send are rejected on the way.
    while let Some(delivery) = try_start_next(endpoint, ctx)? {
        settle::reject_delivery(delivery, endpoint, KICKED_REASON, ctx)?;
    }
    Ok(())
}

/// Starts the next delivery, if possible. Returns it if nobody may send it.
fn try_start_next(
    endpoint: EndpointId,
    ctx: &mut Ctx<'_>,
) -> Result<Option<DeliveryId>, StoreError> {
    let Some(queue) = ctx.endpoints.queue_mut(endpoint) else { return Ok(None) };
    if !queue.check_ready(ctx.store)? {
        return Ok(None);
    }
    let merged = merge::mergeable_count(endpoint, ctx);
    match merge::wait_for_more_lines(endpoint, merged, ctx) {
        LineWait::Over => {}
        LineWait::Waiting => return Ok(None),
        LineWait::Starting(after) => {
            let timer = letschat::LetsChatCommand::SetTimer { endpoint, after };
            ctx.commands.push(Command::LetsChat(timer));
            return Ok(None);
        }
    }
    let Some(rendered) = render::render(endpoint, merged, ctx) else { return Ok(None) };
    match sender::choose(endpoint, ctx)? {
        SenderChoice::As(sender) => {
            if let Some(started) = start(endpoint, (sender, rendered), merged, ctx)? {
                send::send(endpoint, started, ctx);
            }
            Ok(None)
        }
        SenderChoice::Nobody => {
            let started = start(endpoint, (Sender::Bot, rendered), merged, ctx)?;
            Ok(started.map(|started| started.id))
        }
    }
}

/// Starts the next direct message to a user, as `rendered`. Returns whether it was started.
///
/// # Errors
/// When the store cannot be written.
pub(super) fn start_direct(
    endpoint: EndpointId,
    rendered: RenderedMessage,
    recipient: send::DirectRecipient,
    ctx: &mut Ctx<'_>,
) -> Result<bool, StoreError> {
    let Some(started) = start(endpoint, (Sender::Bot, rendered), 0, ctx)? else {
        return Ok(false);
    };
    send::send_direct(endpoint, started, recipient, ctx);
    Ok(true)
}

pub(super) use send::DirectRecipient;

/// Records that the next delivery is in flight, as `rendered` by `sender`, with this many others merged into
/// it.
fn start(
    endpoint: EndpointId,
    (sender, rendered): (Sender, RenderedMessage),
    merged: usize,
    ctx: &mut Ctx<'_>,
) -> Result<Option<StartedDelivery>, StoreError> {
    let Some(state) = ctx.endpoints.get_mut(endpoint) else { return Ok(None) };
    if let EndpointState::Room(room) = state {
        room.merge_wait = MergeWait::Idle;
        if let Some(detector) = &mut room.paste_detector {
            detector.on_sent();
        }
    }
    let queue = state.queue_mut();
    let Some(first) = queue.head() else { return Ok(None) };
    let rendered = match sender {
        Sender::Bot => rendered,
        Sender::Relaymsg(_) | Sender::Puppet(_) => {
            translate::under_own_nick(rendered, &first.message, ctx.now)
        }
    };
    queue.start((sender, rendered), merged, ctx.now, ctx.store)
}
