use serde_json::json;

use super::raw::soon;
use super::*;

fn cave() -> NewRoom {
    NewRoom { private: true, password: Some("sesame".to_owned()), ..NewRoom::new("cave") }
}

fn attic() -> NewRoom {
    NewRoom { private: true, ..NewRoom::new("attic") }
}

#[tokio::test]
async fn everyone_hears_who_comes_and_goes_and_each_person_once() {
    let chat = start(setup()).await;
    let mut bob = connect(&chat, "bob").await;
    let (first, second) = (join(&chat, "alice", "tea").await, join(&chat, "alice", "tea").await);
    let came = bob.event("users:join").await;
    assert_eq!((&came["username"], &came["room"]), (&json!("alice"), &json!(chat.room_id("tea"))));
    assert_eq!(bob.received().await, [""; 0]);
    let present = bob.call("rooms:users", &json!({"room": chat.room_id("tea")})).await;
    assert_eq!(present.as_array().unwrap().len(), 1);
    first.close().await;
    soon(chat.wait_for_connections(|count| count == 2)).await;
    assert_eq!(bob.received().await, [""; 0]);
    second.close().await;
    assert_eq!(bob.event("users:leave").await["username"], "alice");
    soon(chat.wait_for_leave("tea", "alice")).await;
}

#[tokio::test]
async fn joining_twice_is_joining_once_and_leaving_is_answered_with_null() {
    let chat = start(setup()).await;
    let room = chat.room_id("tea");
    let mut alice = join(&chat, "alice", "tea").await;
    alice.call("rooms:join", &json!({"roomId": room})).await;
    chat.post("tea", "bob", "once");
    assert_eq!(alice.received().await.len(), 1);
    assert_eq!(alice.call("rooms:leave", &json!(room)).await, json!(null));
    assert_eq!(alice.event("users:leave").await["username"], "alice");
    assert_eq!(alice.call("rooms:leave", &json!(room)).await, json!(null));
    chat.post("tea", "bob", "unheard");
    assert_eq!(alice.received().await, [""; 0]);
}

#[tokio::test]
async fn a_password_opens_a_room_for_good() {
    let chat = start(Setup { rooms: vec![cave()], ..setup() }).await;
    let (room, mut bob, mut alice) =
        (chat.room_id("cave"), connect(&chat, "bob").await, connect(&chat, "alice").await);
    let refused = bob.call("rooms:join", &json!({"roomId": room, "password": "open"})).await;
    assert_eq!(
        refused,
        json!({"status": "error", "roomName": "cave", "message": "password required", "errors": "password required"})
    );
    assert_eq!(
        bob.call("messages:create", &json!({"room": room, "text": "x"})).await,
        "Bad Request"
    );
    let joined = bob.call("rooms:join", &json!({"roomId": room, "password": "sesame"})).await;
    assert_eq!((&joined["hasPassword"], &joined["participants"]), (&json!(true), &json!(["bob"])));
    // Of a room with a password only those inside hear who comes.
    assert_eq!(bob.event("users:join").await["username"], "bob");
    assert_eq!(alice.received().await, [""; 0]);
    let mut again = connect(&chat, "bob").await;
    assert_eq!(again.call("rooms:join", &json!(room)).await["slug"], "cave");
}

#[tokio::test]
async fn a_secret_room_is_not_found_and_not_listed_and_not_told_of() {
    let chat = start(Setup { rooms: vec![], ..setup() }).await;
    let (mut alice, mut bob) = (connect(&chat, "alice").await, connect(&chat, "bob").await);
    let room = chat.create_room(attic());
    assert_eq!(alice.event("rooms:new").await["slug"], "attic");
    assert_eq!(bob.received().await, [""; 0]);
    assert_eq!(bob.call("rooms:join", &json!(room)).await, "Not Found");
    assert_eq!(bob.call("rooms:list", &json!({})).await, json!([]));
    assert_eq!(alice.call("rooms:list", &json!({})).await[0]["slug"], "attic");
}

