use axum::http::StatusCode;

use super::call::{Call, Outcome, bad_request, ok, respond};
use crate::letschat::state::ServerState;

/// Sends a private message to one user, named by id.
pub(super) fn create(state: &mut ServerState, call: &Call) -> Outcome {
    let Ok(Some(to)) = call.id("user") else { return bad_request() };
    if state.account(&to).is_none() {
        return bad_request();
    }
    // The real server asks the text what it matches before it asks whether there is one.
    let Some(text) = call.text("text") else { return Outcome::Crash };
    if text.is_empty() {
        return bad_request();
    }
    let (json, broadcasts) = state.private_message(&call.account_id, &to, text);
    respond(StatusCode::CREATED, json, broadcasts.into())
}

/// Broken in the real server, which looks for a room that no private message has: always empty.
pub(super) fn list() -> Outcome {
    ok("[]".to_owned())
}
