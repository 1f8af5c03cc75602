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

mod caps;
mod casemapping;
mod channel;
mod client;
mod commands;
mod connection;
mod door;
mod framing;
mod history;
mod leaving;
mod line;
mod mask;
mod mischief;
mod numeric;
mod outbox;
mod patience;
mod person;
mod relay;
mod server;
mod setup;
mod transcript;
mod world;

pub use caps::{Cap, Caps};
pub use casemapping::Casemapping;
pub use door::Goodbye;
pub use mischief::{Mischief, Netsplit, Playback, TalkRefusal};
pub use person::{Heard, MessageKind, Person};
pub use server::IrcServer;
pub use setup::{Account, FloodLimit, Setup};
pub use transcript::Received;
