//! Taking lines out for everybody: the text is gone from the file, a trace stays, and imports do not bring it back.
//!
//! What is to be taken out is written down first, without texts and names, so that other archives of the same bridge obey it
//! as well. A line is found there by its time, author and text: the logs and clocks of two machines differ a little.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::super::{RedactedItems, RedactedLine, RedactionOrder, SharedRedaction};
use super::columns::{NumberedLine, SELECT_LINES, first_number, last_number, line_from_row};
use super::lines::find;
use super::people;
use super::refusals::{
    REACH, is_line_refused, line_digest, mark_digest, name_digest, refuse_line, refuse_name,
};
use super::speakers::{self, NamedSpeaker};
use super::words::{index_text, speaker_term};
use super::{
    Archive, ArchiveError, ArchiveLineId, ArchiveLineState, ArchivePerson, ArchivePersonId,
};

/// So many lines are taken out in one transaction.
const LINES_PER_BATCH: i64 = 200;

impl Archive {
    /// What it is to take out the lines with these addresses, in all rooms that they were mirrored to; and for each address
    /// how many lines that are: 0 if there is no such line, or it is taken out already.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn plan_lines(
        &self,
        ids: &[ArchiveLineId],
        order: &RedactionOrder,
    ) -> Result<(SharedRedaction, Vec<u64>), ArchiveError> {
        let mut items = RedactedItems::default();
        let mut counts = Vec::new();
        for id in ids {
            let before = items.lines.len();
            for found in with_twins(&self.connection, *id)? {
                if found.line.state == ArchiveLineState::Shown {
                    items.lines.push(described(&self.connection, &found)?);
                }
            }
            counts.push(u64::try_from(items.lines.len() - before).unwrap_or(0));
        }
        Ok((SharedRedaction::new(order, items), counts))
    }

    /// The people with this name: `dave`, or `libera/dave` for a name on one network only.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn people_named(&self, name: &str) -> Result<Vec<ArchivePerson>, ArchiveError> {
        people::with_name(&self.connection, name)
    }

    /// What it is to take out all that this person has said until now, with their names; and how many lines that are. What
    /// they say from now on is archived.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn plan_person(
        &self,
        person: ArchivePersonId,
        order: &RedactionOrder,
    ) -> Result<(SharedRedaction, u64), ArchiveError> {
        let mut items = RedactedItems::default();
        let mut count: i64 = 0;
        for speaker in speakers::of_person(&self.connection, person)? {
            items.names.push(name_digest(&speaker.scope, &speaker.name));
            let sql = "SELECT count(*) FROM word WHERE word MATCH ?1";
            let term = quoted_term(speaker.id);
            count += self.connection.query_row(sql, [term], |row| row.get::<_, i64>(0))?;
        }
        let marks = people::keys_of(&self.connection, person)?;
        items.marks = marks.iter().map(|key| mark_digest(key)).collect();
        items.names.sort_unstable();
        items.names.dedup();
        Ok((SharedRedaction::new(order, items), count.max(0).unsigned_abs()))
    }

    /// Takes out what was planned in another archive, or for lines of this one. Returns how many lines that are.
    ///
    /// # Errors
    /// When the archive cannot be written. What was taken out until then stays so, and it can be repeated.
    pub fn redact(&mut self, redaction: &SharedRedaction) -> Result<u64, ArchiveError> {
        let speakers = speakers::matching(&self.connection, &redaction.items)?;
        let until = last_number(first_number(redaction.order.at));
        self.carry_out(redaction, &speakers, until)
    }

    /// Takes out what was planned for this person here: whatever the time of their lines. Returns how many lines that are.
    ///
    /// # Errors
    /// Those of [`Archive::redact`].
    pub fn redact_person(
        &mut self,
        person: ArchivePersonId,
        redaction: &SharedRedaction,
    ) -> Result<u64, ArchiveError> {
        let speakers = speakers::of_person(&self.connection, person)?;
        self.carry_out(redaction, &speakers, i64::MAX)
    }

    fn carry_out(
        &mut self,
        redaction: &SharedRedaction,
        speakers: &[NamedSpeaker],
        until: i64,
    ) -> Result<u64, ArchiveError> {
        let path = self.path().to_owned();
        self.take_out(redaction, speakers, until).map_err(|error| error.named(&path))
    }

    fn take_out(
        &mut self,
        redaction: &SharedRedaction,
        speakers: &[NamedSpeaker],
        until: i64,
    ) -> Result<u64, ArchiveError> {
        let SharedRedaction { order, items, .. } = redaction;
        let transaction = self.begin()?;
        let number = record(&transaction, redaction)?;
        let mut count = 0;
        for line in &items.lines {
            count += erase_everywhere(&transaction, line, number)?;
        }
        let names = speakers.iter().map(|speaker| name_digest(&speaker.scope, &speaker.name));
        for digest in names.chain(items.names.iter().chain(&items.marks).copied()) {
            refuse_name(&transaction, digest, (order.at.as_millisecond(), number))?;
        }
        transaction.commit()?;
        for speaker in speakers {
            loop {
                let found = self.erase_some(speaker.id, until, number)?;
                if found == 0 {
                    break;
                }
                count += found;
            }
        }
        let transaction = self.begin()?;
        speakers::forget(&transaction, speakers)?;
        transaction.execute("UPDATE redaction SET done = 1 WHERE id = ?1", [number])?;
        transaction.commit()?;
        self.forget_log()?;
        Ok(count)
    }

    fn begin(&mut self) -> rusqlite::Result<Transaction<'_>> {
        self.connection.transaction_with_behavior(TransactionBehavior::Immediate)
    }

    /// Takes out some lines of a speaker, up to this number. Returns how many.
    fn erase_some(
        &mut self,
        speaker: i64,
        until: i64,
        redaction: i64,
    ) -> Result<u64, ArchiveError> {
        let transaction = self.begin()?;
        let numbers = transaction
            .prepare_cached("SELECT rowid FROM word WHERE word MATCH ?1 AND rowid <= ?2 LIMIT ?3")?
            .query_map(params![quoted_term(speaker), until, LINES_PER_BATCH], |row| row.get(0))?
            .collect::<Result<Vec<i64>, _>>()?;
        let sql = format!("{SELECT_LINES} WHERE l.id = ?1");
        for number in &numbers {
            let line = transaction.prepare_cached(&sql)?.query_row([number], line_from_row)?;
            erase(&transaction, &line, redaction)?;
            let sql = "UPDATE line SET speaker = NULL WHERE id = ?1";
            transaction.prepare_cached(sql)?.execute([number])?;
        }
        transaction.commit()?;
        Ok(u64::try_from(numbers.len()).unwrap_or(0))
    }

    /// Writes everything into the database and empties its log, in which texts may still stand.
    fn forget_log(&self) -> Result<(), ArchiveError> {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }
}

