//! Renders the next delivery as its destination shows it.

use crate::bridge::context::Ctx;
use crate::bridge::directory::LinkDirectory;
use crate::bridge::endpoints::EndpointState;
use crate::domain::{Delivery, EndpointId, RenderedMessage};
use crate::translate;

/// The next delivery to a channel or room, merged with this many followers.
pub(super) fn render(
    endpoint: EndpointId,
    merged: usize,
    ctx: &Ctx<'_>,
) -> Option<RenderedMessage> {
    let state = ctx.endpoints.get(endpoint)?;
    let Delivery { message, part, .. } = state.queue().head()?;
    let directory = LinkDirectory::new(message.source, endpoint, ctx.endpoints)?;
    let format = ctx.routes.format(message.source, endpoint);
    match state {
        EndpointState::Channel(_) => {
            let links = ctx.routes.public_links();
            Some(translate::to_irc(message, *part, format, &directory, links, ctx.now))
        }
        EndpointState::Room(room) => {
            let more = room.queue.followers().take(merged).map(|delivery| &delivery.message);
            Some(translate::to_letschat(message, more, *part, format, &directory, ctx.now))
        }
        EndpointState::User(_) => None,
    }
}
