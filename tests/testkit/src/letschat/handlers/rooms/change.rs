//! Making, changing and archiving rooms.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::super::call::{Call, Outcome, as_string, bad_request, respond, truthy};
use super::super::errors::{self, Invalid, Kind};
use crate::letschat::engineio;
use crate::letschat::id::{self, Id};
use crate::letschat::setup::{MongooseVersion, NewRoom};
use crate::letschat::state::room::{Participants, Room};
use crate::letschat::state::session::Broadcast;
use crate::letschat::state::{ServerState, json};

/// Makes a room.
pub(in super::super) fn create(state: &mut ServerState, call: &Call) -> Outcome {
    let text = |name| call.string(name).ok().flatten().map(|text| text.trim().to_owned());
    let (name, slug) = (text("name"), text("slug").map(|slug| slug.to_lowercase()));
    let invalid = invalid(state.mongoose, state, name.as_deref(), slug.as_deref());
    if !invalid.is_empty() {
        return errors::validation(state.mongoose, &invalid);
    }
    let (name, slug) = (name.unwrap_or_default(), slug.unwrap_or_default());
    if state.room_by_slug(&slug).is_some() {
        return slug_taken(state, call, &name, &slug, text("description"));
    }
    let owner = state.account(&call.account_id).map(|account| account.username.clone());
    let id = state.add_room(NewRoom {
        description: text("description"),
        owner,
        private: state.private_rooms && call.param("private").is_some_and(as_bool),
        password: text("password").filter(|_| state.private_rooms),
        participants: Vec::new(),
        name,
        slug,
    });
    state.notify_changed();
    respond_with_room(state, call, &id, "rooms:new", StatusCode::CREATED)
}

/// What does not validate. A slug that is taken is found here only by a fresh install.
fn invalid(
    mongoose: MongooseVersion,
    state: &ServerState,
    name: Option<&str>,
    slug: Option<&str>,
) -> Vec<Invalid> {
    let mut invalid = Vec::new();
    let spelled =
        |slug: &str| slug.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let found = match slug.filter(|slug| !slug.is_empty()) {
        None => Some(Kind::Required),
        Some(slug) if !spelled(slug) => Some(Kind::Pattern),
        Some(slug) if mongoose == MongooseVersion::V4_13 && state.room_by_slug(slug).is_some() => {
            Some(Kind::Taken)
        }
        Some(_) => None,
    };
    if let Some(kind) = found {
        invalid.push(Invalid { path: "slug", kind, value: slug.map(str::to_owned) });
    }
    if name.is_none_or(str::is_empty) {
        invalid.push(Invalid {
            path: "name",
            kind: Kind::Required,
            value: name.map(str::to_owned),
        });
    }
    invalid
}

/// The older server lets the database find out that a slug is taken, and shows its error.
fn slug_taken(
    state: &mut ServerState,
    call: &Call,
    name: &str,
    slug: &str,
    description: Option<String>,
) -> Outcome {
    let now = id::now();
    let mut op = json!({
        "owner": *call.account_id, "name": name, "slug": slug, "_id": *state.ids.next(now), "private": false,
        "lastActive": id::iso(now), "created": id::iso(now), "messages": [], "participants": [],
        "archived": false, "__v": 0,
    });
    if let Some(description) = description {
        op["description"] = description.into();
    }
    let error =
        json!({"code": 11000, "index": 0, "errmsg": "E11000 Duplicate Key Error", "op": op});
    respond(StatusCode::BAD_REQUEST, error.to_string(), Vec::new())
}

