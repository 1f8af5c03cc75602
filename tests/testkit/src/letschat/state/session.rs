//! The websockets that were let in, and what is broadcast to them.

use axum::extract::ws::Utf8Bytes;

use crate::letschat::id::Id;
use crate::letschat::outbox::Outbox;

/// The number of a websocket that was let in.
pub(in super::super) type SocketId = u64;

/// The account of a websocket, and its outbox.
#[derive(Debug)]
pub(in super::super) struct Session {
    pub account_id: Id,
    pub outbox: Outbox,
    /// Whether it was let in by a token.
    pub uses_token: bool,
}

/// A frame for others, sent after the one who caused it has been answered.
#[derive(Debug)]
pub(in super::super) enum Broadcast {
    /// To every socket.
    Everyone(Utf8Bytes),
    /// To the sockets that joined this room.
    Room(Id, Utf8Bytes),
    /// To these sockets.
    Sockets(Vec<SocketId>, Utf8Bytes),
}
