//! Sets puppets away when their users have left all rooms.
//!
//! ```text
//!         has left the last room, and not spoken, for a while
//!   here ─────────────────────────────────────────────────────▶ away
//!     ▲                                                          │
//!     └───────────────── joins a room, or speaks ────────────────┘
//! ```
//!
//! Users who post without ever being in a room, such as bots, are not set away.

use crate::bridge::context::Ctx;
use crate::bridge::endpoints::room::RoomEndpoint;
use crate::bridge::event::{Command, PuppetCommand};
use crate::domain::LetsChatUserId;

/// The AWAY message.
const AWAY_MESSAGE: &str = "not in any Let's Chat room";

/// The user has joined a room.
pub(in crate::bridge) fn on_user_present(user: &LetsChatUserId, ctx: &mut Ctx<'_>) {
    for (network, puppets) in ctx.senders.all_puppets_mut() {
        if puppets.mark_present(user) {
            ctx.commands.push(Command::Puppets(network.clone(), PuppetCommand::away(user, None)));
        }
    }
}

/// The user has left a room; `None` if all users may have.
pub(in crate::bridge) fn start_away_delay(user: Option<&LetsChatUserId>, ctx: &mut Ctx<'_>) {
    for (_, puppets) in ctx.senders.all_puppets_mut() {
        puppets.start_away_delay(user, ctx.now);
    }
}

/// Sets users away who have been gone long enough. Without Let's Chat, nothing is known.
pub(in crate::bridge) fn show_away(ctx: &mut Ctx<'_>) {
    if !ctx.endpoints.rooms().any(|(_, room)| room.queue.is_open()) {
        return;
    }
    for (network, puppets) in ctx.senders.all_puppets_mut().filter(|(_, it)| it.show_away) {
        for user in puppets.due_away_checks(ctx.now) {
            let rooms = || ctx.endpoints.rooms();
            let presence = |room: &RoomEndpoint| room.members.is_present(&user.0);
            let is_here = rooms().any(|(_, room)| presence(room) == Some(true));
            let has_left = rooms().any(|(_, room)| presence(room) == Some(false));
            if puppets.set_away(&user, has_left && !is_here) {
                let command = PuppetCommand::away(&user, Some(AWAY_MESSAGE.to_owned()));
                ctx.commands.push(Command::Puppets(network.clone(), command));
            }
        }
    }
}
