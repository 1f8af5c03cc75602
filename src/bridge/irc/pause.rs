//! Pauses channels that fill the queue.

use crate::bridge::context::Ctx;
use crate::bridge::endpoints::channel::Reception;
use crate::domain::EndpointId;
use crate::store::StoreError;

/// Pauses the channel if the queue limit is reached. Returns whether its lines are to be ignored.
pub(super) fn pause_if_full(endpoint: EndpointId, ctx: &mut Ctx<'_>) -> Result<bool, StoreError> {
    let is_full = ctx.endpoints.quota.is_exceeded_by(endpoint);
    let queued_bytes = ctx.endpoints.quota.queued_bytes();
    let Some(channel) = ctx.endpoints.channel_mut(endpoint) else { return Ok(false) };
    match &channel.reception {
        Reception::Paused => return Ok(true),
        Reception::Live(_) if is_full => {
            // The gap starts now.
            ctx.store.touch_channel(endpoint, ctx.now)?;
        }
        Reception::CatchingUp(_) if is_full => {}
        Reception::NotJoined | Reception::Live(_) | Reception::CatchingUp(_) => return Ok(false),
    }
    channel.reception = Reception::Paused;
    ctx.store.set_paused(endpoint, true)?;
    tracing::error!(endpoint = %channel.link.endpoint, queued_bytes, "queue limit reached; channel paused");
    Ok(true)
}
