//! Registration: how people make their own accounts.

use axum::http::StatusCode;
use serde_json::json;

use super::call::{Call, Outcome, respond, truthy};
use super::errors::message_for;
use super::fields::{Fields, given};
use crate::letschat::setup::NewUser;
use crate::letschat::state::ServerState;

/// The answer to whoever is signed in already, and to everybody where nobody may register.
pub(in super::super) fn not_permitted() -> Outcome {
    refuse(StatusCode::FORBIDDEN, "Permission denied")
}

/// Makes an account.
pub(in super::super) fn register(state: &mut ServerState, call: &Call) -> Outcome {
    if !state.registration {
        return not_permitted();
    }
    if call.param("password") != confirmation(call) {
        return refuse(StatusCode::BAD_REQUEST, "Password not confirmed");
    }
    let plain = |name| call.string(name).ok().flatten();
    let mut fields = Fields::default();
    fields.set("username", plain("username"));
    fields.set("email", plain("email"));
    fields.set("password", plain("password"));
    fields.set("firstName", given(call, &["firstName", "firstname", "first-name"]));
    fields.set("lastName", given(call, &["lastName", "lastname", "last-name"]));
    fields.set("displayName", given(call, &["displayName", "displayname", "display-name"]));
    let invalid = fields.invalid(state, None);
    if !invalid.is_empty() {
        let messages: Vec<String> = invalid.iter().map(message_for).collect();
        return refuse(StatusCode::BAD_REQUEST, &messages.join(" "));
    }
    // Nothing validates a password that is missing, and nothing can make a digest of it.
    if fields.get("password").is_none() {
        return refuse(StatusCode::BAD_REQUEST, "Sorry, we could not process your request");
    }
    // The older server says so of the user name, too.
    if fields.is_duplicate(state, None) {
        return refuse(StatusCode::BAD_REQUEST, "Email has already been taken");
    }
    add(state, fields);
    let message = "You've been registered, please try logging in now!";
    let body = json!({"status": "success", "message": message});
    respond(StatusCode::CREATED, body.to_string(), Vec::new())
}

fn add(state: &mut ServerState, fields: Fields) {
    state.add_account(NewUser::new("", ""));
    if let Some(account) = state.accounts.last_mut() {
        // Its owner makes the first token.
        account.secret = None;
        fields.apply(account);
    }
    state.registrations += 1;
    state.notify_changed();
}

/// The second time that the password was given.
fn confirmation(call: &Call) -> Option<&serde_json::Value> {
    let first = ["passwordConfirm", "passwordconfirm"];
    let given = first.iter().find_map(|name| call.param(name).filter(|value| truthy(value)));
    given.or_else(|| call.param("password-confirm"))
}

fn refuse(status: StatusCode, message: &str) -> Outcome {
    respond(status, json!({"status": "error", "message": message}).to_string(), Vec::new())
}
