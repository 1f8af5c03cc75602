use serde_json::{Value, json};

use super::raw::soon;
use super::*;

/// The texts of a list.
#[track_caller]
fn listed(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|message| message["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn on_the_authors_socket_the_ack_comes_before_the_news() {
    let chat = start(setup()).await;
    let (mut alice, mut bob) = (join(&chat, "alice", "tea").await, join(&chat, "bob", "tea").await);
    alice.received().await;
    alice.emit("messages:create", &json!({"room": chat.room_id("tea"), "text": " hi\n"})).await;
    let (ack, news) = (alice.receive().await, alice.receive().await);
    assert!(ack.starts_with("431[{\"id\":\"") && ack.contains(r#""text":" hi\n""#), "{ack}");
    assert!(news.starts_with("42[\"messages:new\","), "{news}");
    assert_eq!(bob.event("messages:new").await["owner"]["username"], "alice");
    assert_eq!(texts(&chat, "tea"), [" hi\n"]);
    assert_eq!(chat.posts("tea")[0].owner, "alice");
}

#[tokio::test]
async fn only_those_who_joined_hear_of_it() {
    let chat = start(setup()).await;
    let (mut inside, mut outside) =
        (join(&chat, "alice", "tea").await, join(&chat, "bob", "dev").await);
    let id = chat.post("tea", "bob", "psst");
    assert_eq!(inside.event("messages:new").await["id"], id);
    assert_eq!(outside.received().await, [""; 0]);
}

#[tokio::test]
async fn a_fresh_install_does_not_say_who_and_can_be_asked() {
    let chat = start(Setup { mongoose: MongooseVersion::V4_13, ..setup() }).await;
    let mut bob = join(&chat, "bob", "tea").await;
    chat.post("tea", "alice", "who am I");
    assert_eq!(bob.event("messages:new").await["owner"], json!(null));
    let asked = json!({"room": chat.room_id("tea"), "reverse": false, "expand": "owner"});
    assert_eq!(bob.call("messages:list", &asked).await[0]["owner"]["username"], "alice");
    assert_eq!(chat.request_count("messages:list"), 1);
    chat.set_mongoose_version(MongooseVersion::V4_6);
    chat.post("tea", "alice", "and now");
    assert_eq!(bob.event("messages:new").await["owner"]["username"], "alice");
}

#[tokio::test]
async fn every_refusal_is_bad_request() {
    let chat = start(Setup {
        rooms: vec![NewRoom::new("tea"), NewRoom { private: true, ..NewRoom::new("secret") }],
        ..setup()
    })
    .await;
    let mut bob = connect(&chat, "bob").await;
    let tea = chat.room_id("tea");
    for refused in [
        json!({"room": tea, "text": ""}),
        json!({"room": tea}),
        json!({"room": tea, "text": {"a": 1}}),
        json!({"room": "tea", "text": "x"}),
        json!({"room": "0".repeat(24), "text": "x"}),
        json!({"text": "x"}),
        json!({"room": chat.room_id("secret"), "text": "x"}),
        json!(null),
    ] {
        assert_eq!(bob.call("messages:create", &refused).await, "Bad Request", "{refused}");
    }
    chat.archive_room("tea");
    assert_eq!(
        bob.call("messages:create", &json!({"room": tea, "text": "x"})).await,
        "Bad Request"
    );
    chat.unarchive_room("tea");
    assert_eq!(bob.call("messages:create", &json!({"room": tea, "text": 5})).await["text"], "5");
}

#[tokio::test]
async fn a_list_is_of_the_latest_500_and_latest_first_unless_told_otherwise() {
    let chat = start(setup()).await;
    let mut bob = connect(&chat, "bob").await;
    for number in 0..510 {
        chat.post("tea", "alice", &number.to_string());
    }
    let room = chat.room_id("tea");
    let list = bob.call("messages:list", &json!({"room": room})).await;
    assert_eq!((listed(&list).len(), listed(&list)[0], listed(&list)[499]), (500, "509", "10"));
    let list = bob
        .call("messages:list", &json!({"room": room, "reverse": false, "take": 2, "skip": 3}))
        .await;
    assert_eq!(listed(&list), ["3", "4"]);
    let since = &chat.posts("tea")[506].id;
    let list = bob
        .call("messages:list", &json!({"room": room, "reverse": false, "since_id": since}))
        .await;
    assert_eq!(listed(&list), ["507", "508", "509"]);
}

#[tokio::test]
async fn from_and_to_are_times() {
    let chat = start(setup()).await;
    let mut bob = connect(&chat, "bob").await;
    for second in 0..4 {
        let at = jiff::Timestamp::from_second(1_000_000_000 + second).unwrap();
        chat.post_dated("tea", "alice", &second.to_string(), at);
    }
    let room = chat.room_id("tea");
    let asked = json!({"room": room, "reverse": false, "from": "2001-09-09T01:46:40.000Z", "to": 1_000_000_002_000_i64});
    assert_eq!(listed(&bob.call("messages:list", &asked).await), ["1", "2"]);
    for bad in [
        json!({"since_id": "zzz"}),
        json!({"from": "yesterday"}),
        json!({"skip": -1}),
        json!({"to": {}}),
    ] {
        let mut asked = json!({"room": room});
        asked.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        assert_eq!(bob.call("messages:list", &asked).await, "Bad Request", "{bad}");
    }
}

#[tokio::test]
async fn whoever_may_not_read_a_room_finds_it_empty() {
    let chat = start(Setup {
        rooms: vec![NewRoom {
            private: true,
            password: Some("sesame".to_owned()),
            ..NewRoom::new("cave")
        }],
        ..setup()
    })
    .await;
    chat.post("cave", "alice", "gold");
    let (room, mut bob) = (chat.room_id("cave"), connect(&chat, "bob").await);
    assert_eq!(bob.call("messages:list", &json!({"room": room})).await, json!([]));
    let opened = bob.call("messages:list", &json!({"room": room, "password": "sesame"})).await;
    assert_eq!(listed(&opened), ["gold"]);
    assert_eq!(bob.call("messages:list", &json!({})).await, json!([]));
    assert_eq!(bob.call("messages:list", &json!({"room": "cave"})).await, "Bad Request");
}

#[tokio::test]
async fn a_call_that_crashes_the_real_server_cuts_everyone_off_and_loses_nothing() {
    let chat = start(setup()).await;
    chat.post("tea", "alice", "before");
    for crash in [
        ("messages:list", json!({"room": "0".repeat(24)})),
        ("messages:list", json!({"room": chat.room_id("tea"), "expand": 1})),
        ("rooms:get", json!({"id": "0".repeat(24)})),
        ("rooms:join", json!({})),
        ("rooms:leave", json!(null)),
        ("rooms:users", json!({})),
        ("users:get", json!({})),
        ("user-messages:create", json!({"user": chat.user_id("alice")})),
    ] {
        let (mut alice, mut bob) = (connect(&chat, "alice").await, connect(&chat, "bob").await);
        alice.emit(crash.0, &crash.1).await;
        assert_eq!(alice.received_until_closed().await, [""; 0], "{crash:?}");
        assert_eq!(bob.received_until_closed().await, [""; 0], "{crash:?}");
    }
    soon(chat.wait_for_connections(|count| count == 0)).await;
    assert_eq!(texts(&chat, "tea"), ["before"]);
}

#[tokio::test]
async fn whoever_waits_for_posts_is_told() {
    let chat = start(setup()).await;
    let (posts, ()) = soon(async {
        tokio::join!(chat.wait_for_posts("tea", |posts| posts.len() == 2), async {
            chat.post("tea", "alice", "one");
            chat.post("tea", "bob", "two");
        })
    })
    .await;
    assert_eq!(posts.iter().map(|post| post.owner.as_str()).collect::<Vec<_>>(), ["alice", "bob"]);
    assert!(posts[0].id < posts[1].id);
}

#[tokio::test]
async fn a_late_message_shows_among_the_earlier_ones() {
    let chat = start(setup()).await;
    let late = chat.begin_post("tea", "alice", "began first");
    let early = chat.post("tea", "bob", "ended first");
    assert_eq!(texts(&chat, "tea"), ["ended first"]);
    assert!(late.id() < early.as_str());
    chat.finish_post(late);
    let mut shown = texts(&chat, "tea");
    // Both may be of the same millisecond, and then the order is that of arrival.
    shown.sort_by_key(|text| text == "ended first");
    assert_eq!(shown, ["began first", "ended first"]);
    let id = chat.post_dated("tea", "alice", "of old", "2016-01-01T00:00:00Z".parse().unwrap());
    assert!(id.starts_with("5685c180"), "{id}");
    assert_eq!(chat.posts("tea")[0].text, "of old");
}

#[tokio::test]
async fn a_watcher_sees_the_posts_of_all_rooms() {
    let chat = start(setup()).await;
    let mut watcher = chat.watch();
    let id = chat.post("tea", "alice", "hello");
    let _ = join(&chat, "bob", "dev").await.call("rooms:list", &json!({})).await;
    assert!(chat.is_present("dev", "bob") && !chat.is_present("tea", "bob"));
    chat.post("dev", "bob", "hi");
    let seen = soon(watcher.recv()).await.unwrap();
    assert_eq!((seen.room.as_str(), &seen.post.id), ("tea", &id));
    assert_eq!((seen.post.owner.as_str(), seen.post.text.as_str()), ("alice", "hello"));
    assert_eq!(soon(watcher.recv()).await.unwrap().room, "dev");
}

#[tokio::test]
async fn only_as_much_is_kept_as_it_was_told() {
    let chat = start(Setup { max_posts: 2, ..setup() }).await;
    for text in ["one", "two", "three"] {
        assert!(chat.try_post("tea", "alice", text).is_some());
        chat.send_private_message("alice", "bob", text);
    }
    assert_eq!(texts(&chat, "tea"), ["two", "three"]);
    assert_eq!(chat.private_messages().len(), 2);
    assert_eq!(chat.try_post("tea", "alice", ""), None);
    assert_eq!(chat.try_post("tea", "nobody", "hello"), None);
    assert_eq!(chat.try_post("nowhere", "alice", "hello"), None);
}
