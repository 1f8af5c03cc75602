//! Pauses channels that fill the queue.

use crate::bridge::context::Ctx;
use crate::bridge::endpoints::channel::Reception;
use crate::domain::EndpointId;
use crate::store::StoreError;

/// Pauses the channel, because the queue limit is reached: its lines are ignored until there is room.
pub(super) fn pause(endpoint: EndpointId, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    let queued_bytes = ctx.endpoints.quota.queued_bytes();
    let Some(channel) = ctx.endpoints.channel_mut(endpoint) else { return Ok(()) };
    if channel.is_live() {
        // The gap starts now.
        ctx.store.touch_channel(endpoint, ctx.now)?;
    }
    channel.reception = Reception::Paused;
    ctx.store.set_paused(endpoint, true)?;
    tracing::error!(endpoint = %channel.link.endpoint, queued_bytes, "queue limit reached; channel paused");
    Ok(())
}