fn quoted_term(speaker: i64) -> String {
    format!("\"{}\"", speaker_term(speaker))
}

/// The line with this address, and the same message in other rooms.
fn with_twins(db: &Connection, id: ArchiveLineId) -> Result<Vec<NumberedLine>, ArchiveError> {
    let Some(found) = find(db, id)? else { return Ok(Vec::new()) };
    let Some(twin) = found.twin else { return Ok(vec![found]) };
    let sql = format!("{SELECT_LINES} WHERE l.id BETWEEN ?1 AND ?2 AND l.twin = ?3");
    let mut statement = db.prepare_cached(&sql)?;
    let first = first_number(found.line.at);
    let twins = statement.query_map([first, last_number(first), twin], line_from_row)?;
    Ok(twins.collect::<Result<_, _>>()?)
}

/// The line in words that other archives understand.
fn described(db: &Connection, found: &NumberedLine) -> rusqlite::Result<RedactedLine> {
    let line = &found.line;
    let sql = "SELECT slug, remote_id FROM room WHERE id = ?1";
    let (room, room_id) =
        db.prepare_cached(sql)?.query_row([line.room.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let digest = line_digest(&line.author, &line.text);
    Ok(RedactedLine { room, room_id, at: line.at.as_millisecond(), digest })
}

/// Records an order, for the trace. Returns its number here, which stays the same if it is repeated.
fn record(db: &Connection, redaction: &SharedRedaction) -> rusqlite::Result<i64> {
    let SharedRedaction { order, token, .. } = redaction;
    db.execute(
        "INSERT INTO redaction (token, at, by, reason) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        params![token, order.at.as_millisecond(), order.by, order.reason],
    )?;
    db.query_row("SELECT id FROM redaction WHERE token = ?1", [token], |row| row.get(0))
}

/// Erases a line that may be in this archive at the same time, or at another one if its logs have it so, and refuses it.
/// Returns how many lines that are.
fn erase_everywhere(
    db: &Connection,
    wanted: &RedactedLine,
    redaction: i64,
) -> Result<u64, ArchiveError> {
    let room = room_of(db, wanted)?;
    let key = (wanted.at, wanted.digest);
    let at = Timestamp::from_millisecond(wanted.at).unwrap_or_default();
    // What was taken out here before is not looked for around its time.
    let reach = if is_line_refused(db, room, key)? { Default::default() } else { REACH };
    let from = first_number(at.saturating_sub(reach).unwrap_or(at));
    let to = last_number(first_number(at.saturating_add(reach).unwrap_or(at)));
    let sql = format!(
        "{SELECT_LINES} WHERE l.room = ?1 AND l.id BETWEEN ?2 AND ?3 AND l.redaction IS NULL"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query([room, from, to])?;
    let mut same = Vec::new();
    while let Some(row) = rows.next()? {
        let found = line_from_row(row)?;
        if line_digest(&found.line.author, &found.line.text) == wanted.digest {
            same.push(found);
        }
    }
    let is_exact = |found: &NumberedLine| found.line.at == at;
    if same.iter().any(is_exact) {
        same.retain(is_exact);
    }
    for found in &same {
        erase(db, found, redaction)?;
        refuse_line(db, room, (found.line.at.as_millisecond(), wanted.digest))?;
    }
    refuse_line(db, room, key)?;
    Ok(u64::try_from(same.len()).unwrap_or(0))
}

/// The number of the room here; made if the archive does not have it yet, so that the line is refused when it comes.
fn room_of(db: &Connection, line: &RedactedLine) -> rusqlite::Result<i64> {
    // A room that has its id is the one, whatever it is called meanwhile.
    let sql = "SELECT id FROM room WHERE remote_id = ?2
                   OR slug = ?1 AND (remote_id IS NULL OR ?2 IS NULL)
               ORDER BY remote_id IS ?2 DESC, remote_id IS NULL, id DESC LIMIT 1";
    let parameters = params![line.room, line.room_id];
    let known = db.prepare_cached(sql)?.query_row(parameters, |row| row.get(0)).optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    db.execute("INSERT INTO room (slug, remote_id) VALUES (?1, ?2)", parameters)?;
    Ok(db.last_insert_rowid())
}

/// Erases a line from both tables.
fn erase(db: &Connection, found: &NumberedLine, redaction: i64) -> rusqlite::Result<()> {
    let speaker = "SELECT speaker FROM line WHERE id = ?1";
    let speaker: Option<i64> =
        db.prepare_cached(speaker)?.query_row([found.number], |row| row.get(0))?;
    let sql = "UPDATE line SET redaction = ?2, text = '' WHERE id = ?1 AND redaction IS NULL";
    if db.prepare_cached(sql)?.execute([found.number, redaction])? == 0 {
        return Ok(());
    }
    let line = &found.line;
    unindex(db, found.number, &index_text(&line.text, line.room.0, speaker))
}

/// Removes a line from the index of words.
pub(super) fn unindex(db: &Connection, number: i64, indexed: &str) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT INTO word (word, rowid, text) VALUES ('delete', ?1, ?2)")?
        .execute(params![number, indexed])?;
    Ok(())
}
