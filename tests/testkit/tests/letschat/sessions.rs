//! Sessions of browsers: how they begin, what they open, and how they end.

use super::accounts::{send, sign_in};
use super::raw::{Request, Response, fetch};
use super::*;

const PASSWORD: &str = "kettle-on";

async fn with_password() -> LetsChat {
    let chat = start(setup()).await;
    chat.set_account_password("alice", Some(PASSWORD));
    chat
}

async fn get(chat: &LetsChat, path: &str, cookie: &str) -> Response {
    let cookie = Some(cookie).filter(|cookie| !cookie.is_empty());
    let request = Request { method: "GET", path, cookie, ..Request::default() };
    fetch(chat.address(), &request).await.unwrap()
}

async fn post(chat: &LetsChat, room: &str, cookie: &str) -> u16 {
    send(chat, &format!("/rooms/{room}/messages"), "text=hi", cookie).await.status
}

/// What a websocket with this cookie is told after the server's first word.
async fn admission(chat: &LetsChat, cookie: &str) -> String {
    let mut client = Client::open_with(chat.address(), client::COOKIES, Some(cookie)).await;
    assert!(client.receive().await.starts_with("0{"));
    client.receive().await
}

#[tokio::test]
async fn a_password_begins_a_session_and_another_browser_has_its_own() {
    let chat = with_password().await;
    let (status, cookie) = sign_in(&chat, "Alice", PASSWORD).await;
    assert_eq!(status, 200);
    assert!(cookie.starts_with("s%3A") && cookie.contains('.'), "{cookie}");
    assert_eq!(sign_in(&chat, "alice@example.com", PASSWORD).await.0, 200);
    assert_eq!(chat.sessions("alice"), 2);
    assert_eq!(get(&chat, "/account", &cookie).await.json()["username"], "alice");
}

#[tokio::test]
async fn whoever_comes_without_a_session_takes_one_along_that_opens_nothing() {
    let chat = with_password().await;
    let first = get(&chat, "/account", "").await;
    let cookie = first.cookie().unwrap().to_owned();
    assert_eq!(first.status, 401);
    let again = get(&chat, "/account", &cookie).await;
    assert_eq!((again.status, again.cookie()), (401, None));
    assert_eq!(admission(&chat, &cookie).await, r#"44"Passport was not initialized""#);
    let (status, cookie) = sign_in(&chat, "alice", "other").await;
    assert_eq!((status, get(&chat, "/account", &cookie).await.status), (401, 401));
}

#[tokio::test]
async fn signing_in_anew_ends_the_session_before() {
    let chat = with_password().await;
    let (_, cookie) = sign_in(&chat, "alice", PASSWORD).await;
    let form = format!("username=alice&password={PASSWORD}");
    let answer = send(&chat, "/account/login", &form, &cookie).await;
    assert_eq!(get(&chat, "/account", answer.cookie().unwrap()).await.status, 200);
    assert_eq!(get(&chat, "/account", &cookie).await.status, 401);
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let chat = with_password().await;
    let cookie = chat.new_session("alice");
    let answer = get(&chat, "/logout", &cookie).await;
    assert_eq!(
        (answer.status, answer.header("location"), answer.cookie()),
        (302, Some("/login"), None)
    );
    assert_eq!(post(&chat, "tea", &cookie).await, 401);
    assert_eq!(get(&chat, "/logout", "").await.status, 302);
}

#[tokio::test]
async fn three_wrong_passwords_lock_an_account_until_the_server_is_restarted() {
    let chat = with_password().await;
    for status in [401, 401, 403] {
        assert_eq!(sign_in(&chat, "alice", "other").await.0, status);
    }
    assert_eq!(sign_in(&chat, "alice", PASSWORD).await.0, 403);
    chat.restart().await.unwrap();
    assert_eq!(sign_in(&chat, "alice", PASSWORD).await.0, 200);
    assert_eq!(send(&chat, "/account/login", "password=x", "").await.status, 500);
}

#[tokio::test]
async fn sessions_outlive_a_restart_until_they_are_ended() {
    let chat = with_password().await;
    let [alice, bob] = ["alice", "bob"].map(|username| chat.new_session(username));
    chat.restart().await.unwrap();
    assert_eq!([post(&chat, "tea", &alice).await, post(&chat, "tea", &bob).await], [201, 201]);
    chat.end_sessions_of("alice");
    assert_eq!([post(&chat, "tea", &alice).await, post(&chat, "tea", &bob).await], [401, 201]);
    chat.end_sessions();
    assert_eq!(post(&chat, "tea", &bob).await, 401);
}

#[tokio::test]
async fn a_websocket_is_let_in_by_a_session_and_outlives_it() {
    let chat = with_password().await;
    let cookie = chat.new_session("alice");
    let mut alice = Client::by_session(chat.address(), &cookie).await;
    chat.end_sessions();
    let room = chat.room_id("tea").into();
    assert_eq!(alice.call("rooms:join", &room).await["slug"], "tea");
    for cookie in [cookie.as_str(), "s%3Aabc.def", "x"] {
        assert_eq!(admission(&chat, cookie).await, r#"44"No session found""#);
    }
}

#[tokio::test]
async fn a_post_with_a_session_is_told_to_those_in_the_room() {
    let chat = start(Setup { mongoose: MongooseVersion::V4_6, ..setup() }).await;
    let mut bob = join(&chat, "bob", "tea").await;
    let cookie = chat.new_session("alice");
    let answer = send(&chat, "/rooms/tea/messages", "text=hi", &cookie).await;
    let (id, owner) = (answer.json()["id"].clone(), answer.json()["owner"].clone());
    assert_eq!((answer.status, owner.as_str().unwrap()), (201, chat.user_id("alice").as_str()));
    let news = bob.event("messages:new").await;
    assert_eq!((&news["id"], news["owner"]["username"].as_str()), (&id, Some("alice")));
}

#[tokio::test]
async fn a_room_that_is_closed_to_an_account_takes_none_of_its_posts_until_it_has_joined() {
    let owner = Some("bob".to_owned());
    let secret = NewRoom { private: true, owner: owner.clone(), ..NewRoom::new("secret") };
    let locked = NewRoom { password: Some("sesame".to_owned()), owner, ..NewRoom::new("locked") };
    let rooms = [setup().rooms, vec![secret, locked]].concat();
    let chat = start(Setup { rooms, ..setup() }).await;
    let cookie = chat.new_session("alice");
    chat.archive_room("dev");
    for (room, status) in [("secret", 400), ("locked", 400), ("dev", 404), ("nowhere", 404)] {
        assert_eq!(post(&chat, room, &cookie).await, status, "{room}");
        assert_eq!(post(&chat, room, "").await, 401, "{room}");
    }
    assert_eq!(send(&chat, "/rooms/tea/messages", "text=", &cookie).await.status, 400);
    let mut alice = Client::by_session(chat.address(), &cookie).await;
    let join = |password: &str| serde_json::json!({"roomId": chat.room_id("locked"), "password": password});
    assert_eq!(alice.call("rooms:join", &join("no")).await["message"], "password required");
    assert_eq!(post(&chat, "locked", &cookie).await, 400);
    assert_eq!(alice.call("rooms:join", &join("sesame")).await["slug"], "locked");
    alice.close().await;
    assert_eq!(post(&chat, "locked", &cookie).await, 201);
}
