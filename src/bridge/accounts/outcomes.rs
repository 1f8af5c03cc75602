//! What becomes of posts that people's accounts made: the pool answers each exactly once.

use crate::bridge::account_io::PostFailure;
use crate::bridge::context::{Ctx, Step};
use crate::bridge::deliver;
use crate::bridge::deliver::reconcile;
use crate::bridge::letschat::RoomReceiver;
use crate::domain::{DeliveryId, EndpointId, LetsChatUserId};
use crate::protocol::letschat::PostId;
use crate::store::StoreError;

/// A post of which nobody knows whether it is in the room.
pub(super) struct Unknown {
    pub(super) user: LetsChatUserId,
    pub(super) reason: String,
    pub(super) is_refused: bool,
}

/// The post is in the room. Posts that looked like it can be judged now.
pub(super) fn on_posted(
    delivery: DeliveryId,
    endpoint: EndpointId,
    id: PostId,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    deliver::ack(delivery, endpoint, Some(&id.to_string()), ctx)?;
    ctx.stats.accounts.posted += 1;
    ctx.steps.push_back(Step::ReleaseHeld(endpoint));
    Ok(())
}

/// The post is not in the room: the bot sends it, in its turn.
pub(super) fn on_not_posted(
    user: &LetsChatUserId,
    delivery: DeliveryId,
    endpoint: EndpointId,
    failure: &PostFailure,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    ctx.senders.accounts.on_post_failed(user, endpoint, failure, ctx.now);
    ctx.stats.accounts.fallbacks += 1;
    if let Some(name) = ctx.endpoints.endpoint(endpoint) {
        tracing::info!(endpoint = %name, delivery = delivery.0, ?failure, "an account could not post; the bridge's account does");
    }
    if let Some(queue) = ctx.endpoints.queue_mut(endpoint) {
        queue.cancel(delivery, ctx.store)?;
    }
    ctx.steps.push_back(Step::ReleaseHeld(endpoint));
    ctx.schedule(endpoint);
    Ok(())
}

/// The post may be in the room: it is looked for there.
pub(super) fn on_unknown(
    delivery: DeliveryId,
    endpoint: EndpointId,
    unknown: Unknown,
    rooms: &mut RoomReceiver,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let Unknown { user, reason, is_refused } = unknown;
    if is_refused {
        ctx.senders.accounts.block(&user, endpoint, ctx.now);
        ctx.stats.accounts.fallbacks += 1;
    }
    let Some(room) = ctx.endpoints.room_mut(endpoint) else { return Ok(()) };
    if room.queue.in_flight().is_none_or(|head| head.id != delivery) {
        return Ok(());
    }
    tracing::info!(endpoint = %room.link.endpoint, delivery = delivery.0, reason, "no valid answer to a post of an account; checking the room for it");
    room.queue.mark_in_doubt(ctx.store)?;
    ctx.steps.push_back(Step::ReleaseHeld(endpoint));
    // While the room is not joined, joining it looks for the post.
    if let Some(since) = reconcile::post_in_doubt_since(endpoint, ctx)? {
        rooms.read_since(endpoint, since, ctx);
    }
    Ok(())
}
