//! The IRC double behaves like an IRC server, and misbehaves on command.
#![allow(clippy::unwrap_used, missing_docs)]

mod capabilities;
mod channels;
mod client;
mod faults;
mod fixture;
mod history;
mod privmsg;
mod registration;
mod server_behaviour;
mod tags;
mod transport;
mod users;
