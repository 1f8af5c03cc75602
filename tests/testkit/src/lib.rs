//! An IRC server and a Let's Chat of our own: for trying the bridge, and the doubles that its tests use.

pub mod irc;
pub mod letschat;
