//! Reads the endpoints of a restored state for the first time.

use super::context::Ctx;
use crate::domain::EndpointId;
use crate::store::StoreError;

/// A catch-up with `endpoint` begins.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn begin(endpoint: EndpointId, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    if ctx.restored.begin(endpoint) {
        let is_first = ctx.store.begin_restored_reading(endpoint)?;
        ctx.restored.begin_first(endpoint, is_first);
    }
    Ok(())
}

/// The catch-up with `endpoint` is over: deliveries that waited for that can be decided.
pub(super) fn finish(endpoint: EndpointId, complete: bool, ctx: &mut Ctx<'_>) {
    ctx.restored.finish(endpoint, complete);
    schedule_waiting(ctx);
}

/// Looks again at the deliveries that waited.
pub(super) fn schedule_waiting(ctx: &mut Ctx<'_>) {
    for endpoint in std::mem::take(&mut ctx.restored.waiting) {
        ctx.schedule(endpoint);
    }
}
