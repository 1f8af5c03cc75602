//! Sockets and clocks: connecting, TLS, proxies, and running sessions over transports.

pub mod certificate;
mod clock;
pub mod connect;
pub mod dial;
mod drive;
mod forward_writes;
mod host;
pub mod identd;
mod irc_codec;
mod irc_stream;
pub mod passed_sockets;
pub mod proxy;
pub mod rest;
pub mod tls;
pub mod unexpected_peer;
mod websocket;
mod wire;
mod write_gate;

pub use drive::{ConnectionEnd, drive};
pub use irc_codec::{
    IrcCodec, IrcCodecError, PendingBytes, framed_lines, release_lines, resume_lines,
};
pub use irc_stream::{IrcStream, ReleasedStream};
pub use websocket::{WebSocketError, WsRequest, WsStream, open_account_websocket, open_websocket};
pub use wire::Wire;
pub use write_gate::{GateClosed, GuardedStream, WriteGate};
