//! An IRC server and a Let's Chat, in memory: for `letsbridge demo`, and as doubles for its tests; and a PostgreSQL for
//! these.

pub mod irc;
pub mod letschat;
pub mod postgres;
pub mod systemd;
