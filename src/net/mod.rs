//! Sockets and clocks.

pub mod connect;
pub mod tls;
