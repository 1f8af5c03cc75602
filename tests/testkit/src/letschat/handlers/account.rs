//! What people change about their own accounts.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::call::{Call, Outcome, as_string, ok, respond};
use super::errors;
use super::fields::{Fields, given};
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

/// Changes the names of an account. An empty one is passed over, as is one not given; one of spaces is
/// refused, with the status of success.
pub(super) fn profile(state: &mut ServerState, call: &Call) -> Outcome {
    let mut fields = Fields::default();
    fields.set_if_given("firstName", given(call, &["firstName", "first-name"]));
    fields.set_if_given("lastName", given(call, &["lastName", "last-name"]));
    fields.set_if_given("displayName", given(call, &["displayName", "display-name"]));
    let invalid = fields.invalid(state, Some(&call.account_id));
    if !invalid.is_empty() {
        let errors = errors::validation_error(state.mongoose, "User", &invalid);
        let message = "Unable to update your profile.";
        return ok(json!({"status": "error", "message": message, "errors": errors}).to_string());
    }
    let Some(account) = find(state, &call.account_id) else { return ok("null".to_owned()) };
    fields.apply(account);
    if let Some(Value::Array(open)) = call.param("openRooms") {
        account.open_rooms = open.iter().filter_map(|room| as_string(room).ok()).collect();
    }
    updated(state, &call.account_id)
}

/// Changes the user name, the mail address and the password, for whoever says the present password. The
/// new password is not compared with its confirmation.
pub(super) fn settings(state: &mut ServerState, call: &Call) -> Outcome {
    if uses_token(state, call) {
        return forbidden("Cannot change account settings when using token authentication.");
    }
    let Some(account) = state.account(&call.account_id) else { return ok("null".to_owned()) };
    let username = account.username.clone();
    let password = given(call, &["password", "current-password", "currentPassword"]);
    if state.check_password(&username, &password.unwrap_or_default()).is_err() {
        let body = json!({"status": "error", "message": "Incorrect login credentials."});
        return respond(StatusCode::UNAUTHORIZED, body.to_string(), Vec::new());
    }
    let mut fields = Fields::default();
    fields.set_if_given("email", given(call, &["email"]));
    fields.set_if_given("username", given(call, &["username"]).filter(|name| *name != username));
    fields.set_if_given("password", given(call, &["new-password", "newPassword"]));
    let invalid = fields.invalid(state, Some(&call.account_id));
    let errors = if !invalid.is_empty() {
        errors::validation_error(state.mongoose, "User", &invalid)
    } else if fields.is_duplicate(state, Some(&call.account_id)) {
        errors::duplicate()
    } else {
        if let Some(account) = find(state, &call.account_id) {
            fields.apply(account);
        }
        return updated(state, &call.account_id);
    };
    let message = "Unable to update your account.";
    let body = json!({"status": "error", "message": message, "errors": errors});
    respond(StatusCode::BAD_REQUEST, body.to_string(), Vec::new())
}

/// The account as it is now. Everybody is told of it before the one who changed it is answered.
fn updated(state: &mut ServerState, who: &Id) -> Outcome {
    let user = state.account(who).map(|account| json::to_string(&account.as_json()));
    let user = user.unwrap_or_else(|| "null".to_owned());
    state.notify_changed();
    state.broadcast([Broadcast::Everyone(engineio::event("users:update", &user).into())]);
    ok(user)
}

/// Over REST the server does not know that a request came with a token, and makes another; on a
/// websocket it knows, and refuses.
pub(super) fn generate_token(state: &mut ServerState, call: &Call) -> Outcome {
    if uses_token(state, call) {
        return forbidden("Cannot generate a new token when using token authentication.");
    }
    let token = state.new_token(&call.account_id);
    ok(json!({"status": "success", "message": "Token generated.", "token": token}).to_string())
}

pub(super) fn revoke_token(state: &mut ServerState, call: &Call) -> Outcome {
    if uses_token(state, call) {
        return forbidden("Cannot revoke token when using token authentication.");
    }
    if let Some(account) = find(state, &call.account_id) {
        account.secret = None;
    }
    ok(json!({"status": "success", "message": "Token revoked."}).to_string())
}

/// Whether the call comes from a websocket that was let in by a token.
fn uses_token(state: &ServerState, call: &Call) -> bool {
    let session = call.socket.and_then(|socket| state.sessions.get(&socket));
    session.is_some_and(|session| session.uses_token)
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
