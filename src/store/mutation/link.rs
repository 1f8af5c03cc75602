//! Changes to the table of paused links.

use jiff::Timestamp;
use rusqlite::{Result, params};

use super::Transaction;
use crate::domain::EndpointId;

/// Pauses the link of `channel` and `room` since this time, or ends its pause.
pub(super) fn set_paused(
    db: Transaction<'_>,
    channel: EndpointId,
    room: EndpointId,
    since: Option<Timestamp>,
) -> Result<()> {
    let Some(since) = since else {
        let end = "DELETE FROM paused_link WHERE channel = ?1 AND room = ?2";
        return db.execute(end, params![channel.0, room.0]);
    };
    db.execute(
        "INSERT OR REPLACE INTO paused_link (channel, room, since) VALUES (?1, ?2, ?3)",
        params![channel.0, room.0, since.as_millisecond()],
    )
}

/// Records that people were told of the pause.
pub(super) fn set_announced(
    db: Transaction<'_>,
    channel: EndpointId,
    room: EndpointId,
) -> Result<()> {
    db.execute(
        "UPDATE paused_link SET announced = 1 WHERE channel = ?1 AND room = ?2",
        params![channel.0, room.0],
    )
}
