//! Pure functions between each network's manners and the [`domain`](crate::domain).
//!
//! Everything here is a value in and a value out, so everything here is tested by tables.

mod irc;
mod late;
mod letschat;
mod links;

pub use irc::{AGAIN, to_irc};
pub use letschat::to_letschat;
pub use links::{Link, Links, safe_name};
