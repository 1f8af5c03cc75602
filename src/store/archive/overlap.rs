//! Lines that are in the archive from elsewhere: imported ones that the bridge has heard itself, and the other way round.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{first_number, last_number};
use super::words::{fold_name, folded};
use super::{LineOrigin, NewArchiveLine};
use crate::domain::LogPrecision;

/// How far the clocks of the bridge and of a client may be apart.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(90);

/// How far a time that was derived from others may be off.
const MAX_GUESS: SignedDuration = SignedDuration::from_mins(15);

/// Whether this line is there from elsewhere. Each line answers for one other only, and that is remembered, so that an
/// import can be repeated.
pub(super) fn is_known(
    db: &Connection,
    line: &NewArchiveLine,
    (at, place): (Timestamp, i64),
) -> rusqlite::Result<bool> {
    let (millisecond, digest) = (line.id.millisecond(), line.id.digest().cast_signed());
    if line.author.is_none() {
        return Ok(false);
    }
    let room = line.room.0;
    let (first, last): (Option<i64>, Option<i64>) = db
        .prepare_cached("SELECT MIN(heard_first), MAX(heard_last) FROM room_place WHERE room = ?1")?
        .query_row([room], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (first, last, epoch) = match (line.origin, first, last) {
        (LineOrigin::Imported, Some(first), Some(last)) => (first, last, None),
        (LineOrigin::Imported, ..) => return Ok(false),
        (LineOrigin::Heard { epoch, .. }, ..) => (i64::MIN, i64::MAX, Some(epoch)),
    };
    let (from, to) = window(line.precision, at);
    if to < first || from > last {
        return Ok(false);
    }
    let known = "SELECT 1 FROM overlap WHERE at = ?1 AND digest = ?2";
    let is_known = db
        .prepare_cached(known)?
        .query_row([millisecond, digest], |_| Ok(()))
        .optional()?
        .is_some();
    if is_known {
        return Ok(true);
    }
    let Some(number) = nearest(db, line, (at, place), (from, to), epoch)? else {
        return Ok(false);
    };
    db.prepare_cached("INSERT INTO overlap (at, digest, line) VALUES (?1, ?2, ?3)")?.execute([
        millisecond,
        digest,
        number,
    ])?;
    Ok(true)
}

/// The numbers that the same line can have elsewhere.
fn window(precision: LogPrecision, at: Timestamp) -> (i64, i64) {
    let reach = match precision {
        LogPrecision::Exact => MAX_CLOCK_SKEW,
        LogPrecision::Minute => MAX_CLOCK_SKEW + SignedDuration::from_mins(1),
        LogPrecision::Guessed => MAX_GUESS,
    };
    let from = first_number(at.saturating_sub(reach).unwrap_or(at));
    (from, last_number(first_number(at.saturating_add(reach).unwrap_or(at))))
}

/// The number of the nearest line from elsewhere that is this one, and answers for no other yet.
fn nearest(
    db: &Connection,
    line: &NewArchiveLine,
    (at, place): (Timestamp, i64),
    (from, to): (i64, i64),
    epoch: Option<i64>,
) -> rusqlite::Result<Option<i64>> {
    let author = line.author.as_ref().map_or("", |author| &author.name);
    let room = line.room.0;
    // An imported line is compared with those that were heard; one that was heard with those that were imported, and
    // those that were heard before the ledger was restored.
    let mut statement = db.prepare_cached(
        "SELECT l.id, l.place, s.folded, l.text FROM line l JOIN speaker s ON s.id = l.speaker
         WHERE l.room = ?1 AND l.id BETWEEN ?2 AND ?3 AND l.epoch IS NOT ?4
             AND NOT EXISTS (SELECT 1 FROM overlap o WHERE o.line = l.id) ORDER BY l.id",
    )?;
    let said = LineWords { author: fold_name(author).into_owned(), text: comparable(&line.text) };
    let mut rows = statement.query(params![room, from, to, epoch])?;
    // The nearest in time.
    let mut found: Option<(u64, i64)> = None;
    while let Some(row) = rows.next()? {
        let (number, heard_place): (i64, i64) = (row.get(0)?, row.get(1)?);
        let text: String = row.get(3)?;
        let heard = LineWords { author: row.get(2)?, text: comparable(&text) };
        let is_same = if heard_place == place { said == heard } else { said.is_copy_of(&heard) };
        let distance = number.abs_diff(first_number(at));
        if is_same && found.is_none_or(|(nearest, _)| distance < nearest) {
            found = Some((distance, number));
        }
    }
    Ok(found.map(|(_, number)| number))
}

/// Author and text of a line, to be compared.
#[derive(PartialEq, Eq)]
struct LineWords {
    author: String,
    text: String,
}

impl LineWords {
    /// Whether this line of a channel is the bridge's copy of one that was heard elsewhere in the room: under the
    /// author's nick, or by the bridge with the name in front.
    fn is_copy_of(&self, heard: &Self) -> bool {
        if self.text == heard.text {
            return self.author.contains(&heard.author);
        }
        let Some(front) = self.text.strip_suffix(&heard.text) else { return false };
        !heard.text.is_empty() && comparable(front).contains(&comparable(&heard.author))
    }
}

/// A text in the words that all logs agree about. One without words, such as `:-)`, is as it is.
fn comparable(text: &str) -> String {
    let words = folded(text);
    if words.is_empty() {
        return text
            .chars()
            .filter(|letter| !letter.is_control())
            .collect::<String>()
            .trim()
            .to_owned();
    }
    words
}
