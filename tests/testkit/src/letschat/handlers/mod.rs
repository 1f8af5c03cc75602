//! What the server answers to each event. REST requests are led to the same answers, as in the real
//! server, where a route names the event that handles it.
//!
//! Some calls crash the real server: they run into an error that nothing catches, and whatever keeps
//! the process starts it again. Then all connections end here, too, and all data stays.

mod account;
mod call;
mod errors;
mod files;
mod messages;
mod private;
mod rooms;
mod users;

pub(super) use call::{Call, Outcome, Reply, Upload};
pub(super) use messages::draft as message_draft;
pub(super) use rooms::change::news as room_news;

use super::state::World;

/// The answer to the event `name`.
pub(super) fn answer(world: &mut World, name: &str, call: &Call) -> Outcome {
    match name {
        "messages:create" => messages::create(world, call),
        "messages:list" => messages::list(world, call),
        "account:whoami" => account::whoami(world, call),
        "account:profile" => account::profile(world, call),
        "account:generate_token" => account::generate_token(world, call),
        "account:revoke_token" => account::revoke_token(world, call),
        "rooms:list" => rooms::list(world, call),
        "rooms:get" => rooms::get(world, call),
        "rooms:create" => rooms::change::create(world, call),
        "rooms:update" => rooms::change::update(world, call),
        "rooms:archive" => rooms::change::archive(world, call),
        "rooms:join" => rooms::join(world, call),
        "rooms:leave" => rooms::leave(world, call),
        "rooms:users" => rooms::users(world, call),
        "users:list" => users::list(world, call),
        "users:get" => users::get(world, call),
        "connections:list" => users::connections(world, call),
        "files:list" if world.files_enabled => files::list(world, call),
        "files:create" if world.files_enabled => files::create(world, call),
        "user-messages:create" if world.private_messages => private::create(world, call),
        "user-messages:list" if world.private_messages => private::list(),
        _ => Outcome::Unknown,
    }
}
