//! Sockets and clocks. The one layer that waits for the networks.

mod drive;
mod irc;
mod letschat;

pub use drive::{Ended, drive};
pub use irc::{Lines, lines};
pub use letschat::{Frames, Knock, LetsChatError, upgrade};
mod temp;
pub use temp::*;
