//! What the texts about phases are filled with.

use crate::bridge::context::Ctx;
use crate::domain::{Endpoint, EndpointId};
use crate::store::StoreError;
use crate::translate::AnnouncementFacts;

/// The facts about these links, each a channel and a room.
pub(super) fn facts(
    links: &[(EndpointId, EndpointId)],
    ctx: &Ctx<'_>,
) -> Result<AnnouncementFacts, StoreError> {
    let (mut rooms, mut urls) = (Vec::new(), Vec::new());
    let (mut channels, mut networks) = (Vec::new(), Vec::new());
    for (channel, room) in links {
        if let Some(Endpoint::Channel { network, name }) = ctx.endpoints.endpoint(*channel) {
            add(&mut channels, name.to_string());
            add(&mut networks, network.to_string());
        }
        if let Some(Endpoint::Room(name)) = ctx.endpoints.endpoint(*room) {
            add(&mut rooms, name.to_string());
        }
        add(&mut urls, room_url(*channel, *room, ctx)?);
    }
    Ok(AnnouncementFacts {
        room: rooms.join(", "),
        url: urls.join(" "),
        channel: channels.join(", "),
        network: networks.join(", "),
        nick: String::new(),
    })
}

fn add(list: &mut Vec<String>, text: String) {
    if !text.is_empty() && !list.contains(&text) {
        list.push(text);
    }
}

/// The address of the room; that of the server until the room's id is known.
fn room_url(channel: EndpointId, room: EndpointId, ctx: &Ctx<'_>) -> Result<String, StoreError> {
    let Some(server) = &ctx.routes.format(channel, room).room.letschat_url else {
        return Ok(String::new());
    };
    let joined = ctx.endpoints.room(room).and_then(|room| room.room_id.as_deref());
    let id = match joined {
        Some(id) => Some(id.to_owned()),
        None => ctx.store.room_id(room)?,
    };
    Ok(id.map_or_else(|| server.to_string(), |id| format!("{server}#!/room/{id}")))
}
