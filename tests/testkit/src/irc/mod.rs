//! A small IRC server, in memory: one end of the bridge in its demo and its tests.
//!
//! It registers clients, keeps channels and relays messages as real servers do, with or without IRCv3
//! ([`Setup::caps`]); [`VirtualUser`]s live in it without a socket, send and remember what they received;
//! and [`Faults`] makes things go wrong while it runs.
//!
//! ```text
//! socket ─▶ connection ─line▶ commands ─▶ state ─broadcast▶ recipient ─▶ outbox ─▶ connection ─▶ socket
//!              ▲                 ▲                            └─────▶ inbox of a virtual user
//!      listener accepts    a virtual user's lines
//! ```
//!
//! The state changes one command at a time behind one lock, so everyone sees things happen in the
//! same order. A line for many is encoded once for each set of tags that somebody asked for.

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
mod tap;
mod transcript;
mod virtual_user;

pub use caps::{Cap, Caps};
pub use casemapping::Casemapping;
pub use faults::{Faults, MessageRefusal, Netsplit, Playback};
pub use inbox::{MessageKind, ReceivedMessage};
pub use listener::CloseKind;
pub use server::IrcServer;
pub use setup::{Account, FloodLimit, Setup};
pub use tap::ChannelMessage;
pub use transcript::ReceivedLine;
pub use virtual_user::VirtualUser;
