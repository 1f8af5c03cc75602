//! Taking lines out for everybody: the text is gone from the file, a trace stays, and imports do not bring it back.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use super::columns::{NumberedLine, SELECT_LINES, line_from_row};
use super::lines::find;
use super::people;
use super::words::{fold_name, folded, index_text};
use super::{Archive, ArchiveError, ArchiveLineId, ArchivePerson, ArchivePersonId, NewArchiveLine};

/// How far another log's time of the same line may be off.
const REACH: SignedDuration = SignedDuration::from_mins(15);

/// So many lines are taken out in one transaction.
const LINES_PER_BATCH: i64 = 200;

/// Who takes something out, when, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactionOrder {
    /// By whom, as everybody will read it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why, as everybody will read it.
    pub reason: Option<String>,
}

/// What must not come back.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// Times of lines by room and digest.
    lines: HashMap<(i64, i64), Vec<i64>>,
    /// Until when, by the digest of a name.
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
        let Some(author) = line.author.as_ref() else { return false };
        if !self.names.is_empty() {
            let until = self.names.get(&name_digest(&author.scope, &author.name));
            if until.is_some_and(|until| at.as_millisecond() <= *until) {
                return true;
            }
        }
        if self.lines.is_empty() {
            return false;
        }
        let times = self.lines.get(&(line.room.0, line_digest(&author.name, &line.text)));
        let reach = REACH.as_millis();
        times.is_some_and(|times| {
            times.iter().any(|time| i128::from(time.abs_diff(at.as_millisecond())) <= reach)
        })
    }
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

fn line_digest(author: &str, text: &str) -> i64 {
    short_digest(&["line", &fold_name(author), &folded(text)])
}

fn name_digest(scope: &str, name: &str) -> i64 {
    short_digest(&["name", scope, &fold_name(name)])
}

