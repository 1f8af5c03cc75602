//! What the server answers to each event. REST requests are led to the same answers, as in the real
//! server, where a route names the event that handles it.
//!
//! Some calls crash the real server: they run into an error that nothing catches, and whatever keeps
//! the process starts it again. Then all connections end here, too, and all data stays.

mod account;
mod call;
mod errors;
mod fields;
mod files;
mod messages;
mod private;
mod register;
mod rooms;
mod users;

pub(super) use call::{Call, Outcome, Reply, Upload};
pub(super) use messages::draft as message_draft;
pub(super) use register::{not_permitted, register};
pub(super) use rooms::change::broadcasts as room_news;

use super::state::ServerState;

/// The answer to the event `name`, which is counted.
pub(super) fn handle(state: &mut ServerState, name: &str, call: &Call) -> Outcome {
    let outcome = answer(state, name, call);
    if !matches!(outcome, Outcome::Unknown) {
        *state.requests.entry(name.to_owned()).or_default() += 1;
    }
    outcome
}

fn answer(state: &mut ServerState, name: &str, call: &Call) -> Outcome {
    match name {
        "messages:create" => messages::create(state, call),
        "messages:list" => messages::list(state, call),
        "account:whoami" => account::whoami(state, call),
        "account:profile" => account::profile(state, call),
        "account:settings" => account::settings(state, call),
        // Whoever has a websocket is signed in.
        "account:register" => not_permitted(),
        "account:generate_token" => account::generate_token(state, call),
        "account:revoke_token" => account::revoke_token(state, call),
        "rooms:list" => rooms::list(state, call),
        "rooms:get" => rooms::get(state, call),
        "rooms:create" => rooms::change::create(state, call),
        "rooms:update" => rooms::change::update(state, call),
        "rooms:archive" => rooms::change::archive(state, call),
        "rooms:join" => rooms::join(state, call),
        "rooms:leave" => rooms::leave(state, call),
        "rooms:users" => rooms::users(state, call),
        "users:list" => users::list(state, call),
        "users:get" => users::get(state, call),
        "connections:list" => users::connections(state, call),
        "files:list" if state.files_enabled => files::list(state, call),
        "files:create" if state.files_enabled => files::create(state, call),
        "user-messages:create" if state.private_messages => private::create(state, call),
        "user-messages:list" if state.private_messages => private::list(),
        _ => Outcome::Unknown,
    }
}
