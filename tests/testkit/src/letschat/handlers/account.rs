use axum::http::StatusCode;
use serde_json::{Value, json};

use super::call::{Call, Outcome, as_string, ok, respond};
use crate::letschat::engineio;
use crate::letschat::id::Id;
use crate::letschat::state::account::Account;
use crate::letschat::state::session::Broadcast;
use crate::letschat::state::{ServerState, json};

pub(super) fn whoami(state: &ServerState, call: &Call) -> Outcome {
    ok(state
        .account(&call.account_id)
        .map_or("null".to_owned(), |account| json::to_string(&account.as_json())))
}

/// Changes the names of an account. An empty one is passed over, as is one not given.
pub(super) fn profile(state: &mut ServerState, call: &Call) -> Outcome {
    let given = |names: [&str; 2]| {
        names
            .iter()
            .find_map(|name| call.text(name).map(str::trim).filter(|text| !text.is_empty()))
            .map(str::to_owned)
    };
    let (display, first, last) = (
        given(["displayName", "display-name"]),
        given(["firstName", "first-name"]),
        given(["lastName", "last-name"]),
    );
    let Some(account) = find(state, &call.account_id) else { return ok("null".to_owned()) };
    set(&mut account.display_name, display);
    set(&mut account.first_name, first);
    set(&mut account.last_name, last);
    if let Some(Value::Array(open)) = call.param("openRooms") {
        account.open_rooms = open.iter().filter_map(|room| as_string(room).ok()).collect();
    }
    let user = json::to_string(&account.as_json());
    state.notify_changed();
    let broadcasts = Broadcast::Everyone(engineio::event("users:update", &user).into());
    respond(StatusCode::OK, user, vec![broadcasts])
}

fn set(field: &mut String, value: Option<String>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// Over REST the server does not know that a request came with a token, and makes another; on a
/// websocket it knows, and refuses.
pub(super) fn generate_token(state: &mut ServerState, call: &Call) -> Outcome {
    if call.socket.is_some() {
        return forbidden("Cannot generate a new token when using token authentication.");
    }
    let token = state.new_token(&call.account_id);
    ok(json!({"status": "success", "message": "Token generated.", "token": token}).to_string())
}

pub(super) fn revoke_token(state: &mut ServerState, call: &Call) -> Outcome {
    if call.socket.is_some() {
        return forbidden("Cannot revoke token when using token authentication.");
    }
    if let Some(account) = find(state, &call.account_id) {
        account.secret = None;
    }
    ok(json!({"status": "success", "message": "Token revoked."}).to_string())
}

fn forbidden(message: &str) -> Outcome {
    respond(
        StatusCode::FORBIDDEN,
        json!({"status": "error", "message": message}).to_string(),
        Vec::new(),
    )
}

fn find<'a>(state: &'a mut ServerState, who: &Id) -> Option<&'a mut Account> {
    state.accounts.iter_mut().find(|account| account.id == *who)
}
