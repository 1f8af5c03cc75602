//! Which event answers which request.

use axum::http::Method;

/// Where a request is led.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// To an event, with what its path says.
    Event { name: &'static str, room: Option<String>, param: Option<(&'static str, String)> },
    /// To a file, by its id.
    Download(String),
}

/// Looks up a path that was split at its slashes.
pub(super) fn find(method: &Method, path: &[&str]) -> Option<Route> {
    let get = *method == Method::GET || *method == Method::HEAD;
    let post = *method == Method::POST;
    Some(match path {
        ["account"] if get => event("account:whoami"),
        ["account", "profile"] if post => event("account:profile"),
        ["account", "settings"] if post => event("account:settings"),
        ["account", "token", "generate"] if post => event("account:generate_token"),
        ["account", "token", "revoke"] if post => event("account:revoke_token"),
        ["rooms"] if get => event("rooms:list"),
        ["rooms"] if post => event("rooms:create"),
        ["rooms", room] if get => in_room("rooms:get", room),
        ["rooms", room] if *method == Method::PUT => in_room("rooms:update", room),
        ["rooms", room] if *method == Method::DELETE => in_room("rooms:archive", room),
        ["rooms", room, "users"] if get => in_room("rooms:users", room),
        ["rooms", room, "messages"] if get => in_room("messages:list", room),
        ["rooms", room, "messages"] if post => in_room("messages:create", room),
        ["rooms", room, "files"] if get => in_room("files:list", room),
        ["rooms", room, "files"] if post => in_room("files:create", room),
        ["messages"] if get => event("messages:list"),
        ["messages"] if post => event("messages:create"),
        ["files"] if get => event("files:list"),
        ["files"] if post => event("files:create"),
        ["files", id, _] if get => Route::Download((*id).to_owned()),
        ["users"] if get => event("users:list"),
        ["users", id] if get => about("users:get", "id", id),
        ["users", user, "messages"] if get => about("user-messages:list", "user", user),
        ["users", user, "messages"] if post => about("user-messages:create", "user", user),
        ["connections"] if get => event("connections:list"),
        ["connections", "type", kind] if get => about("connections:list", "type", kind),
        ["connections", "user", user] if get => about("connections:list", "user", user),
        _ => return None,
    })
}

fn event(name: &'static str) -> Route {
    Route::Event { name, room: None, param: None }
}

fn in_room(name: &'static str, room: &str) -> Route {
    Route::Event { name, room: Some(room.to_owned()), param: None }
}

fn about(name: &'static str, key: &'static str, value: &str) -> Route {
    Route::Event { name, room: None, param: Some((key, value.to_owned())) }
}
