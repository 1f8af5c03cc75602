//! An IRC server and a Let's Chat, in memory: for `letsbridge demo`, and as doubles for its tests.

pub mod irc;
pub mod letschat;
