//! Sockets and clocks. The one layer that waits for the networks.

mod clock;
pub mod connect;
mod drive;
pub mod ident;
mod irc;
mod letschat;
pub mod proxy;
pub mod rest;
pub mod stranger;
pub mod tls;

pub use drive::{Ended, drive};
pub use irc::{Lines, LinesError, lines};
pub use letschat::{Frames, Knock, LetsChatError, upgrade};
