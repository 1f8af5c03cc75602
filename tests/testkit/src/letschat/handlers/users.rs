use axum::http::StatusCode;
use serde_json::{Value, json};

use super::call::{Call, Outcome, reason, says};
use super::errors;
use crate::letschat::id;
use crate::letschat::state::account::Account;
use crate::letschat::state::{World, json};

/// Every account, in the order of registration.
pub(super) fn list(world: &World, call: &Call) -> Outcome {
    let Ok(skip) = call.skip() else {
        return errors::cast(world.flavour, "User", &super::call::CastError("skip".to_owned()));
    };
    let users: Vec<_> =
        world.people.iter().skip(skip).take(call.take()).map(Account::shape).collect();
    says(json::to_string(&users))
}

/// An account by id, username or e-mail.
pub(super) fn get(world: &World, call: &Call) -> Outcome {
    let Some(name) = call.text("id") else { return Outcome::Throws };
    let by_id = id::parse(name).filter(|_| name.len() == 24);
    let found = world.people.iter().find(|account| {
        let known_as = if name.contains('@') { &account.email } else { &account.username };
        by_id.as_ref() == Some(&account.id) || known_as == name
    });
    found.map_or_else(
        || reason(StatusCode::NOT_FOUND),
        |account| says(json::to_string(&account.shape())),
    )
}

/// The connections of everyone, of one kind or of one person (by id or username).
pub(super) fn connections(world: &World, call: &Call) -> Outcome {
    let wanted = |account: &Account| {
        call.text("user").is_none_or(|user| *account.id == *user || account.username == user)
    };
    let of_kind = call.text("type").is_none_or(|kind| kind == "socket.io");
    let connections: Vec<Value> = world
        .seats
        .iter()
        .filter_map(|(seat, taken)| Some((seat, world.account(&taken.who)?)))
        .filter(|(_, account)| of_kind && wanted(account))
        .map(|(seat, account)| {
            json!({
                "id": format!("00000000-0000-4000-8000-{seat:012x}"),
                "type": "socket.io",
                "user": account.shape(),
            })
        })
        .collect();
    says(Value::from(connections).to_string())
}
