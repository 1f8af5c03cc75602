//! Lines by their addresses and numbers.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{NumberedLine, SELECT_LINES, first_number, last_number, line_from_row};
use super::{ArchiveError, ArchiveLineId, ArchiveRoomId};

/// More lines are not given at once.
pub(super) const MAX_LINES: usize = 1_000;

/// The line with this address.
pub(super) fn find(
    connection: &Connection,
    id: ArchiveLineId,
) -> Result<Option<NumberedLine>, ArchiveError> {
    let at = Timestamp::from_millisecond(id.millisecond()).unwrap_or_default();
    let first = first_number(at);
    let sql = format!("{SELECT_LINES} WHERE l.id BETWEEN ?1 AND ?2 AND l.digest = ?3");
    let mut statement = connection.prepare_cached(&sql)?;
    let parameters = params![first, last_number(first), id.digest().cast_signed()];
    Ok(statement.query_row(parameters, line_from_row).optional()?)
}

/// The first `limit` lines of the room from this number on, rising.
pub(super) fn lines_from(
    connection: &Connection,
    room: ArchiveRoomId,
    number: i64,
    limit: usize,
) -> Result<Vec<NumberedLine>, ArchiveError> {
    let sql = format!("{SELECT_LINES} WHERE l.room = ?1 AND l.id >= ?2 ORDER BY l.id LIMIT ?3");
    let mut statement = connection.prepare_cached(&sql)?;
    let limit = i64::try_from(limit.min(MAX_LINES)).unwrap_or(0);
    let lines = statement.query_map(params![room.0, number, limit], line_from_row)?;
    Ok(lines.collect::<Result<_, _>>()?)
}

/// The last `limit` lines of the room before this number, rising.
pub(super) fn lines_before(
    connection: &Connection,
    room: ArchiveRoomId,
    number: i64,
    limit: usize,
) -> Result<Vec<NumberedLine>, ArchiveError> {
    let sql = format!("{SELECT_LINES} WHERE l.room = ?1 AND l.id < ?2 ORDER BY l.id DESC LIMIT ?3");
    let mut statement = connection.prepare_cached(&sql)?;
    let limit = i64::try_from(limit.min(MAX_LINES)).unwrap_or(0);
    let lines = statement.query_map(params![room.0, number, limit], line_from_row)?;
    let mut lines: Vec<NumberedLine> = lines.collect::<Result<_, _>>()?;
    lines.reverse();
    Ok(lines)
}
