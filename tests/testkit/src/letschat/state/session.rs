//! The websockets that were let in, and what they are told.

use axum::extract::ws::Utf8Bytes;

use crate::letschat::id::Id;
use crate::letschat::outbox::Outbox;

/// A websocket that was let in, by its number.
pub(in super::super) type Seat = u64;

/// Who sits in a seat.
#[derive(Debug)]
pub(in super::super) struct Taken {
    pub who: Id,
    pub outbox: Outbox,
}

/// Something that others are to be told, after the one who caused it has been answered.
#[derive(Debug)]
pub(in super::super) enum News {
    /// Every socket that was let in.
    Everyone(Utf8Bytes),
    /// The sockets that joined this room.
    Room(Id, Utf8Bytes),
    /// These sockets.
    Seats(Vec<Seat>, Utf8Bytes),
}
