//! How lines are written in the columns of the archive, and read from them.

use jiff::Timestamp;
use rusqlite::Row;

use super::schema::NUMBER_BITS;
use super::{
    ArchiveLine, ArchiveLineId, ArchiveLineKind, ArchiveLineState, ArchivePersonId, ArchiveRoomId,
};
use crate::domain::{LogPrecision, MessageKind};

/// Selects what [`line_from_row`] reads; conditions on `l`, which is a line, follow.
pub(super) const SELECT_LINES: &str = "SELECT l.id, l.digest, l.room, p.name, s.name, s.person, l.kind, l.precision, l.text, r.at, r.by, r.reason, l.twin
     FROM line l JOIN place p ON p.id = l.place LEFT JOIN speaker s ON s.id = l.speaker
     LEFT JOIN redaction r ON r.id = l.redaction";

/// A line with its number, and what it has in common with the same message in other rooms.
#[derive(Debug, Clone)]
pub(super) struct NumberedLine {
    pub(super) number: i64,
    pub(super) twin: Option<i64>,
    pub(super) line: ArchiveLine,
}

/// Reads a line from the columns of [`SELECT_LINES`].
pub(super) fn line_from_row(row: &Row<'_>) -> rusqlite::Result<NumberedLine> {
    let number: i64 = row.get(0)?;
    let at = time_of(number);
    let state = match row.get::<_, Option<i64>>(9)? {
        None => ArchiveLineState::Shown,
        Some(at) => ArchiveLineState::Redacted {
            at: Timestamp::from_millisecond(at).unwrap_or_default(),
            by: row.get(10)?,
            reason: row.get(11)?,
        },
    };
    let line = ArchiveLine {
        id: ArchiveLineId::new(at, row.get::<_, i64>(1)?.cast_unsigned()),
        room: ArchiveRoomId(row.get(2)?),
        at,
        precision: precision_from_sql(row.get(7)?),
        place: row.get(3)?,
        author: row.get::<_, Option<String>>(4)?.unwrap_or_default(),
        person: row.get::<_, Option<i64>>(5)?.map(ArchivePersonId),
        kind: kind_from_sql(row.get(6)?),
        text: row.get(8)?,
        state,
    };
    Ok(NumberedLine { number, twin: row.get(12)?, line })
}

/// The time of the line with this number.
pub(super) fn time_of(number: i64) -> Timestamp {
    Timestamp::from_millisecond(number >> NUMBER_BITS).unwrap_or_default()
}

/// The lowest number of a line at this time.
pub(super) fn first_number(at: Timestamp) -> i64 {
    // Until the year 2248.
    at.as_millisecond().clamp(0, (1 << 43) - 1) << NUMBER_BITS
}

/// The highest number of a line of the same millisecond as `number`.
pub(super) fn last_number(number: i64) -> i64 {
    number | ((1 << NUMBER_BITS) - 1)
}

pub(super) fn kind_to_sql(kind: ArchiveLineKind) -> i64 {
    match kind {
        ArchiveLineKind::Said(MessageKind::Text) => 0,
        ArchiveLineKind::Said(MessageKind::Action) => 1,
        ArchiveLineKind::Said(MessageKind::Notice) => 2,
        ArchiveLineKind::Topic => 3,
        ArchiveLineKind::Event => 4,
    }
}

fn kind_from_sql(kind: i64) -> ArchiveLineKind {
    match kind {
        1 => ArchiveLineKind::Said(MessageKind::Action),
        2 => ArchiveLineKind::Said(MessageKind::Notice),
        3 => ArchiveLineKind::Topic,
        4 => ArchiveLineKind::Event,
        _ => ArchiveLineKind::Said(MessageKind::Text),
    }
}

pub(super) fn precision_to_sql(precision: LogPrecision) -> i64 {
    match precision {
        LogPrecision::Exact => 0,
        LogPrecision::Minute => 1,
        LogPrecision::Guessed => 2,
    }
}

fn precision_from_sql(precision: i64) -> LogPrecision {
    match precision {
        1 => LogPrecision::Minute,
        2 => LogPrecision::Guessed,
        _ => LogPrecision::Exact,
    }
}
