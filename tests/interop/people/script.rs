//! What the servers are asked.

use serde_json::{Value, json};

use super::recorder::{As, Recorder};

const PASSWORD: &str = "kettle-on-the-hob";

/// All of it.
pub(super) async fn run(to: &mut Recorder) {
    registering(to).await;
    invalid_registrations(to).await;
    signing_in(to).await;
    let cookie = sign_in(to, "NAMEa").await;
    profile(to, &cookie).await;
    settings(to, &cookie).await;
    posting(to, &cookie).await;
    closed_rooms(to, &cookie).await;
    websockets(to, &cookie).await;
    tokens(to, &cookie).await;
    signing_out(to, &cookie).await;
    locking(to).await;
}

/// The form of the registration page, with other values for some of its fields.
async fn register(to: &mut Recorder, changes: &[(&str, &str)]) {
    let mut form = vec![
        ("username", "NAMEx"),
        ("email", "NAMEx@irc.invalid"),
        ("password", PASSWORD),
        ("password-confirm", PASSWORD),
        ("firstName", "A"),
        ("lastName", "IRC"),
        ("displayName", "Ann"),
    ];
    form.retain(|(name, _)| changes.iter().all(|(other, _)| other != name));
    form.extend(changes.iter().filter(|(_, value)| *value != "-"));
    to.post("/account/register", &form, As::Nobody).await;
}

async fn registering(to: &mut Recorder) {
    register(to, &[("username", "NAMEa"), ("email", "NAMEa@irc.invalid")]).await;
    let body = json!({
        "username": " NAMEB ", "email": "NAMEb@IRC.invalid", "password": PASSWORD,
        "passwordConfirm": PASSWORD, "firstname": "B", "lastname": "IRC", "display-name": " Bob ",
    });
    to.post_json("/account/register", &body, As::Nobody).await;
    register(to, &[("username", "NAMEa")]).await;
    register(to, &[("email", "NAMEa@irc.invalid")]).await;
    register(to, &[("username", "NAMEA"), ("email", "NAMEB@IRC.INVALID")]).await;
    register(to, &[("username", "NAMEa"), ("email", "foo")]).await;
    register(to, &[("username", "a|b"), ("email", "NAMEa@irc.invalid")]).await;
}

async fn invalid_registrations(to: &mut Recorder) {
    for name in ["", "-", "x", "A|b", "NAME.", "-NAME", "n\u{e4}me"] {
        register(to, &[("username", name)]).await;
    }
    for mail in ["", "-", "foo", "a@b", "a..b@irc.invalid", "a@-b.invalid", "a b@irc.invalid"] {
        register(to, &[("email", mail)]).await;
    }
    let long = "x".repeat(65);
    for password in ["abc", "1234567", &long, "12345678\n9"] {
        register(to, &[("password", password), ("password-confirm", password)]).await;
    }
    register(to, &[("password-confirm", "other")]).await;
    register(to, &[("password-confirm", "-")]).await;
    register(to, &[("password", "-"), ("password-confirm", "-")]).await;
    register(to, &[("displayName", "-"), ("firstName", " "), ("lastName", "")]).await;
    let all = ["username", "email", "password", "password-confirm", "firstName", "lastName"];
    register(to, &all.map(|name| (name, "-"))).await;
    to.post_json("/account/register", &json!({}), As::Nobody).await;
}

async fn sign_in(to: &mut Recorder, username: &str) -> String {
    let form = [("username", username), ("password", PASSWORD)];
    let answer = to.post("/account/login", &form, As::Nobody).await;
    answer.cookie().expect("a session").to_owned()
}

async fn signing_in(to: &mut Recorder) {
    let old = sign_in(to, "NAMEB@irc.invalid").await;
    to.get("/account", As::Session(&old)).await;
    let form = [("username", "NAMEA"), ("password", PASSWORD)];
    let answer = to.post("/account/login", &form, As::Session(&old)).await;
    let new = answer.cookie().expect("a session").to_owned();
    to.get("/account", As::Session(&new)).await;
    to.get("/account", As::Session(&old)).await;
    let unquoted = new.replace("%3A", ":").replace("%2B", "+").replace("%2F", "/");
    to.get("/account", As::Session(&unquoted)).await;
    to.get("/account", As::Session(&new[..new.len() - 2])).await;
    to.post("/account/register", &form, As::Session(&new)).await;
    let anonymous = to.get("/account", As::Nobody).await;
    let anonymous = anonymous.cookie().expect("a session").to_owned();
    to.get("/account", As::Session(&anonymous)).await;
    to.post("/account/login", &[("username", "NAMEnobody"), ("password", "x")], As::Nobody).await;
    to.post("/account/login", &[("username", "NAMEb")], As::Nobody).await;
    to.post("/account/login", &[("password", PASSWORD)], As::Nobody).await;
    to.post_json("/account/login", &json!({"username": "NAMEb", "password": PASSWORD}), As::Nobody)
        .await;
}

