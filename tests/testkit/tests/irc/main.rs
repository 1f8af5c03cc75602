//! The IRC double behaves like an IRC server, and misbehaves on command.
#![allow(clippy::unwrap_used, missing_docs)]

mod breakdowns;
mod capabilities;
mod channels;
mod client;
mod history;
mod people;
mod registration;
mod tags;
mod talk;
mod tea;
mod transport;
mod vexations;
