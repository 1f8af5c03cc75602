//! What is not mirrored, because the phase or the direction of a link on its way does not let it pass.
//!
//! It is heard and recorded like everything, and so not mirrored later by a catch-up either. That it was not mirrored is
//! remembered for each link that held it up, so that an administrator can have it delivered once the link lets it pass.

use std::borrow::Cow;

use super::context::Ctx;
use super::report::NotMirrored;
use crate::domain::{EndpointId, Message};
use crate::store::{MessageId, StoreError, UnheardLink};
use crate::translate::is_blank;

/// Those of `to` to which a recorded `message` is mirrored. What a link holds up is remembered.
///
/// # Errors
/// When the store cannot be written.
pub(super) fn carried<'t>(
    id: MessageId,
    message: &Message,
    to: &'t [EndpointId],
    ctx: &mut Ctx<'_>,
) -> Result<Cow<'t, [EndpointId]>, StoreError> {
    if !ctx.links.is_restricted() {
        return Ok(Cow::Borrowed(to));
    }
    let mut carried = Vec::new();
    let mut barriers: Vec<UnheardLink> = Vec::new();
    for to in to.iter().copied() {
        let Some(barrier) = ctx.links.barrier(message.source, to) else {
            carried.push(to);
            continue;
        };
        if is_kept_back(message, to, ctx) {
            ctx.links.on_not_mirrored(message.source, to, NotMirrored::Unheard);
            if !barriers.contains(&barrier) {
                barriers.push(barrier);
            }
        }
    }
    for barrier in barriers {
        ctx.store.add_unheard(barrier, id)?;
        ctx.phases.add_unheard(barrier, message.sent_at);
    }
    Ok(Cow::Owned(carried))
}

/// Whether the message would be mirrored if the links on its way let it pass.
fn is_kept_back(message: &Message, to: EndpointId, ctx: &Ctx<'_>) -> bool {
    let source = ctx.endpoints.endpoint(message.source);
    !is_blank(&message.body)
        && source.is_some_and(|source| !ctx.routes.is_ignored(message, source, to))
}
