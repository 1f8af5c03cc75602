//! The tables of Quassel's core with SQLite, as `src/core/SQL/SQLite` of <https://github.com/quassel/quassel> makes them.

use rusqlite::types::ValueRef;

use super::cells::Cells;
use super::program::{ForeignProgram, RowContext, bounded};
use super::quassel_message::QuasselMessage;
use crate::domain::{DatabaseFormat, LogEvent};

/// From this version of its tables on, Quassel counts milliseconds and not seconds.
const FIRST_WITH_MILLISECONDS: i64 = 31;

/// A time above this is in milliseconds, whatever the version: it would be in the year 5138.
const LATEST_SECOND: i64 = 100_000_000_000;

pub(super) const QUASSEL: ForeignProgram = ForeignProgram {
    format: DatabaseFormat::Quassel,
    name: "Quassel",
    tables: &[
        ("backlog", &["messageid", "time", "bufferid", "type", "flags", "senderid", "message"]),
        ("buffer", &["bufferid", "userid", "networkid", "buffername", "buffertype"]),
        ("network", &["networkid", "networkname"]),
        ("sender", &["senderid", "sender"]),
        ("quasseluser", &["userid", "username"]),
    ],
    version: Some("SELECT CAST(value AS INTEGER) FROM coreinfo WHERE key = 'schemaversion'"),
    // The types are channel, query and group; what a server says is in none of them.
    channels: concat!(
        "SELECT ",
        bounded!("COALESCE(n.networkname, 'network ' || c.networkid)", 1024),
        ", ",
        bounded!("c.buffername", 1024),
        ", ",
        bounded!("u.username", 1024),
        ", c.buffertype <> 2, (SELECT COUNT(*) FROM backlog b WHERE b.bufferid = c.bufferid) AS rows, c.bufferid
         FROM buffer c LEFT JOIN network n ON n.networkid = c.networkid LEFT JOIN quasseluser u ON u.userid = c.userid
         WHERE c.buffertype IN (2, 4, 8) AND rows > 0"
    ),
    times: "SELECT messageid, time FROM backlog WHERE bufferid = ?1",
    time: milliseconds,
    columns: concat!(
        "m.messageid, m.type, m.flags, ",
        bounded!("s.sender", 65536),
        ", ",
        bounded!("m.message", 65536)
    ),
    joins: "LEFT JOIN backlog m ON m.messageid = o.id LEFT JOIN sender s ON s.senderid = m.senderid",
    events,
};

fn milliseconds(time: ValueRef<'_>, version: Option<i64>) -> Option<i64> {
    let ValueRef::Integer(time) = time else { return None };
    match version {
        Some(FIRST_WITH_MILLISECONDS..) => Some(time),
        Some(_) => time.checked_mul(1_000),
        None if time > LATEST_SECOND => Some(time),
        None => time.checked_mul(1_000),
    }
}

fn events(cells: &Cells<'_>, _: &RowContext<'_>) -> Result<Vec<LogEvent>, String> {
    let sender = cells.text(5, "sender")?;
    let text = cells.beginning(7, "message")?;
    let (kind, flags) = (cells.number(3, "type")?, cells.number(4, "flags")?);
    QuasselMessage { kind, flags, sender: &sender, text: &text }.events()
}
