//! Follows who is in the rooms of Let's Chat.

use crate::bridge::context::Ctx;
use crate::bridge::endpoints::room::members::RoomMembers;
use crate::bridge::irc::puppets::away;
use crate::bridge::notices::status;
use crate::domain::{EndpointId, LetsChatUserId};
use crate::protocol::letschat::{LetsChatUser, RoomPresence};
use crate::translate::StatusChange;

/// Applies a change of the users in a room.
pub(super) fn on_presence(presence: RoomPresence, ctx: &mut Ctx<'_>) {
    match presence {
        RoomPresence::Users { endpoint, mut users } => {
            users.retain(|user| !ctx.is_own_user(user));
            change(endpoint, ctx, |members| members.replace(&users));
            away::start_away_delay(None, ctx);
            for user in &users {
                away::on_user_present(&user_id(user), ctx);
            }
        }
        RoomPresence::Joined { endpoint, user } if !ctx.is_own_user(&user) => {
            away::on_user_present(&user_id(&user), ctx);
            if change(endpoint, ctx, |members| members.join(&user)) == Some(true) {
                status::note(endpoint, &user.username, StatusChange::Joined, ctx);
            }
        }
        RoomPresence::Joined { .. } => {}
        RoomPresence::Left { endpoint, user } => {
            away::start_away_delay(Some(&user_id(&user)), ctx);
            if change(endpoint, ctx, |members| members.leave(&user)) == Some(true) {
                status::note(endpoint, &user.username, StatusChange::Left(None), ctx);
            }
        }
        RoomPresence::Renamed(user) => on_renamed(&user, ctx),
    }
}

/// The user has another name now, in all rooms.
fn on_renamed(user: &LetsChatUser, ctx: &mut Ctx<'_>) {
    for (endpoint, room) in ctx.endpoints.rooms_mut() {
        if let Some(before) = room.members.rename(user) {
            let change = StatusChange::NickChanged(user.username.clone());
            ctx.status.note(endpoint, &before, change, ctx.now);
        }
    }
}

/// Changes the members of a room.
fn change<T>(
    endpoint: EndpointId,
    ctx: &mut Ctx<'_>,
    change: impl FnOnce(&mut RoomMembers) -> T,
) -> Option<T> {
    ctx.endpoints.room_mut(endpoint).map(|room| change(&mut room.members))
}

fn user_id(user: &LetsChatUser) -> LetsChatUserId {
    LetsChatUserId(user.id.as_str().into())
}
