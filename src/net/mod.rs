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

pub use drive::{ConnectionEnd, drive};
pub use irc::{IrcCodec, IrcCodecError, framed_lines};
pub use letschat::{WebSocketError, WsRequest, WsStream, open_websocket};