/// Changes a room's name and description; a private room's password and participants as well, which
/// are lost if they are not said again.
pub(in super::super) fn update(state: &mut ServerState, call: &Call) -> Outcome {
    let id =
        match call.id("room").and_then(|id| id.map_or_else(|| call.id("id"), |id| Ok(Some(id)))) {
            Err(refused) => return errors::cast(state.mongoose, "Room", &refused),
            Ok(id) => id.filter(|id| state.rooms.contains_key(id)),
        };
    let Some(id) = id else { return bad_request_text("Room does not exist.") };
    let room = &state.rooms[&id];
    if room.private && room.owner != call.account_id {
        return bad_request_text("Only owner can change private room.");
    }
    let text = |name| call.string(name).ok().flatten().map(|text| text.trim().to_owned());
    let Some(name) = text("name").filter(|name| !name.is_empty()) else {
        let missing = Invalid { path: "name", kind: Kind::Required, value: text("name") };
        return errors::validation(state.mongoose, &[missing]);
    };
    let participants = participants(state, call);
    let password = text("password").filter(|_| state.private_rooms);
    if let Some(room) = state.rooms.get_mut(&id) {
        room.name = name;
        room.description = text("description");
        if room.private {
            room.password = password;
            room.participants = participants;
        }
    }
    state.notify_changed();
    respond_with_room(state, call, &id, "rooms:update", StatusCode::OK)
}

/// The participants that a call names: `@ann, bob`, or a list of names.
fn participants(state: &ServerState, call: &Call) -> Vec<Id> {
    let named = match call.param("participants").filter(|_| state.private_rooms) {
        Some(Value::String(text)) => text.replace('@', "").split(',').map(str::to_owned).collect(),
        Some(Value::Array(names)) => names.iter().filter_map(|name| as_string(name).ok()).collect(),
        _ => Vec::new(),
    };
    let named: Vec<&str> = named.iter().map(|name| name.trim()).collect();
    state
        .accounts
        .iter()
        .filter(|account| named.contains(&account.username.as_str()))
        .map(|account| account.id.clone())
        .collect()
}

/// Archives a room, on anybody's request.
pub(in super::super) fn archive(state: &mut ServerState, call: &Call) -> Outcome {
    let id = call.id("room").and_then(|id| id.map_or_else(|| call.id("id"), |id| Ok(Some(id))));
    let Ok(Some(id)) = id else { return bad_request() };
    let Some(room) = state.rooms.get_mut(&id) else { return bad_request() };
    room.archived = true;
    state.notify_changed();
    match respond_with_room(state, call, &id, "rooms:archive", StatusCode::NO_CONTENT) {
        Outcome::Answer(mut reply, broadcasts) => {
            reply.json = None;
            Outcome::Answer(reply, broadcasts)
        }
        other => other,
    }
}

/// The room, and its broadcasts to those who may know.
fn respond_with_room(
    state: &ServerState,
    call: &Call,
    id: &Id,
    event: &str,
    status: StatusCode,
) -> Outcome {
    let room = &state.rooms[id];
    let json = json::to_string(&state.room_json(room, Some(&call.account_id), Participants::Named));
    respond(status, json, broadcasts(state, room, event))
}

/// Broadcasts of a room: to everyone, or of a secret one to each of its participants.
pub(in super::super::super) fn broadcasts(
    state: &ServerState,
    room: &Room,
    event: &str,
) -> Vec<Broadcast> {
    let frame = |viewer| {
        let shape = state.room_json(room, viewer, Participants::Named);
        engineio::event(event, &json::to_string(&shape)).into()
    };
    if !room.is_secret() {
        return vec![Broadcast::Everyone(frame(None))];
    }
    let own = state.sessions.iter().filter(|(_, session)| room.is_authorized(&session.account_id));
    own.map(|(socket, session)| {
        Broadcast::Sockets(vec![*socket], frame(Some(&*session.account_id)))
    })
    .collect()
}

/// 400 with a string as its JSON.
fn bad_request_text(why: &str) -> Outcome {
    respond(StatusCode::BAD_REQUEST, Value::from(why).to_string(), Vec::new())
}

/// A boolean as the database layer reads one.
fn as_bool(value: &Value) -> bool {
    match value {
        Value::String(text) => !matches!(text.as_str(), "" | "0" | "false"),
        value => truthy(value),
    }
}