impl Archive {
    /// Takes out the line with this address, in all rooms that it was mirrored to. Returns how many lines that are: 0 if
    /// there is no such line, or it is taken out already.
    ///
    /// # Errors
    /// When the archive cannot be written.
    pub fn redact_line(
        &mut self,
        id: ArchiveLineId,
        order: &RedactionOrder,
    ) -> Result<u64, ArchiveError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let Some(found) = find(&transaction, id)? else { return Ok(0) };
        let mut lines = vec![found.clone()];
        if let Some(twin) = found.twin {
            let (first, last) =
                (found.number >> 20 << 20, super::columns::last_number(found.number));
            let sql = format!("{SELECT_LINES} WHERE l.id BETWEEN ?1 AND ?2 AND l.twin = ?3");
            let mut statement = transaction.prepare(&sql)?;
            let twins = statement.query_map([first, last, twin], line_from_row)?;
            lines = twins.collect::<Result<_, _>>()?;
        }
        let redaction = record(&transaction, order)?;
        let mut count = 0;
        for line in &lines {
            if erase(&transaction, line, redaction, true)? {
                count += 1;
            }
        }
        if count > 0 {
            transaction.commit()?;
            self.forget_log()?;
        }
        Ok(count)
    }

    /// The people with this name: `dave`, or `libera/dave` for a name on one network only.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn people_named(&self, name: &str) -> Result<Vec<ArchivePerson>, ArchiveError> {
        people::with_name(&self.connection, name)
    }

    /// Takes out all that this person has said until now, with their names. What they say from now on is archived. Returns
    /// how many lines that are. `progress` is told the number so far.
    ///
    /// # Errors
    /// When the archive cannot be written. What was taken out until then stays so, and the order can be repeated.
    pub fn redact_person(
        &mut self,
        person: ArchivePersonId,
        order: &RedactionOrder,
        mut progress: impl FnMut(u64),
    ) -> Result<u64, ArchiveError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let redaction = record(&transaction, order)?;
        let sql = "SELECT id, scope, name FROM speaker WHERE person = ?1";
        let speakers = transaction
            .prepare(sql)?
            .query_map([person.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<Vec<(i64, String, String)>, _>>()?;
        for (_, scope, name) in &speakers {
            transaction.execute(
                "INSERT INTO refused_name (digest, until, redaction) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET until = MAX(until, ?2)",
                params![name_digest(scope, name), order.at.as_millisecond(), redaction],
            )?;
        }
        transaction.commit()?;
        let mut count = 0;
        for (speaker, ..) in &speakers {
            loop {
                let found = self.erase_some(*speaker, redaction)?;
                if found == 0 {
                    break;
                }
                count += found;
                progress(count);
            }
        }
        let speakers: HashSet<i64> = speakers.into_iter().map(|(id, ..)| id).collect();
        self.forget_names(person, &speakers)?;
        self.forget_log()?;
        Ok(count)
    }

    /// Takes out some lines of a speaker. Returns how many.
    fn erase_some(&mut self, speaker: i64, redaction: i64) -> Result<u64, ArchiveError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let numbers = transaction
            .prepare_cached("SELECT rowid FROM word WHERE word MATCH ?1 LIMIT ?2")?
            .query_map(
                params![format!("\"{}\"", super::words::speaker_term(speaker)), LINES_PER_BATCH],
                |row| row.get(0),
            )?
            .collect::<Result<Vec<i64>, _>>()?;
        let sql = format!("{SELECT_LINES} WHERE l.id = ?1");
        for number in &numbers {
            let line = transaction.prepare_cached(&sql)?.query_row([number], line_from_row)?;
            erase(&transaction, &line, redaction, false)?;
            let sql = "UPDATE line SET speaker = NULL WHERE id = ?1";
            transaction.prepare_cached(sql)?.execute([number])?;
        }
        transaction.commit()?;
        Ok(u64::try_from(numbers.len()).unwrap_or(0))
    }

    /// Forgets the names that a person had.
    fn forget_names(
        &mut self,
        person: ArchivePersonId,
        speakers: &HashSet<i64>,
    ) -> Result<(), ArchiveError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for speaker in speakers {
            // Lines that were taken out one by one before.
            transaction.execute(
                "UPDATE line SET speaker = NULL WHERE speaker = ?1 AND redaction IS NOT NULL",
                [speaker],
            )?;
            transaction.execute("DELETE FROM speaker_room WHERE speaker = ?1", [speaker])?;
            transaction.execute(
                "DELETE FROM speaker WHERE id = ?1
                     AND NOT EXISTS (SELECT 1 FROM line WHERE speaker = ?1)",
                [speaker],
            )?;
        }
        transaction.execute("DELETE FROM person_key WHERE person = ?1", [person.0])?;
        let sql = "DELETE FROM person WHERE id = ?1
                       AND NOT EXISTS (SELECT 1 FROM speaker WHERE person = ?1)";
        transaction.execute(sql, [person.0])?;
        transaction.commit()?;
        Ok(())
    }

    /// Writes everything into the database and empties its log, in which texts may still stand.
    fn forget_log(&self) -> Result<(), ArchiveError> {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }
}

/// Records an order, for the trace.
fn record(db: &Transaction<'_>, order: &RedactionOrder) -> rusqlite::Result<i64> {
    db.execute(
        "INSERT INTO redaction (at, by, reason) VALUES (?1, ?2, ?3)",
        params![order.at.as_millisecond(), order.by, order.reason],
    )?;
    Ok(db.last_insert_rowid())
}

/// Erases a line from both tables; `refuse` tells whether an import must not bring it back. Returns whether it was shown.
fn erase(
    db: &Transaction<'_>,
    found: &NumberedLine,
    redaction: i64,
    refuse: bool,
) -> rusqlite::Result<bool> {
    let sql = "UPDATE line SET redaction = ?2, text = '' WHERE id = ?1 AND redaction IS NULL";
    let speaker = "SELECT speaker FROM line WHERE id = ?1";
    let speaker: Option<i64> =
        db.prepare_cached(speaker)?.query_row([found.number], |row| row.get(0))?;
    if db.prepare_cached(sql)?.execute([found.number, redaction])? == 0 {
        return Ok(false);
    }
    let line = &found.line;
    unindex(db, found.number, &index_text(&line.text, line.room.0, speaker))?;
    if refuse {
        db.prepare_cached(
            "INSERT INTO refused_line (room, at, digest) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            line.room.0,
            line.at.as_millisecond(),
            line_digest(&line.author, &line.text)
        ])?;
    }
    Ok(true)
}

/// Removes a line from the index of words.
pub(super) fn unindex(db: &Connection, number: i64, indexed: &str) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT INTO word (word, rowid, text) VALUES ('delete', ?1, ?2)")?
        .execute(params![number, indexed])?;
    Ok(())
}