async fn profile(to: &mut Recorder, cookie: &str) {
    let who = As::Session(cookie);
    let mut socket = to.open("by session", who).await;
    to.post("/account/profile", &[("displayName", " Annie ")], who).await;
    to.hear("told of a profile", &mut socket, "users:update").await;
    to.post("/account/profile", &[("display-name", "Ann"), ("firstName", "Ann")], who).await;
    to.hear("told of a profile", &mut socket, "users:update").await;
    to.post("/account/profile", &[("displayName", " ")], who).await;
    to.post("/account/profile", &[("displayName", "x")], As::Nobody).await;
}

async fn settings(to: &mut Recorder, cookie: &str) {
    let who = As::Session(cookie);
    let mut socket = to.open("by session", who).await;
    let path = "/account/settings";
    for change in [
        ("username", "NAMEb"),
        ("email", "NAMEB@irc.invalid"),
        ("username", "a|b"),
        ("username", " "),
        ("email", "foo"),
        ("new-password", "abc"),
    ] {
        to.post(path, &[("password", PASSWORD), change], who).await;
    }
    let taken = [("password", PASSWORD), ("username", "NAMEb"), ("email", "NAMEb@irc.invalid")];
    to.post(path, &taken, who).await;
    let all = [("password", PASSWORD), ("username", "x"), ("email", "x"), ("newPassword", "x")];
    to.post(path, &all, who).await;
    to.post(path, &[("username", "NAMEc")], who).await;
    to.post(path, &[("password", "other"), ("username", "NAMEc")], who).await;
    to.post(path, &[("password", PASSWORD), ("username", "NAMEc")], As::Nobody).await;
    to.post(path, &[("password", PASSWORD)], who).await;
    to.hear("told of settings", &mut socket, "users:update").await;
    let change = [
        ("current-password", PASSWORD),
        ("username", "NAMEC"),
        ("email", "NAMEC@irc.invalid"),
        ("new-password", "kettle-off-the-hob"),
        ("confirm-password", "another"),
    ];
    to.post(path, &change, who).await;
    to.hear("told of settings", &mut socket, "users:update").await;
    to.get("/account", who).await;
    to.post("/account/login", &[("username", "NAMEc"), ("password", PASSWORD)], As::Nobody).await;
    let back = json!({
        "currentPassword": "kettle-off-the-hob", "newPassword": PASSWORD, "username": "NAMEa",
    });
    to.post_json(path, &back, who).await;
    to.hear("told of settings", &mut socket, "users:update").await;
}

async fn posting(to: &mut Recorder, cookie: &str) {
    let who = As::Session(cookie);
    let made = to.post("/rooms", &[("name", "Tea"), ("slug", "NAMEtea")], who).await;
    let id = made.json()["id"].as_str().expect("a room").to_owned();
    let mut socket = to.open("by session", who).await;
    to.call(&mut socket, "rooms:join", &json!(id)).await;
    let path = "/rooms/NAMEtea/messages";
    to.post(path, &[("text", "hi")], who).await;
    to.hear("told of a post", &mut socket, "messages:new").await;
    to.post_json(path, &json!({"text": "a\nb  "}), who).await;
    to.hear("told of a post", &mut socket, "messages:new").await;
    to.post(&format!("/rooms/{id}/messages"), &[("text", " ")], who).await;
    to.post("/messages", &[("room", &id), ("text", "c")], who).await;
    to.post(path, &[("text", "")], who).await;
    to.post(path, &[], who).await;
    to.post(path, &[("text", "hi")], As::Nobody).await;
    to.post(path, &[("text", "hi")], As::Session("s%3Aabc.def")).await;
    to.post("/rooms/NAMEnowhere/messages", &[("text", "hi")], who).await;
    to.post("/rooms/56b9d2c7a1b2c3d4e5f60718/messages", &[("text", "hi")], who).await;
    to.get("/rooms/NAMEtea/messages?reverse=false", who).await;
    to.call(&mut socket, "rooms:archive", &json!({"id": id})).await;
    to.post(path, &[("text", "hi")], who).await;
    to.post(&format!("/rooms/{id}/messages"), &[("text", "hi")], who).await;
    to.post("/messages", &[("room", &id), ("text", "c")], who).await;
}

