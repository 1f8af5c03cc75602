use axum::http::StatusCode;

use super::call::{Call, Outcome, bad_request, says, tells};
use crate::letschat::state::World;

/// Whispers to one person, named by id.
pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let Ok(Some(to)) = call.id("user") else { return bad_request() };
    if world.account(&to).is_none() {
        return bad_request();
    }
    // The real server asks the text what it matches before it asks whether there is one.
    let Some(text) = call.text("text") else { return Outcome::Crash };
    if text.is_empty() {
        return bad_request();
    }
    let (json, news) = world.whisper(&call.who, &to, text);
    tells(StatusCode::CREATED, json, news.into())
}

/// Broken in the real server, which looks for a room that no private message has: always empty.
pub(super) fn list() -> Outcome {
    says("[]".to_owned())
}
