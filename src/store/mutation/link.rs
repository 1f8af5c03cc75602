//! Changes to the table of paused links.

use jiff::Timestamp;
use rusqlite::{Result, params};

use super::Transaction;
use crate::domain::EndpointId;

/// A change of the pause of the link between a channel and a room.
#[derive(Debug)]
pub(in crate::store) enum LinkMutation {
    /// It is paused since this time, or no longer.
    SetPaused { channel: EndpointId, room: EndpointId, since: Option<Timestamp> },
    /// People were told of the pause.
    SetAnnounced { channel: EndpointId, room: EndpointId },
}

impl LinkMutation {
    pub(super) fn execute(&self, db: Transaction<'_>) -> Result<()> {
        match self {
            Self::SetPaused { channel, room, since: Some(since) } => db.execute(
                "INSERT OR REPLACE INTO paused_link (channel, room, since) VALUES (?1, ?2, ?3)",
                params![channel.0, room.0, since.as_millisecond()],
            ),
            Self::SetPaused { channel, room, since: None } => db.execute(
                "DELETE FROM paused_link WHERE channel = ?1 AND room = ?2",
                params![channel.0, room.0],
            ),
            Self::SetAnnounced { channel, room } => db.execute(
                "UPDATE paused_link SET announced = 1 WHERE channel = ?1 AND room = ?2",
                params![channel.0, room.0],
            ),
        }
    }
}
