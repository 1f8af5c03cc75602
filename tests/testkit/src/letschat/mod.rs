//! A small Let's Chat, in memory, that answers as a real one does, and has faults on command.
//!
//! The demo, the tests and the benchmark run the bridge against it. What it answers was read in
//! Let's Chat 0.4.8's source, or recorded from two
//! running servers (`tests/data/letschat`), which `tests/testkit/tests/letschat/contract.rs` holds it to.

mod api;
mod engineio;
mod faults;
mod handlers;
mod id;
mod listener;
mod outbox;
mod page;
mod rest;
mod server;
mod setup;
mod shared;
mod state;
mod tcp_stream;
mod websocket;

pub use api::{AccountView, LetsChat, UnfinishedPost};
pub use faults::{Fault, Faults};
pub use page::page_file;
pub use setup::{MongooseVersion, NewRoom, NewUser, Setup};
pub use state::post::{Post, PublishedPost};
