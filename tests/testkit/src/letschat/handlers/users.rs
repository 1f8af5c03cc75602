use axum::http::StatusCode;
use serde_json::{Value, json};

use super::call::{Call, Outcome, ok, status_only};
use super::errors;
use crate::letschat::id;
use crate::letschat::state::account::Account;
use crate::letschat::state::{ServerState, json};

/// Every account, in the order of registration.
pub(super) fn list(state: &ServerState, call: &Call) -> Outcome {
    let Ok(skip) = call.skip() else {
        return errors::cast(state.mongoose, "User", &super::call::CastError("skip".to_owned()));
    };
    let users: Vec<_> =
        state.accounts.iter().skip(skip).take(call.take()).map(Account::as_json).collect();
    ok(json::to_string(&users))
}

/// An account by id, username or e-mail.
pub(super) fn get(state: &ServerState, call: &Call) -> Outcome {
    let Some(name) = call.text("id") else { return Outcome::Throws };
    let by_id = id::parse(name).filter(|_| name.len() == 24);
    let found = state.accounts.iter().find(|account| {
        let known_as = if name.contains('@') { &account.email } else { &account.username };
        by_id.as_ref() == Some(&account.id) || known_as == name
    });
    found.map_or_else(
        || status_only(StatusCode::NOT_FOUND),
        |account| ok(json::to_string(&account.as_json())),
    )
}

/// The connections of everyone, of one kind or of one user (by id or username).
pub(super) fn connections(state: &ServerState, call: &Call) -> Outcome {
    let wanted = |account: &Account| {
        call.text("user").is_none_or(|user| *account.id == *user || account.username == user)
    };
    let of_kind = call.text("type").is_none_or(|kind| kind == "socket.io");
    let connections: Vec<Value> = state
        .sessions
        .iter()
        .filter_map(|(socket, session)| Some((socket, state.account(&session.account_id)?)))
        .filter(|(_, account)| of_kind && wanted(account))
        .map(|(socket, account)| {
            json!({
                "id": format!("00000000-0000-4000-8000-{socket:012x}"),
                "type": "socket.io",
                "user": account.as_json(),
            })
        })
        .collect();
    ok(Value::from(connections).to_string())
}
