//! What was taken out and must not come back, and the digests by which it is known.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

use super::words::{fold_name, folded};
use super::{NewArchiveLine, PersonMark};

/// How far another log's time of the same line may be off.
pub(super) const REACH: SignedDuration = SignedDuration::from_mins(15);

/// What must not come back.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// Times of lines by room and digest.
    lines: HashMap<(i64, i64), Vec<i64>>,
    /// Until when, by the digest of a name or a mark.
    names: HashMap<i64, i64>,
}

impl Refusals {
    pub(super) fn read(db: &Connection) -> rusqlite::Result<Self> {
        let mut refusals = Self::default();
        let mut statement = db.prepare_cached("SELECT room, digest, at FROM refused_line")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let key = (row.get(0)?, row.get(1)?);
            refusals.lines.entry(key).or_default().push(row.get(2)?);
        }
        let mut statement = db.prepare_cached("SELECT digest, until FROM refused_name")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            refusals.names.insert(row.get(0)?, row.get(1)?);
        }
        Ok(refusals)
    }

    /// Whether the line is one that was taken out.
    pub(super) fn has(&self, line: &NewArchiveLine, at: Timestamp) -> bool {
        self.has_author(line, at.as_millisecond()) || self.has_line(line, at.as_millisecond())
    }

    fn has_author(&self, line: &NewArchiveLine, at: i64) -> bool {
        let Some(author) = line.author.as_ref().filter(|_| !self.names.is_empty()) else {
            return false;
        };
        let is_refused = |digest| self.names.get(&digest).is_some_and(|until| at <= *until);
        is_refused(name_digest(&author.scope, &author.name))
            || author.marks.sure.iter().any(|mark| is_refused(mark_digest(&mark.key())))
    }

    fn has_line(&self, line: &NewArchiveLine, at: i64) -> bool {
        if self.lines.is_empty() {
            return false;
        }
        let author = line.author.as_ref().map_or("", |author| &author.name);
        let times = self.lines.get(&(line.room.0, line_digest(author, &line.text)));
        let reach = REACH.as_millis();
        times.is_some_and(|times| times.iter().any(|time| i128::from(time.abs_diff(at)) <= reach))
    }

    /// Whether the mark is one of somebody who was taken out. They may speak again later.
    pub(super) fn has_mark(&self, mark: &PersonMark) -> bool {
        let has = |digest| self.names.contains_key(&digest);
        has(mark_digest(&mark.key()))
            || matches!(mark, PersonMark::Nick { network, nick } if has(name_digest(network, nick)))
    }

    /// Whether nobody was taken out.
    pub(super) fn is_without_names(&self) -> bool {
        self.names.is_empty()
    }
}

/// Refuses a line from now on.
pub(super) fn refuse_line(
    db: &Connection,
    room: i64,
    (at, digest): (i64, i64),
) -> rusqlite::Result<()> {
    let sql =
        "INSERT INTO refused_line (room, at, digest) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    db.prepare_cached(sql)?.execute([room, at, digest]).map(drop)
}

/// Whether exactly this line is refused.
pub(super) fn is_line_refused(
    db: &Connection,
    room: i64,
    (at, digest): (i64, i64),
) -> rusqlite::Result<bool> {
    let sql =
        "SELECT EXISTS (SELECT 1 FROM refused_line WHERE room = ?1 AND at = ?2 AND digest = ?3)";
    db.prepare_cached(sql)?.query_row([room, at, digest], |row| row.get(0))
}

/// Refuses from now on what was said under a name, or by who has a mark, until then.
pub(super) fn refuse_name(
    db: &Connection,
    digest: i64,
    (until, redaction): (i64, i64),
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO refused_name (digest, until, redaction) VALUES (?1, ?2, ?3)
               ON CONFLICT DO UPDATE SET until = MAX(until, ?2)";
    db.prepare_cached(sql)?.execute(params![digest, until, redaction]).map(drop)
}

/// A digest that is too short to tell a text by trying many.
fn short_digest(parts: &[&str]) -> i64 {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    let digest = digest.finalize();
    i64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
}

/// Of a line; `author` is empty if nobody said it.
pub(super) fn line_digest(author: &str, text: &str) -> i64 {
    short_digest(&["line", &fold_name(author), &folded(text)])
}

/// Of a name on a network, or in Let's Chat.
pub(super) fn name_digest(scope: &str, name: &str) -> i64 {
    short_digest(&["name", scope, &fold_name(name)])
}

/// Of a mark by which somebody is recognised, as it stands in the table.
pub(super) fn mark_digest(key: &str) -> i64 {
    short_digest(&["mark", key])
}
