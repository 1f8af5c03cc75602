pub(super) mod change;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::call::{Call, CastError, Outcome, as_id, bad_request, ok, respond, status_only};
use super::errors;
use crate::letschat::state::room::{Participants, Room};
use crate::letschat::state::{ServerState, json};

/// The rooms that the caller may know of, the most lively first.
pub(super) fn list(state: &ServerState, call: &Call) -> Outcome {
    let Ok(skip) = call.skip() else {
        return errors::cast(state.mongoose, "Room", &CastError("skip".to_owned()));
    };
    let known = |room: &&Room| {
        !room.archived
            && (!room.private || room.has_password() || room.is_authorized(&call.account_id))
    };
    let mut rooms: Vec<&Room> = state.rooms.values().filter(known).collect();
    // Rooms of the same moment: the newer first, so that a list is the same each time.
    rooms.sort_by(|one, other| {
        other.last_active.cmp(&one.last_active).then_with(|| other.id.cmp(&one.id))
    });
    let mut shapes: Vec<json::Room<'_>> = rooms
        .into_iter()
        .skip(skip)
        .take(call.take())
        .map(|room| room_json(state, room, call))
        .collect();
    if call.truthy("users") {
        shapes.sort_by(|one, other| {
            (other.user_count, &other.last_active).cmp(&(one.user_count, &one.last_active))
        });
    }
    ok(json::to_string(&shapes))
}

/// A room as the caller sees it, with those present if asked for.
fn room_json<'a>(state: &'a ServerState, room: &'a Room, call: &Call) -> json::Room<'a> {
    let mut shape = state.room_json(room, Some(&call.account_id), Participants::Named);
    if call.truthy("users") {
        let users = if room.is_authorized(&call.account_id) {
            state.users_present(room)
        } else {
            Vec::new()
        };
        shape.user_count = Some(users.len());
        shape.users = Some(users);
    }
    shape
}

/// One room by id. It does not ask whether the caller may know of it.
pub(super) fn get(state: &ServerState, call: &Call) -> Outcome {
    match call.id("room").and_then(|id| id.map_or_else(|| call.id("id"), |id| Ok(Some(id)))) {
        Err(refused) => errors::cast(state.mongoose, "Room", &refused),
        // The real server asks a room that it did not find whether the caller is admitted. REST
        // requests do not come this far: their path is looked up before.
        Ok(id) => match id.and_then(|id| state.rooms.get(&id)).filter(|room| !room.archived) {
            None => Outcome::Crash,
            Some(room) => ok(json::to_string(&state.room_json(
                room,
                Some(&call.account_id),
                Participants::Named,
            ))),
        },
    }
}

/// The caller's socket joins a room.
pub(super) fn join(state: &mut ServerState, call: &Call) -> Outcome {
    let Some(socket) = call.socket else { return Outcome::Unknown };
    let asked = if call.data.is_string() { Some(&call.data) } else { call.param("roomId") };
    // Without an id the real server looks for a slug that it was not given either, and throws.
    let Some(asked) = asked.filter(|id| matches!(id, Value::String(text) if !text.is_empty()))
    else {
        return Outcome::Throws;
    };
    let Ok(id) = as_id(asked) else { return bad_request() };
    let Some(room) = state.rooms.get_mut(&id).filter(|room| !room.archived) else {
        return status_only(StatusCode::NOT_FOUND);
    };
    if !room.may_join(&call.account_id, call.text("password")) {
        if room.password.is_none() {
            return status_only(StatusCode::NOT_FOUND);
        }
        let refusal = json!({
            "status": "error", "roomName": room.name,
            "message": "password required", "errors": "password required",
        });
        return respond(StatusCode::FORBIDDEN, refusal.to_string(), Vec::new());
    }
    if !room.is_authorized(&call.account_id) {
        room.participants.push(call.account_id.clone());
    }
    let broadcasts = state.join(socket, &id);
    let room = &state.rooms[&id];
    let json = json::to_string(&state.room_json(room, Some(&call.account_id), Participants::Named));
    respond(StatusCode::OK, json, broadcasts.into_iter().collect())
}

/// The caller's socket leaves a room. The answer is null, whether it was there or not.
pub(super) fn leave(state: &mut ServerState, call: &Call) -> Outcome {
    let Some(socket) = call.socket else { return Outcome::Unknown };
    let Value::String(room) = &call.data else {
        // The real server cannot make a string of nothing.
        return if call.data.is_null() { Outcome::Throws } else { ok("null".to_owned()) };
    };
    let broadcasts = state.leave(socket, room);
    respond(StatusCode::OK, "null".to_owned(), broadcasts.into_iter().collect())
}

/// Who is in a room now.
pub(super) fn users(state: &ServerState, call: &Call) -> Outcome {
    // Without a room the real server looks for one in nothing, and throws.
    if !call.param("room").is_some_and(Value::is_string) {
        return Outcome::Throws;
    }
    let Ok(Some(id)) = call.id("room") else { return bad_request() };
    let Some(room) = state.rooms.get(&id).filter(|room| !room.archived) else {
        return status_only(StatusCode::NOT_FOUND);
    };
    let mut users = state.users_present(room);
    users.iter_mut().for_each(|user| user.room = Some(&room.id));
    ok(json::to_string(&users))
}
