pub(super) mod change;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::call::{Call, CastError, Outcome, as_id, bad_request, reason, says, tells};
use super::errors;
use crate::letschat::state::room::{Participants, Room};
use crate::letschat::state::{World, json};

/// The rooms that the caller may know of, the most lively first.
pub(super) fn list(world: &World, call: &Call) -> Outcome {
    let Ok(skip) = call.skip() else {
        return errors::cast(world.flavour, "Room", &CastError("skip".to_owned()));
    };
    let known = |room: &&Room| {
        !room.archived && (!room.private || room.has_password() || room.admits(&call.who))
    };
    let mut rooms: Vec<&Room> = world.rooms.values().filter(known).collect();
    // Rooms of the same moment: the newer first, so that a list is the same each time.
    rooms.sort_by(|one, other| {
        other.last_active.cmp(&one.last_active).then_with(|| other.id.cmp(&one.id))
    });
    let mut shapes: Vec<json::Room<'_>> = rooms
        .into_iter()
        .skip(skip)
        .take(call.take())
        .map(|room| shaped(world, room, call))
        .collect();
    if call.truthy("users") {
        shapes.sort_by(|one, other| {
            (other.user_count, &other.last_active).cmp(&(one.user_count, &one.last_active))
        });
    }
    says(json::to_string(&shapes))
}

/// A room as the caller sees it, with those present if asked for.
fn shaped<'a>(world: &'a World, room: &'a Room, call: &Call) -> json::Room<'a> {
    let mut shape = world.room_shape(room, Some(&call.who), Participants::Named);
    if call.truthy("users") {
        let users = if room.admits(&call.who) { world.present(room) } else { Vec::new() };
        shape.user_count = Some(users.len());
        shape.users = Some(users);
    }
    shape
}

/// One room by id. It does not ask whether the caller may know of it.
pub(super) fn get(world: &World, call: &Call) -> Outcome {
    match call.id("room").and_then(|id| id.map_or_else(|| call.id("id"), |id| Ok(Some(id)))) {
        Err(refused) => errors::cast(world.flavour, "Room", &refused),
        // The real server asks a room that it did not find whether the caller is admitted. REST
        // requests do not come this far: their path is looked up before.
        Ok(id) => match id.and_then(|id| world.rooms.get(&id)).filter(|room| !room.archived) {
            None => Outcome::Crash,
            Some(room) => {
                says(json::to_string(&world.room_shape(room, Some(&call.who), Participants::Named)))
            }
        },
    }
}

/// The caller's socket joins a room.
pub(super) fn join(world: &mut World, call: &Call) -> Outcome {
    let Some(seat) = call.seat else { return Outcome::Unknown };
    let asked = if call.data.is_string() { Some(&call.data) } else { call.param("roomId") };
    // Without an id the real server looks for a slug that it was not given either, and throws.
    let Some(asked) = asked.filter(|id| matches!(id, Value::String(text) if !text.is_empty()))
    else {
        return Outcome::Throws;
    };
    let Ok(id) = as_id(asked) else { return bad_request() };
    let Some(room) = world.rooms.get_mut(&id).filter(|room| !room.archived) else {
        return reason(StatusCode::NOT_FOUND);
    };
    if !room.opens(&call.who, call.text("password")) {
        if room.password.is_none() {
            return reason(StatusCode::NOT_FOUND);
        }
        let refusal = json!({
            "status": "error", "roomName": room.name,
            "message": "password required", "errors": "password required",
        });
        return tells(StatusCode::FORBIDDEN, refusal.to_string(), Vec::new());
    }
    if !room.admits(&call.who) {
        room.participants.push(call.who.clone());
    }
    let news = world.join(seat, &id);
    let room = &world.rooms[&id];
    let json = json::to_string(&world.room_shape(room, Some(&call.who), Participants::Named));
    tells(StatusCode::OK, json, news.into_iter().collect())
}

/// The caller's socket leaves a room. The answer is null, whether it was there or not.
pub(super) fn leave(world: &mut World, call: &Call) -> Outcome {
    let Some(seat) = call.seat else { return Outcome::Unknown };
    let Value::String(room) = &call.data else {
        // The real server cannot make a string of nothing.
        return if call.data.is_null() { Outcome::Throws } else { says("null".to_owned()) };
    };
    let news = world.leave(seat, room);
    tells(StatusCode::OK, "null".to_owned(), news.into_iter().collect())
}

/// Who is in a room now.
pub(super) fn users(world: &World, call: &Call) -> Outcome {
    // Without a room the real server looks for one in nothing, and throws.
    if !call.param("room").is_some_and(Value::is_string) {
        return Outcome::Throws;
    }
    let Ok(Some(id)) = call.id("room") else { return bad_request() };
    let Some(room) = world.rooms.get(&id).filter(|room| !room.archived) else {
        return reason(StatusCode::NOT_FOUND);
    };
    let mut users = world.present(room);
    users.iter_mut().for_each(|user| user.room = Some(&room.id));
    says(json::to_string(&users))
}
