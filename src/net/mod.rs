//! Sockets and clocks.

pub mod connect;
pub mod proxy;
pub mod rest;
pub mod tls;
