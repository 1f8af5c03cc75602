//! How much was said on which day.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rusqlite::{Connection, params};

use super::{ArchiveError, ArchiveRoomId};

/// A quarter of an hour, in milliseconds. The offsets of all zones since 1970 are multiples of it, but for Liberia's until
/// 1972.
const QUARTER: i64 = 15 * 60 * 1000;

/// The quarter of an hour of this time.
pub(super) fn quarter_of(at: Timestamp) -> i64 {
    at.as_millisecond().max(0) / QUARTER
}

/// How many lines the room has on each day of `range`, which includes its last day.
pub(super) fn days(
    connection: &Connection,
    room: ArchiveRoomId,
    (from, to): (Date, Date),
    zone: &TimeZone,
) -> Result<Vec<(Date, u64)>, ArchiveError> {
    let start = |date: Date| {
        let zoned = date.to_zoned(zone.clone()).ok();
        zoned.map(|day| day.timestamp().as_millisecond().max(0) / QUARTER)
    };
    let first = start(from).unwrap_or(0);
    let end = to.tomorrow().ok().and_then(start).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(
        "SELECT quarter, lines FROM quarter
         WHERE room = ?1 AND quarter >= ?2 AND quarter < ?3 AND lines > 0 ORDER BY quarter",
    )?;
    let mut rows = statement.query(params![room.0, first, end])?;
    let mut days: Vec<(Date, u64)> = Vec::new();
    // The end of the last day, so that the date is asked of the zone once a day.
    let mut next = i64::MIN;
    while let Some(row) = rows.next()? {
        let (quarter, lines): (i64, i64) = (row.get(0)?, row.get(1)?);
        let lines = u64::try_from(lines).unwrap_or(0);
        match days.last_mut() {
            Some((_, count)) if quarter < next => *count += lines,
            _ => {
                let at = Timestamp::from_millisecond(quarter.saturating_mul(QUARTER));
                let date = zone.to_datetime(at.unwrap_or_default()).date();
                next = date.tomorrow().ok().and_then(start).unwrap_or(i64::MAX);
                days.push((date, lines));
            }
        }
    }
    Ok(days)
}
