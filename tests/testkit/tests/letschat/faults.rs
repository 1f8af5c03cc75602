use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::raw::{Request, fetch, soon};
use super::*;

fn message(chat: &LetsChat, text: &str) -> Value {
    json!({"room": chat.room_id("tea"), "text": text})
}

#[tokio::test]
async fn dropped_before_it_is_not_stored() {
    let chat = start(setup()).await;
    let mut bob = join(&chat, "bob", "tea").await;
    let mut alice = connect(&chat, "alice").await;
    chat.faults().inject(1, Fault::DropBefore);
    alice.emit("messages:create", &message(&chat, "lost")).await;
    assert_eq!(alice.received_until_closed().await, [""; 0]);
    assert_eq!(bob.received().await, [""; 0]);
    assert!(chat.posts("tea").is_empty());
    let mut again = connect(&chat, "alice").await;
    assert_eq!(again.call("messages:create", &message(&chat, "kept")).await["text"], "kept");
}

#[tokio::test]
async fn dropped_after_it_is_stored_and_told_and_not_acked() {
    let chat = start(setup()).await;
    let (mut alice, mut bob) = (join(&chat, "alice", "tea").await, join(&chat, "bob", "tea").await);
    alice.received().await;
    chat.faults().inject(1, Fault::DropAfter);
    alice.emit("messages:create", &message(&chat, "kept")).await;
    assert_eq!(alice.received_until_closed().await, [""; 0]);
    assert_eq!(bob.event("messages:new").await["text"], "kept");
    assert_eq!(texts(&chat, "tea"), ["kept"]);
}

#[tokio::test]
async fn a_swallowed_ack_never_comes_and_the_connection_stays() {
    let chat = start(setup()).await;
    let mut alice = join(&chat, "alice", "tea").await;
    chat.faults().inject(1, Fault::SwallowAck);
    alice.emit("messages:create", &message(&chat, "one")).await;
    let heard = alice.received().await;
    assert!(heard.len() == 1 && heard[0].starts_with("42[\"messages:new\""), "{heard:?}");
    assert_eq!(alice.call("messages:create", &message(&chat, "two")).await["text"], "two");
}

#[tokio::test]
async fn a_lost_broadcast_is_acked_and_stored() {
    let chat = start(setup()).await;
    let mut bob = join(&chat, "bob", "tea").await;
    let mut alice = connect(&chat, "alice").await;
    chat.faults().inject_in("tea", 1, Fault::LoseBroadcast);
    assert_eq!(alice.call("messages:create", &message(&chat, "unheard")).await["text"], "unheard");
    assert_eq!(bob.received().await, [""; 0]);
    assert_eq!(texts(&chat, "tea"), ["unheard"]);
}

#[tokio::test]
async fn a_late_ack_comes_after_the_news() {
    let chat = start(setup()).await;
    let mut alice = join(&chat, "alice", "tea").await;
    chat.faults().delay_acks(Duration::from_millis(20));
    alice.emit("messages:create", &message(&chat, "x")).await;
    assert!(alice.receive().await.starts_with("42[\"messages:new\""));
    assert!(alice.receive().await.starts_with("431["));
    let asked = Instant::now();
    alice.call("account:whoami", &json!(null)).await;
    assert!(asked.elapsed() >= Duration::from_millis(20));
}

#[tokio::test]
async fn an_overtaken_message_has_the_lower_id_and_is_seen_later() {
    let chat = start(setup()).await;
    let mut bob = join(&chat, "bob", "tea").await;
    let mut alice = connect(&chat, "alice").await;
    chat.faults().inject(1, Fault::Overtaken);
    let number = alice.emit("messages:create", &message(&chat, "slow")).await;
    assert_eq!(alice.received().await, [""; 0]);
    assert!(chat.posts("tea").is_empty());
    alice.emit("messages:create", &message(&chat, "fast")).await;
    let (first, second) = (bob.event("messages:new").await, bob.event("messages:new").await);
    assert_eq!((&first["text"], &second["text"]), (&json!("fast"), &json!("slow")));
    assert!(first["id"].as_str() > second["id"].as_str());
    assert!(first["posted"].as_str() >= second["posted"].as_str());
    let acks = [alice.receive().await, alice.receive().await];
    assert!(acks[0].contains("fast") && acks[1].starts_with(&format!("43{number}[")), "{acks:?}");
}

#[tokio::test]
async fn slow_is_slow_in_everything() {
    let chat = start(setup()).await;
    let mut alice = connect(&chat, "alice").await;
    let late = Duration::from_millis(20);
    chat.faults().delay(late);
    let asked = Instant::now();
    alice.send("2").await;
    assert_eq!(alice.receive().await, "3");
    assert!(asked.elapsed() >= late);
    let asked = Instant::now();
    let request = Request { method: "GET", path: "/account", ..Request::default() };
    assert_eq!(fetch(chat.address(), &request).await.unwrap().status, 401);
    assert!(asked.elapsed() >= late);
}

