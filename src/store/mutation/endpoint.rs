//! Changes to the table of channels and rooms.

use jiff::Timestamp;
use rusqlite::{Result, params};

use super::{Transaction, activity};
use crate::domain::EndpointId;

pub(super) fn insert(db: Transaction<'_>, id: EndpointId, name: &str) -> Result<()> {
    db.execute("INSERT INTO endpoint (id, name) VALUES (?1, ?2)", params![id.0, name])
}

pub(super) fn set_room_id(db: Transaction<'_>, id: EndpointId, remote_id: &str) -> Result<()> {
    db.execute("UPDATE endpoint SET remote_id = ?2 WHERE id = ?1", params![id.0, remote_id])
}

pub(super) fn rename(db: Transaction<'_>, id: EndpointId, name: &str) -> Result<()> {
    db.execute("UPDATE endpoint SET name = ?2 WHERE id = ?1", params![id.0, name])
}

/// Moves all that belongs to the room `before` to the room `id`.
pub(super) fn merge_rooms(db: Transaction<'_>, id: EndpointId, before: EndpointId) -> Result<()> {
    let both = params![id.0, before.0];
    db.execute("UPDATE message SET endpoint = ?1 WHERE endpoint = ?2", both)?;
    db.execute("UPDATE delivery SET endpoint = ?1 WHERE endpoint = ?2", both)?;
    for table in ["link_phase", "unheard"] {
        let sql = format!("UPDATE OR REPLACE {table} SET room = ?1 WHERE room = ?2");
        db.execute(&sql, both)?;
    }
    db.execute("UPDATE OR REPLACE phase_place SET endpoint = ?1 WHERE endpoint = ?2", both)?;
    db.execute(
        "UPDATE endpoint SET cursor = COALESCE(endpoint.cursor, before.cursor),
             first_seen_post = COALESCE(endpoint.first_seen_post, before.first_seen_post),
             last_seen = COALESCE(endpoint.last_seen, before.last_seen)
         FROM endpoint AS before WHERE endpoint.id = ?1 AND before.id = ?2",
        both,
    )?;
    activity::merge_rooms(db, id, before)?;
    db.execute("DELETE FROM endpoint WHERE id = ?1", params![before.0])
}

pub(super) fn set_first_seen_post(db: Transaction<'_>, id: EndpointId, post: &str) -> Result<()> {
    db.execute("UPDATE endpoint SET first_seen_post = ?2 WHERE id = ?1", params![id.0, post])
}

/// Records how far it was read, and when it was last known to be connected.
pub(super) fn set_read_position(
    db: Transaction<'_>,
    id: EndpointId,
    cursor: Option<&str>,
    last_seen: Option<i64>,
) -> Result<()> {
    db.execute(
        "UPDATE endpoint SET cursor = ?2, last_seen = ?3 WHERE id = ?1",
        params![id.0, cursor, last_seen],
    )
}

pub(super) fn init_channel(
    db: Transaction<'_>,
    id: EndpointId,
    first_joined: Timestamp,
    now: Timestamp,
    cursor: &str,
) -> Result<()> {
    db.execute(
        "UPDATE endpoint SET first_joined = ?2, last_seen = ?3, cursor = ?4 WHERE id = ?1",
        params![id.0, first_joined.as_millisecond(), now.as_millisecond(), cursor],
    )
}

pub(super) fn set_paused(db: Transaction<'_>, id: EndpointId, paused: bool) -> Result<()> {
    db.execute("UPDATE endpoint SET paused = ?2 WHERE id = ?1", params![id.0, paused])
}

pub(super) fn set_introduced(db: Transaction<'_>, id: EndpointId) -> Result<()> {
    db.execute("UPDATE endpoint SET introduced = 1 WHERE id = ?1", params![id.0])
}

pub(super) fn set_outage_announced(
    db: Transaction<'_>,
    id: EndpointId,
    announced: bool,
) -> Result<()> {
    db.execute("UPDATE endpoint SET outage_announced = ?2 WHERE id = ?1", params![id.0, announced])
}

pub(super) fn begin_reading(db: Transaction<'_>, id: EndpointId) -> rusqlite::Result<()> {
    db.execute("INSERT OR IGNORE INTO restoration_reading (endpoint) VALUES (?1)", &[&id.0])
}
