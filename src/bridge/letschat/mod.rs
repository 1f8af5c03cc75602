//! Handles events from Let's Chat.

mod members;
mod paging;
mod posts;
mod receive;

pub(super) use receive::RoomReceiver;

use super::context::{Ctx, Step};
use super::deliver;
use super::endpoints::EndpointState;
use super::event::Peer;
use super::topic_sync;
use crate::domain::{DeliveryId, EndpointId};
use crate::protocol::letschat::{LetsChatEvent, LetsChatUser};
use crate::store::StoreError;

/// Handles an event of the connection to Let's Chat. Direct messages are handled elsewhere.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn on_event(
    event: LetsChatEvent,
    rooms: &mut RoomReceiver,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    match event {
        LetsChatEvent::NewPost { endpoint, post } => rooms.on_post(endpoint, post, ctx),
        LetsChatEvent::Posted { delivery, endpoint, id } => {
            deliver::ack(delivery, endpoint, Some(&id.to_string()), ctx)
        }
        LetsChatEvent::Rejected { delivery, endpoint, reason } => {
            deliver::on_rejected(delivery, endpoint, &reason, ctx)
        }
        LetsChatEvent::TimedOut { delivery, endpoint } => {
            on_ack_timeout(delivery, endpoint, rooms, ctx)
        }
        LetsChatEvent::TimerFired(endpoint) => {
            on_timer(endpoint, ctx);
            Ok(())
        }
        LetsChatEvent::LoggedIn(account) => {
            on_logged_in(account, ctx);
            Ok(())
        }
        LetsChatEvent::Alive => receive::on_alive(ctx),
        LetsChatEvent::Joined { endpoint, room } => rooms.on_joined(endpoint, &room, ctx),
        LetsChatEvent::NotJoined { endpoint, reason } => {
            rooms.on_not_joined(endpoint, &reason, ctx)
        }
        LetsChatEvent::Page { endpoint, stay, posts, bad, bytes } => {
            let page = receive::Page { posts, bad, bytes };
            rooms.on_page(endpoint, stay, page, ctx)
        }
        LetsChatEvent::NewestMessage { endpoint, stay, post } => {
            rooms.on_newest_post(endpoint, stay, post, ctx)
        }
        LetsChatEvent::UnreadablePost { endpoint, post } => {
            rooms.on_unreadable_post(endpoint, post, ctx)
        }
        LetsChatEvent::FrameTooLarge => rooms.pages.on_frame_too_large(ctx),
        LetsChatEvent::Description { endpoint, description, is_initial } => {
            if is_initial {
                topic_sync::init(endpoint, &description, ctx);
            } else {
                topic_sync::on_changed(endpoint, &description, ctx);
            }
            Ok(())
        }
        LetsChatEvent::Presence(presence) => {
            members::on_presence(presence, ctx);
            ctx.steps.push_back(Step::ScheduleDirect);
            Ok(())
        }
        LetsChatEvent::DirectMessage(_)
        | LetsChatEvent::DirectMessagesEnabled(_)
        | LetsChatEvent::PingAnswered { .. } => Ok(()),
    }
}

/// Let's Chat has told who we are.
fn on_logged_in(account: LetsChatUser, ctx: &mut Ctx<'_>) {
    tracing::info!(account = account.username, "logged in to Let's Chat");
    let names = [Some(&account.username), account.display_name.as_ref()];
    ctx.senders.accounts.bot_names = names.into_iter().flatten().cloned().collect();
    ctx.peers.letschat_account = Some(account);
    ctx.peers.connected(Peer::LetsChat, ctx.now);
}

/// The next delivery to the room has waited long enough for more lines.
fn on_timer(endpoint: EndpointId, ctx: &mut Ctx<'_>) {
    if let Some(room) = ctx.endpoints.room_mut(endpoint) {
        room.merge_wait.expire();
    }
    ctx.schedule(endpoint);
}

/// The connection is lost: rooms were received up to the last event.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn on_connection_lost(
    rooms: &mut RoomReceiver,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    rooms.pages.connection_lost(ctx);
    if let Some(at) = ctx.peers.disconnected(&Peer::LetsChat) {
        receive::touch_live_rooms(at, ctx)?;
    }
    let all: Vec<EndpointId> = ctx.endpoints.rooms().map(|(endpoint, _)| endpoint).collect();
    for endpoint in all {
        ctx.endpoints.close(endpoint);
        if let Some(room) = ctx.endpoints.room_mut(endpoint) {
            // An account's post is answered by another way, in any case.
            if !room.queue.is_sent_by_account() {
                room.queue.mark_in_doubt(ctx.store)?;
            }
            room.connection_lost();
        }
    }
    Ok(())
}

/// The server has not answered in time: the delivery is in doubt. A post is looked for in its room.
fn on_ack_timeout(
    delivery: DeliveryId,
    endpoint: EndpointId,
    rooms: &mut RoomReceiver,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    match ctx.endpoints.get_mut(endpoint) {
        Some(EndpointState::Room(room)) => {
            tracing::warn!(endpoint = %room.link.endpoint, delivery = delivery.0, "no valid ack; checking the room for the post");
            room.queue.mark_in_doubt(ctx.store)?;
            if let Some(since) = deliver::reconcile::post_in_doubt_since(endpoint, ctx)? {
                rooms.read_since(endpoint, since, ctx);
            }
        }
        Some(EndpointState::User(user)) => {
            user.ack_timeouts += 1;
            user.queue.mark_in_doubt(ctx.store)?;
            ctx.schedule(endpoint);
        }
        Some(EndpointState::Channel(_)) | None => {}
    }
    Ok(())
}
