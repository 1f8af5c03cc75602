//! What servers refuse, and what to do about it: a message, a join, a connection.

pub(super) mod disconnect;
pub(super) mod join;
pub(super) mod send;
