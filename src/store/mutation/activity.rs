//! Counts what is pruned from the ledger: who said how much in which week.

use rusqlite::{Result, params};

use super::Transaction;
use crate::domain::EndpointId;

/// More names are not told apart in one week and place: the rest is counted together, under no name.
const MAX_NAMES: i64 = 1_000;

/// Counts the message, unless it stays because of an open delivery. Private messages are not counted, nor is what the
/// bridge itself has to say.
pub(super) fn count(db: Transaction<'_>, message: i64) -> Result<()> {
    db.execute(
        "INSERT INTO activity
             (week, endpoint, name, account, bot, lines, notices, minutes, hours, first, last)
         SELECT s.week, s.endpoint, IIF(s.fits, s.author, ''), IIF(s.fits, s.account, ''),
             IIF(s.fits, s.bot, 0), 1, s.kind = 2, 1 << (s.sent_at / 60000 % 60), 1, s.sent_at, s.sent_at
         FROM (
             SELECT m.*, EXISTS (
                     SELECT 1 FROM activity a WHERE a.week = m.week AND a.endpoint = m.endpoint
                         AND a.name = m.author AND a.account = m.account
                 ) OR (
                     SELECT COUNT(*) FROM activity a WHERE a.week = m.week AND a.endpoint = m.endpoint
                 ) < ?2 AS fits
             FROM (
                 SELECT m.endpoint, m.author, COALESCE(m.account, '') AS account, m.bot, m.kind,
                     MAX(m.sent_at, 0) AS sent_at, (MAX(m.sent_at, 0) + 259200000) / 604800000 AS week
                 FROM message m JOIN endpoint p ON p.id = m.endpoint
                 WHERE m.id = ?1 AND m.author <> '' AND p.name NOT GLOB '*/@*' AND NOT EXISTS (
                     SELECT 1 FROM delivery WHERE message = ?1 AND state < 3)
             ) m
         ) s WHERE true
         ON CONFLICT DO UPDATE SET
             bot = MAX(bot, excluded.bot), lines = lines + 1, notices = notices + excluded.notices,
             minutes = minutes | excluded.minutes,
             hours = hours + (excluded.last / 3600000 <> last / 3600000),
             first = MIN(first, excluded.first), last = MAX(last, excluded.last)",
        params![message, MAX_NAMES],
    )
}

/// Moves the counts of the room `before` to the room `id`.
pub(super) fn merge_rooms(db: Transaction<'_>, id: EndpointId, before: EndpointId) -> Result<()> {
    db.execute(
        "INSERT INTO activity
             (week, endpoint, name, account, bot, lines, notices, minutes, hours, first, last)
         SELECT week, ?1, name, account, bot, lines, notices, minutes, hours, first, last
         FROM activity WHERE endpoint = ?2
         ON CONFLICT DO UPDATE SET
             bot = MAX(bot, excluded.bot), lines = lines + excluded.lines,
             notices = notices + excluded.notices, minutes = minutes | excluded.minutes,
             hours = hours + excluded.hours,
             first = MIN(first, excluded.first), last = MAX(last, excluded.last)",
        params![id.0, before.0],
    )?;
    db.execute("DELETE FROM activity WHERE endpoint = ?1", params![before.0])
}

/// Forgets the oldest week, if there are several.
pub(super) fn forget_oldest_week(db: Transaction<'_>) -> Result<()> {
    db.execute(
        "DELETE FROM activity WHERE week = (SELECT MIN(week) FROM activity)
             AND week < (SELECT MAX(week) FROM activity)",
        &[],
    )
}
