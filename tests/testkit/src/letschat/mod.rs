//! A small Let's Chat, in memory, that answers as a real one does and does mischief on command.
//!
//! The demo starts it for people to try the bridge with, and the tests and the benchmark for the
//! bridge to be tried by. What it answers was read in Let's Chat 0.4.8's source or recorded from two
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

pub use api::{Begun, LetsChat};
pub use faults::{Fault, Mischief};
pub use setup::{Flavour, NewRoom, Person, Setup};
pub use state::post::Post;
