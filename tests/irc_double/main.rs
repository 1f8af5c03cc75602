//! The IRC double behaves like an IRC server, and misbehaves on command.
#![allow(clippy::unwrap_used, missing_docs)]

mod channels;
mod client;
mod ircv3;
mod mischief;
mod people;
mod registration;
mod talk;
