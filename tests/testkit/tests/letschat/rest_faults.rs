//! What can be made to go wrong with requests over REST.

use std::time::Duration;

use serde_json::json;

use super::accounts::{send, sign_in};
use super::raw::{Request, Response, fetch, soon};
use super::*;

async fn post(chat: &LetsChat, cookie: &str, text: &str) -> Option<Response> {
    let body = Some(("application/json", json!({"text": text}).to_string().into()));
    let path = "/rooms/tea/messages";
    let cookie = Some(cookie);
    let request = Request { method: "POST", path, cookie, body, ..Request::default() };
    fetch(chat.address(), &request).await
}

#[tokio::test]
async fn a_request_that_is_cut_before_is_not_carried_out() {
    let chat = start(setup()).await;
    let mut bob = join(&chat, "bob", "tea").await;
    let cookie = chat.new_session("alice");
    chat.faults().inject_rest(1, Fault::DropBefore);
    assert!(post(&chat, &cookie, "lost").await.is_none());
    assert_eq!(bob.received().await, [""; 0]);
    assert_eq!(post(&chat, &cookie, "kept").await.unwrap().status, 201);
    assert_eq!(texts(&chat, "tea"), ["kept"]);
}

#[tokio::test]
async fn a_lost_answer_leaves_the_post_stored_and_told_and_other_connections_alone() {
    let chat = start(setup()).await;
    let mut bob = join(&chat, "bob", "tea").await;
    let cookie = chat.new_session("alice");
    chat.faults().inject_rest_in("tea", 1, Fault::DropAfter);
    assert!(post(&chat, &cookie, "kept").await.is_none());
    assert_eq!(bob.event("messages:new").await["text"], "kept");
    assert_eq!(texts(&chat, "tea"), ["kept"]);
}

#[tokio::test]
async fn an_answer_is_held_until_it_is_released() {
    let chat = start(setup()).await;
    let mut bob = join(&chat, "bob", "tea").await;
    let cookie = chat.new_session("alice");
    chat.faults().inject_rest(1, Fault::HoldAck);
    let released = async {
        assert_eq!(bob.event("messages:new").await["text"], "first told");
        chat.faults().release_acks();
    };
    let (answer, ()) = tokio::join!(post(&chat, &cookie, "first told"), released);
    assert_eq!(answer.unwrap().status, 201);
}

#[tokio::test]
async fn an_ack_is_held_until_it_is_released() {
    let chat = start(setup()).await;
    let mut alice = join(&chat, "alice", "tea").await;
    chat.faults().inject(1, Fault::HoldAck);
    let message = json!({"room": chat.room_id("tea"), "text": "first told"});
    let ack = format!("43{}[", alice.emit("messages:create", &message).await);
    assert!(alice.receive().await.starts_with("42[\"messages:new\""));
    chat.faults().release_acks();
    assert!(alice.receive().await.starts_with(&ack));
}

#[tokio::test]
async fn an_answer_that_is_swallowed_ends_with_the_server() {
    let chat = start(setup()).await;
    let cookie = chat.new_session("alice");
    chat.faults().inject_rest(1, Fault::SwallowAck);
    let killed = async {
        soon(chat.wait_for_post_count("tea", 1)).await;
        chat.kill().await.unwrap();
    };
    let (answer, ()) = tokio::join!(post(&chat, &cookie, "unanswered"), killed);
    assert!(answer.is_none());
}

#[tokio::test]
async fn a_late_answer_and_an_unheard_post() {
    let chat = start(setup()).await;
    let mut bob = join(&chat, "bob", "tea").await;
    let cookie = chat.new_session("alice");
    chat.faults().inject_rest(1, Fault::LateAck(Duration::from_millis(20)));
    chat.faults().inject_rest(1, Fault::LoseBroadcast);
    assert_eq!(post(&chat, &cookie, "late").await.unwrap().status, 201);
    assert_eq!(bob.event("messages:new").await["text"], "late");
    assert_eq!(post(&chat, &cookie, "unheard").await.unwrap().status, 201);
    assert_eq!(bob.received().await, [""; 0]);
}

#[tokio::test]
async fn an_account_whose_registration_was_not_answered_is_there() {
    let chat = start(setup()).await;
    chat.faults().inject_request("/account/register", 1, Fault::DropAfter);
    chat.faults().inject_request("/account/login", 1, Fault::DropBefore);
    let form = "username=dave&email=dave@irc.invalid&password=kettle-on&password-confirm=kettle-on\
                &firstName=dave&lastName=IRC&displayName=dave";
    let kind = "application/x-www-form-urlencoded";
    let request = |path, form: &'static str| Request {
        method: "POST",
        path,
        body: Some((kind, form.into())),
        ..Request::default()
    };
    assert!(fetch(chat.address(), &request("/account/register", form)).await.is_none());
    let login = "username=dave&password=kettle-on";
    assert!(fetch(chat.address(), &request("/account/login", login)).await.is_none());
    assert_eq!((chat.registrations(), chat.logins()), (1, 0));
    assert_eq!(send(&chat, "/account/register", form, "").await.status, 400);
    assert_eq!(sign_in(&chat, "dave", "kettle-on").await.0, 200);
}
