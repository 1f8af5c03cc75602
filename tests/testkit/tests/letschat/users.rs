use serde_json::json;

use super::*;

#[tokio::test]
async fn an_account_is_found_by_id_name_or_address() {
    let chat = start(setup()).await;
    let mut bob = connect(&chat, "bob").await;
    for name in [chat.user_id("alice"), "alice".to_owned(), "alice@example.com".to_owned()] {
        assert_eq!(
            bob.call("users:get", &json!({"id": name})).await["username"],
            "alice",
            "{name}"
        );
    }
    assert_eq!(bob.call("users:get", &json!({"id": "carol"})).await, "Not Found");
    let all = bob.call("users:list", &json!({})).await;
    assert_eq!(
        (&all[0]["username"], &all[1]["username"], all.get(2)),
        (&json!("alice"), &json!("bob"), None)
    );
}

#[tokio::test]
async fn another_name_is_told_to_everyone() {
    let chat = start(setup()).await;
    let (mut alice, mut bob) = (connect(&chat, "alice").await, connect(&chat, "bob").await);
    alice.call("account:profile", &json!({"displayName": "Al", "firstName": ""})).await;
    let told = bob.event("users:update").await;
    assert_eq!((&told["displayName"], &told["firstName"]), (&json!("Al"), &json!("alice")));
    chat.rename("alice", "Alice again");
    assert_eq!(bob.event("users:update").await["displayName"], "Alice again");
}

#[tokio::test]
async fn a_whisper_reaches_both_and_nobody_else_and_cannot_be_listed() {
    let chat = start(Setup {
        users: vec![NewUser::new("alice", "A"), NewUser::new("bob", "B"), NewUser::new("eve", "E")],
        ..setup()
    })
    .await;
    let (mut alice, mut bob, mut eve) =
        (connect(&chat, "alice").await, connect(&chat, "bob").await, connect(&chat, "eve").await);
    let whisper = json!({"user": chat.user_id("bob"), "text": "psst"});
    let sent = alice.call("user-messages:create", &whisper).await;
    assert_eq!((&sent["owner"], &sent["text"]), (&json!(chat.user_id("alice")), &json!("psst")));
    assert_eq!(bob.event("user-messages:new").await, sent);
    assert_eq!(alice.event("user-messages:new").await, sent);
    assert_eq!(eve.received().await, [""; 0]);
    assert_eq!(
        bob.call("user-messages:list", &json!({"user": chat.user_id("alice")})).await,
        json!([])
    );
    for bad in [json!({"user": "bob", "text": "x"}), json!({"user": "0".repeat(24), "text": "x"})] {
        assert_eq!(alice.call("user-messages:create", &bad).await, "Bad Request");
    }
    let otr = json!({"user": chat.user_id("bob"), "text": "?OTR:x"});
    alice.call("user-messages:create", &otr).await;
    assert_eq!(bob.event("user-messages:new").await["text"], "?OTR:x");
    let kept: Vec<_> =
        chat.private_messages().into_iter().map(|(to, post)| (to, post.text)).collect();
    assert_eq!(kept, [("bob".to_owned(), "psst".to_owned())]);
}

#[tokio::test]
async fn where_whispers_are_off_nobody_answers_them() {
    let chat = start(Setup { private_messages: false, ..setup() }).await;
    let mut alice = connect(&chat, "alice").await;
    alice.emit("user-messages:create", &json!({"user": chat.user_id("bob"), "text": "psst"})).await;
    assert_eq!(alice.received().await, [""; 0]);
}

#[tokio::test]
async fn connections_can_be_listed() {
    let chat = start(setup()).await;
    let mut alice = connect(&chat, "alice").await;
    let _bob = connect(&chat, "bob").await;
    let listed = alice.call("connections:list", &json!({"user": "bob"})).await;
    assert_eq!(
        (&listed[0]["type"], &listed[0]["user"]["username"]),
        (&json!("socket.io"), &json!("bob"))
    );
    assert_eq!(alice.call("connections:list", &json!({"type": "xmpp"})).await, json!([]));
}

#[tokio::test]
async fn on_a_websocket_a_token_can_be_neither_made_nor_revoked() {
    let chat = start(setup()).await;
    let mut alice = connect(&chat, "alice").await;
    for event in ["account:generate_token", "account:revoke_token"] {
        assert_eq!(alice.call(event, &json!({})).await["status"], "error", "{event}");
    }
}
