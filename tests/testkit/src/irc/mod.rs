//! A small IRC server, in memory: one end of the bridge in its demo and its tests.
//!
//! It registers clients, keeps channels and relays talk as real servers do, with or without IRCv3
//! ([`Setup::caps`]); [`Person`]s live in it without a socket, speak and remember what they heard;
//! and [`Mischief`] makes things go wrong while it runs.
//!
//! ```text
//! socket ─▶ connection ─line▶ commands ─▶ World ─relay▶ Ear ─▶ outbox ─▶ connection ─▶ socket
//!              ▲                 ▲                        └──▶ memory of a Person
//!         door accepts      a Person's lines
//! ```
//!
//! The world changes one command at a time behind one lock, so everyone sees things happen in the
//! same order. A line for many is serialized once for each set of tags that somebody asked for.

mod broadcast;
mod caps;
mod casemapping;
mod channel;
mod client;
mod commands;
mod connection;
mod disconnect;
mod faults;
mod framing;
mod history;
mod inbox;
mod line;
mod listener;
mod mask;
mod numeric;
mod outbox;
mod ping_timeout;
mod server;
mod setup;
mod shared;
mod state;
mod transcript;
mod virtual_user;

pub use caps::{Cap, Caps};
pub use casemapping::Casemapping;
pub use faults::{Mischief, Netsplit, Playback, TalkRefusal};
pub use inbox::{Heard, MessageKind};
pub use listener::CloseKind;
pub use server::IrcServer;
pub use setup::{Account, FloodLimit, Setup};
pub use transcript::Received;
pub use virtual_user::Person;
