//! Making, changing and archiving rooms.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::super::call::{Call, Outcome, as_string, bad_request, tells, truthy};
use super::super::errors::{self, Invalid, Kind};
use crate::letschat::engineio;
use crate::letschat::id::{self, Id};
use crate::letschat::setup::{Flavour, NewRoom};
use crate::letschat::state::room::{Participants, Room};
use crate::letschat::state::session::News;
use crate::letschat::state::{World, json};

/// Makes a room.
pub(in super::super) fn create(world: &mut World, call: &Call) -> Outcome {
    let text = |name| call.string(name).ok().flatten().map(|text| text.trim().to_owned());
    let (name, slug) = (text("name"), text("slug").map(|slug| slug.to_lowercase()));
    let invalid = invalid(world.flavour, world, name.as_deref(), slug.as_deref());
    if !invalid.is_empty() {
        return errors::validation(world.flavour, &invalid);
    }
    let (name, slug) = (name.unwrap_or_default(), slug.unwrap_or_default());
    if world.slugged(&slug).is_some() {
        return taken(world, call, &name, &slug, text("description"));
    }
    let owner = world.account(&call.who).map(|account| account.username.clone());
    let id = world.add_room(NewRoom {
        description: text("description"),
        owner,
        private: world.private_rooms && call.param("private").is_some_and(as_bool),
        password: text("password").filter(|_| world.private_rooms),
        participants: Vec::new(),
        name,
        slug,
    });
    world.touch();
    told(world, call, &id, "rooms:new", StatusCode::CREATED)
}

/// What does not validate. A taken slug is found here only by a fresh install.
fn invalid(
    flavour: Flavour,
    world: &World,
    name: Option<&str>,
    slug: Option<&str>,
) -> Vec<Invalid> {
    let mut invalid = Vec::new();
    let spelled =
        |slug: &str| slug.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let found = match slug.filter(|slug| !slug.is_empty()) {
        None => Some(Kind::Required),
        Some(slug) if !spelled(slug) => Some(Kind::Pattern),
        Some(slug) if flavour == Flavour::Mongoose413 && world.slugged(slug).is_some() => {
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
fn taken(
    world: &mut World,
    call: &Call,
    name: &str,
    slug: &str,
    description: Option<String>,
) -> Outcome {
    let now = id::now();
    let mut op = json!({
        "owner": *call.who, "name": name, "slug": slug, "_id": *world.ids.make(now), "private": false,
        "lastActive": id::iso(now), "created": id::iso(now), "messages": [], "participants": [],
        "archived": false, "__v": 0,
    });
    if let Some(description) = description {
        op["description"] = description.into();
    }
    let error =
        json!({"code": 11000, "index": 0, "errmsg": "E11000 Duplicate Key Error", "op": op});
    tells(StatusCode::BAD_REQUEST, error.to_string(), Vec::new())
}

/// Changes a room's name and description; a private room's password and participants as well, which
/// are lost if they are not said again.
pub(in super::super) fn update(world: &mut World, call: &Call) -> Outcome {
    let id =
        match call.id("room").and_then(|id| id.map_or_else(|| call.id("id"), |id| Ok(Some(id)))) {
            Err(refused) => return errors::cast(world.flavour, "Room", &refused),
            Ok(id) => id.filter(|id| world.rooms.contains_key(id)),
        };
    let Some(id) = id else { return refused("Room does not exist.") };
    let room = &world.rooms[&id];
    if room.private && room.owner != call.who {
        return refused("Only owner can change private room.");
    }
    let text = |name| call.string(name).ok().flatten().map(|text| text.trim().to_owned());
    let Some(name) = text("name").filter(|name| !name.is_empty()) else {
        let missing = Invalid { path: "name", kind: Kind::Required, value: text("name") };
        return errors::validation(world.flavour, &[missing]);
    };
    let participants = participants(world, call);
    let password = text("password").filter(|_| world.private_rooms);
    if let Some(room) = world.rooms.get_mut(&id) {
        room.name = name;
        room.description = text("description");
        if room.private {
            room.password = password;
            room.participants = participants;
        }
    }
    world.touch();
    told(world, call, &id, "rooms:update", StatusCode::OK)
}

/// The participants that a call names: `@ann, bob`, or a list of names.
fn participants(world: &World, call: &Call) -> Vec<Id> {
    let named = match call.param("participants").filter(|_| world.private_rooms) {
        Some(Value::String(text)) => text.replace('@', "").split(',').map(str::to_owned).collect(),
        Some(Value::Array(names)) => names.iter().filter_map(|name| as_string(name).ok()).collect(),
        _ => Vec::new(),
    };
    let named: Vec<&str> = named.iter().map(|name| name.trim()).collect();
    world
        .people
        .iter()
        .filter(|account| named.contains(&account.username.as_str()))
        .map(|account| account.id.clone())
        .collect()
}

/// Archives a room, whoever asks.
pub(in super::super) fn archive(world: &mut World, call: &Call) -> Outcome {
    let id = call.id("room").and_then(|id| id.map_or_else(|| call.id("id"), |id| Ok(Some(id))));
    let Ok(Some(id)) = id else { return bad_request() };
    let Some(room) = world.rooms.get_mut(&id) else { return bad_request() };
    room.archived = true;
    world.touch();
    match told(world, call, &id, "rooms:archive", StatusCode::NO_CONTENT) {
        Outcome::Answer(mut reply, news) => {
            reply.json = None;
            Outcome::Answer(reply, news)
        }
        other => other,
    }
}

/// The room, and the news of it for those who may know.
fn told(world: &World, call: &Call, id: &Id, event: &str, status: StatusCode) -> Outcome {
    let room = &world.rooms[id];
    let json = json::to_string(&world.room_shape(room, Some(&call.who), Participants::Named));
    tells(status, json, news(world, room, event))
}

/// News of a room: to everyone, or of a secret one to each of its own.
pub(in super::super::super) fn news(world: &World, room: &Room, event: &str) -> Vec<News> {
    let frame = |viewer| {
        let shape = world.room_shape(room, viewer, Participants::Named);
        engineio::event(event, &json::to_string(&shape)).into()
    };
    if !room.is_secret() {
        return vec![News::Everyone(frame(None))];
    }
    let own = world.seats.iter().filter(|(_, taken)| room.admits(&taken.who));
    own.map(|(seat, taken)| News::Seats(vec![*seat], frame(Some(&*taken.who)))).collect()
}

/// 400 with a string as its JSON.
fn refused(why: &str) -> Outcome {
    tells(StatusCode::BAD_REQUEST, Value::from(why).to_string(), Vec::new())
}

/// A boolean as the database layer reads one.
fn as_bool(value: &Value) -> bool {
    match value {
        Value::String(text) => !matches!(text.as_str(), "" | "0" | "false"),
        value => truthy(value),
    }
}
