//! What the double does, behaviour by behaviour, and that it answers as two recorded servers did.

#![allow(clippy::unwrap_used, missing_docs)]

mod accounts;
mod client;
mod connection;
mod contract;
mod faults;
mod messages;
mod raw;
mod rest;
mod rest_faults;
mod rooms;
mod sessions;
mod users;

use client::Client;
use letsbridge_testkit::letschat::{Fault, LetsChat, MongooseVersion, NewRoom, NewUser, Setup};

/// A server with Alice, Bob and the rooms `tea` and `dev`, for a test to change first.
fn setup() -> Setup {
    Setup {
        users: vec![NewUser::new("alice", "Alice A"), NewUser::new("bob", "Bob B")],
        rooms: vec![NewRoom::new("tea"), NewRoom::new("dev")],
        ..Setup::default()
    }
}

async fn start(setup: Setup) -> LetsChat {
    LetsChat::start(setup).await.unwrap()
}

/// That account's websocket, let in.
async fn connect(chat: &LetsChat, username: &str) -> Client {
    Client::let_in(chat.address(), &chat.token(username)).await
}

/// Joins a room as well, and hears everything that came of it.
async fn join(chat: &LetsChat, username: &str, slug: &str) -> Client {
    let mut socket = connect(chat, username).await;
    let joined = socket.call("rooms:join", &chat.room_id(slug).into()).await;
    assert_eq!(joined["slug"], slug);
    socket.received().await;
    socket
}

/// The texts of what was said in a room.
fn texts(chat: &LetsChat, slug: &str) -> Vec<String> {
    chat.posts(slug).into_iter().map(|post| post.text).collect()
}