#[tokio::test]
async fn rooms_are_joined_by_id_alone() {
    let chat =
        start(Setup { rooms: vec![NewRoom::new("tea"), NewRoom::new("general-chat")], ..setup() })
            .await;
    let mut bob = connect(&chat, "bob").await;
    assert_eq!(bob.call("rooms:join", &json!("tea")).await, "Bad Request");
    // Any twelve characters are an id, though nobody's.
    assert_eq!(bob.call("rooms:join", &json!("general-chat")).await, "Not Found");
    let error = bob.call("rooms:get", &json!({"id": "tea"})).await;
    assert_eq!(error["name"], "CastError");
    assert_eq!(bob.call("rooms:get", &json!({"id": chat.room_id("tea")})).await["slug"], "tea");
}

#[tokio::test]
async fn rooms_are_made_changed_and_archived_in_front_of_everyone() {
    let chat = start(setup()).await;
    let (mut alice, mut bob) = (connect(&chat, "alice").await, connect(&chat, "bob").await);
    let made = alice
        .call("rooms:create", &json!({"name": " Games ", "slug": "GAMES", "description": "Play"}))
        .await;
    assert_eq!((&made["name"], &made["slug"]), (&json!("Games"), &json!("games")));
    assert_eq!(bob.event("rooms:new").await, made);
    let changed =
        bob.call("rooms:update", &json!({"id": made["id"], "name": "Play", "slug": "other"})).await;
    assert_eq!((&changed["slug"], changed.get("description")), (&json!("games"), None));
    assert_eq!(alice.event("rooms:update").await["name"], "Play");
    assert_eq!(
        bob.call("rooms:update", &json!({"id": made["id"]})).await["errors"]["name"]["kind"],
        "required"
    );
    assert_eq!(bob.call("rooms:archive", &json!({"id": made["id"]})).await, "No Content");
    assert_eq!(alice.event("rooms:archive").await["slug"], "games");
    assert_eq!(bob.call("rooms:join", &made["id"]).await, "Not Found");
    assert_eq!(bob.call("rooms:archive", &json!({"id": "0".repeat(24)})).await, "Bad Request");
}

#[tokio::test]
async fn a_private_rooms_password_and_participants_are_lost_if_not_said_again() {
    let chat = start(Setup {
        rooms: vec![NewRoom { participants: vec!["bob".to_owned()], ..cave() }],
        ..setup()
    })
    .await;
    let (room, mut alice, mut bob) =
        (chat.room_id("cave"), connect(&chat, "alice").await, connect(&chat, "bob").await);
    let refused = bob.call("rooms:update", &json!({"id": room, "name": "Mine"})).await;
    assert_eq!(refused, "Only owner can change private room.");
    let kept = alice
        .call(
            "rooms:update",
            &json!({"id": room, "name": "C", "password": "x", "participants": "@bob, nobody"}),
        )
        .await;
    assert_eq!((&kept["hasPassword"], &kept["participants"]), (&json!(true), &json!(["bob"])));
    let lost = alice.call("rooms:update", &json!({"id": room, "name": "C"})).await;
    assert_eq!((&lost["hasPassword"], &lost["participants"]), (&json!(false), &json!([])));
}

#[tokio::test]
async fn a_list_of_rooms_begins_with_the_most_lively_and_may_say_who_is_there() {
    let chat = start(setup()).await;
    let mut alice = join(&chat, "alice", "tea").await;
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(60);
    chat.post_dated("dev", "bob", "x", later);
    let rooms = alice.call("rooms:list", &json!({})).await;
    assert_eq!((&rooms[0]["slug"], rooms[0].get("users")), (&json!("dev"), None));
    let rooms = alice.call("rooms:list", &json!({"users": true, "take": 1})).await;
    assert_eq!((rooms.as_array().unwrap().len(), &rooms[0]["userCount"]), (1, &json!(0)));
    let rooms = alice.call("rooms:list", &json!({"users": true})).await;
    assert_eq!(
        (&rooms[0]["slug"], &rooms[0]["users"][0]["username"]),
        (&json!("tea"), &json!("alice"))
    );
}

#[tokio::test]
async fn where_private_rooms_are_off_every_room_is_open() {
    let chat = start(Setup { private_rooms: false, ..setup() }).await;
    let mut alice = connect(&chat, "alice").await;
    let made = alice
        .call("rooms:create", &json!({"name": "A", "slug": "a", "private": true, "password": "x"}))
        .await;
    assert_eq!((&made["private"], &made["hasPassword"]), (&json!(false), &json!(false)));
}