#[tokio::test]
async fn a_stalled_server_hears_and_does_everything_when_it_goes_on() {
    let chat = start(setup()).await;
    let mut alice = connect(&chat, "alice").await;
    chat.faults().stall();
    alice.emit("messages:create", &message(&chat, "later")).await;
    let mut silence = std::pin::pin!(alice.receive());
    // Long enough for an answer, had there been one; too short makes this test weaker, never wrong.
    assert!(tokio::time::timeout(Duration::from_millis(30), &mut silence).await.is_err());
    assert!(chat.posts("tea").is_empty());
    chat.faults().resume();
    assert!(silence.await.starts_with("430["));
    assert_eq!(texts(&chat, "tea"), ["later"]);
}

#[tokio::test]
async fn what_a_stalled_server_was_sent_is_lost_when_it_is_killed() {
    let chat = start(setup()).await;
    let mut alice = connect(&chat, "alice").await;
    chat.faults().stall();
    alice.emit("messages:create", &message(&chat, "lost")).await;
    chat.restart().await.unwrap();
    assert_eq!(alice.received_until_closed().await, [""; 0]);
    soon(chat.wait_for_connections(|count| count == 0)).await;
    assert!(chat.posts("tea").is_empty());
    let mut again = connect(&chat, "alice").await;
    assert_eq!(again.call("messages:create", &message(&chat, "kept")).await["text"], "kept");
}

#[tokio::test]
async fn a_killed_server_refuses_and_comes_back_on_its_port_with_its_data() {
    let chat = start(setup()).await;
    let mut alice = join(&chat, "alice", "tea").await;
    let id = chat.post("tea", "bob", "kept");
    chat.kill().await.unwrap();
    alice.received_until_closed().await;
    let refused = tokio::net::TcpStream::connect(chat.address()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    soon(chat.wait_for_leave("tea", "alice")).await;
    chat.revive().await.unwrap();
    let mut again = join(&chat, "alice", "tea").await;
    assert_eq!(
        again.call("messages:list", &json!({"room": chat.room_id("tea")})).await[0]["id"],
        id
    );
    chat.restart().await.unwrap();
    again.received_until_closed().await;
    connect(&chat, "alice").await;
    assert_eq!(chat.connections_accepted(), 3);
}

#[tokio::test]
async fn to_refuse_is_not_to_cut() {
    let chat = start(setup()).await;
    let mut alice = connect(&chat, "alice").await;
    chat.refuse().await.unwrap();
    assert!(tokio::net::TcpStream::connect(chat.address()).await.is_err());
    assert_eq!(alice.received().await, [""; 0]);
    assert_eq!(chat.connections(), 1);
    chat.revive().await.unwrap();
    connect(&chat, "bob").await;
}

#[tokio::test]
async fn one_account_or_everyone_can_be_cut_off() {
    let chat = start(setup()).await;
    let (mut alice, mut bob) = (connect(&chat, "alice").await, connect(&chat, "bob").await);
    chat.cut_user("alice");
    alice.received_until_closed().await;
    assert_eq!(bob.received().await, [""; 0]);
    chat.cut();
    bob.received_until_closed().await;
    connect(&chat, "bob").await;
}

#[tokio::test]
async fn requests_and_handshakes_can_be_made_to_fail_apart() {
    let chat = start(setup()).await;
    let request = Request { method: "GET", path: "/account", ..Request::default() };
    chat.faults().rest_fails(Some(StatusCode::BAD_GATEWAY));
    let answer = fetch(chat.address(), &request).await.unwrap();
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (502, Some("text/html; charset=utf-8"))
    );
    connect(&chat, "alice").await;
    chat.faults().clear();
    chat.faults().upgrades_fail(Some(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(fetch(chat.address(), &request).await.unwrap().status, 401);
    let stream = tokio::net::TcpStream::connect(chat.address()).await.unwrap();
    let url = format!("ws://{}/socket.io/?EIO=3&transport=websocket", chat.address());
    assert!(tokio_tungstenite::client_async(url, stream).await.is_err());
}

#[tokio::test]
async fn any_frame_can_be_sent() {
    let chat = start(setup()).await;
    let mut alice = connect(&chat, "alice").await;
    chat.send_frame("42[\"messages:new\",{\"id\":");
    assert_eq!(alice.receive().await, "42[\"messages:new\",{\"id\":");
}

#[tokio::test]
async fn in_chaos_every_acked_message_is_stored() {
    let chat = start(setup()).await;
    chat.faults().chaos(1, 0.5);
    let mut acked = Vec::new();
    for number in 0..40 {
        let text = number.to_string();
        let mut alice = connect(&chat, "alice").await;
        let ack = format!("43{}[", alice.emit("messages:create", &message(&chat, &text)).await);
        // A swallowed ack leaves the connection open: a later pong says that it is not coming soon.
        alice.send("2").await;
        if alice.try_receive().await.is_some_and(|frame| frame.starts_with(&ack)) {
            acked.push(text);
        }
    }
    let stored = texts(&chat, "tea");
    assert!(acked.iter().all(|text| stored.contains(text)), "{acked:?} {stored:?}");
    assert!(acked.len() < stored.len() && stored.len() < 40, "{acked:?} {stored:?}");
}