/// Rooms of the first account, which the second knocks at.
async fn closed_rooms(to: &mut Recorder, cookie: &str) {
    let owner = As::Session(cookie);
    let other = sign_in(to, "NAMEb").await;
    let other = As::Session(&other);
    let secret = [("name", "S"), ("slug", "NAMEsecret"), ("private", "true")];
    to.post("/rooms", &secret, owner).await;
    let locked = [("name", "L"), ("slug", "NAMElocked"), ("password", "sesame")];
    let id = to.post("/rooms", &locked, owner).await.json()["id"].clone();
    for room in ["NAMEsecret", "NAMElocked"] {
        let path = format!("/rooms/{room}/messages");
        to.post(&path, &[("text", "hi")], owner).await;
        to.post(&path, &[("text", "hi")], other).await;
        to.post(&path, &[("text", "hi"), ("password", "sesame")], other).await;
    }
    reading(to, &id, [owner, other]).await;
    let mut socket = to.open("by session", other).await;
    for password in ["no", "", "sesame"] {
        let join = json!({"roomId": id, "password": password});
        to.call(&mut socket, "rooms:join", &join).await;
    }
    socket.close().await;
    reading(to, &id, [owner, other]).await;
    to.post("/rooms/NAMElocked/messages", &[("text", "hi")], other).await;
    let mut socket = to.open("by session", other).await;
    to.call(&mut socket, "rooms:join", &id).await;
}

/// What the lists of rooms and of messages tell about who may read what.
async fn reading(to: &mut Recorder, locked: &Value, people: [As<'_>; 2]) {
    for who in people {
        to.get("/rooms?take=500&skip=0", who).await;
        let id = locked.as_str().unwrap_or_default();
        to.get(&format!("/messages?room={id}&take=1"), who).await;
    }
    to.get("/rooms?take=500&skip=0", As::Nobody).await;
}

async fn websockets(to: &mut Recorder, cookie: &str) {
    to.open("nobody", As::Nobody).await;
    to.open("an unknown session", As::Session("s%3Aabc.def")).await;
    to.open("a cut cookie", As::Session(&cookie[..20])).await;
    let anonymous = to.get("/account", As::Nobody).await;
    let anonymous = anonymous.cookie().expect("a session").to_owned();
    to.open("a session of nobody", As::Session(&anonymous)).await;
    let mut socket = to.open("by session", As::Session(cookie)).await;
    to.call(&mut socket, "account:register", &json!({})).await;
    let change = json!({"password": PASSWORD, "email": "NAMEd@irc.invalid"});
    to.call(&mut socket, "account:settings", &change).await;
    to.call(&mut socket, "account:settings", &json!({"password": "other"})).await;
    to.call(&mut socket, "account:profile", &json!({"displayName": "Anna"})).await;
}

/// A session makes a token, and a token opens what a session does, but for a websocket's settings.
async fn tokens(to: &mut Recorder, cookie: &str) {
    let made = to.post("/account/token/generate", &[], As::Session(cookie)).await;
    let token = made.json()["token"].as_str().expect("a token").to_owned();
    let mut socket = to.open("by token", As::Token(&token)).await;
    let change = json!({"password": PASSWORD, "username": "NAMEe"});
    to.call(&mut socket, "account:settings", &change).await;
    to.get("/account", As::Token(&token)).await;
    to.post("/account/register", &[("username", "z")], As::Token(&token)).await;
    to.post("/account/settings", &[("password", PASSWORD)], As::Token(&token)).await;
    to.post("/account/token/revoke", &[], As::Session(cookie)).await;
    to.open("by a revoked token", As::Token(&token)).await;
}

async fn signing_out(to: &mut Recorder, cookie: &str) {
    let mut socket = to.open("by session", As::Session(cookie)).await;
    to.get("/logout", As::Session(cookie)).await;
    to.get("/account", As::Session(cookie)).await;
    to.post("/rooms/NAMElocked/messages", &[("text", "hi")], As::Session(cookie)).await;
    to.open("a session that ended", As::Session(cookie)).await;
    to.call(&mut socket, "account:profile", &json!({"displayName": "Still here"})).await;
    to.get("/logout", As::Nobody).await;
    to.post("/logout", &[], As::Nobody).await;
}

/// Last, because it lasts five seconds.
async fn locking(to: &mut Recorder) {
    let cookie = sign_in(to, "NAMEa").await;
    let who = As::Session(&cookie);
    to.post("/account/settings", &[("password", "other")], who).await;
    to.post("/account/login", &[("username", "NAMEa"), ("password", "x")], As::Nobody).await;
    to.post("/account/settings", &[("password", "other")], who).await;
    to.post("/account/settings", &[("password", PASSWORD)], who).await;
    to.post("/account/login", &[("username", "NAMEa"), ("password", PASSWORD)], As::Nobody).await;
    to.get("/account", who).await;
}
