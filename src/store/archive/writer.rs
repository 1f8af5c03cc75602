//! Writing the archive: one program at a time, in transactions that are short enough for the others.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::columns::{first_number, kind_to_sql, last_number, precision_to_sql};
use super::days::quarter_of;
use super::open::OpenedFile;
use super::people::{self, PersonMarks};
use super::refusals::Refusals;
use super::words::index_text;
use super::{ArchiveError, ArchiveLineId, ArchiveLineKind, ArchiveRoomId, open, overlap};
use crate::domain::LogPrecision;

/// More names are looked up again.
const MAX_REMEMBERED: usize = 50_000;

/// A longer text is cut.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// A line to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewArchiveLine {
    /// Its address, with its time.
    pub id: ArchiveLineId,
    /// The same for a message in each of the rooms that it was mirrored to; `None` if it can be in one only.
    pub twin: Option<u64>,
    /// The room whose history it belongs to.
    pub room: ArchiveRoomId,
    /// Where it was said: `libera/#tea`, `letschat/tea`.
    pub place: String,
    /// Who said it; `None` if nobody did.
    pub author: Option<NewSpeaker>,
    /// How exactly its time is known.
    pub precision: LogPrecision,
    /// What kind of line it is.
    pub kind: ArchiveLineKind,
    /// What was said.
    pub text: String,
    /// Where it comes from.
    pub origin: LineOrigin,
}

/// Where a line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineOrigin {
    /// A log.
    Imported,
    /// The bridge heard it.
    Heard {
        /// When the ledger was last restored from a backup, in milliseconds since 1970; 0 if it never was.
        epoch: i64,
        /// Whether it was said some time ago, so that it may be in an imported log, or was heard before a restoration.
        is_late: bool,
    },
}

/// Who said a line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NewSpeaker {
    /// The network, or `letschat`.
    pub scope: String,
    /// The name used then.
    pub name: String,
    /// The name by which the person is shown, if they are new.
    pub person_name: String,
    /// Who that is.
    pub marks: PersonMarks,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineOutcome {
    /// It was added.
    Added,
    /// It is there already.
    Known,
    /// It is there from elsewhere: from a log what the bridge has heard, or the other way round.
    Elsewhere,
    /// It was taken out before.
    Refused,
}

/// Write access to the archive.
#[derive(Debug)]
pub struct Archive {
    pub(super) connection: Connection,
    file: OpenedFile,
    memory: Memory,
}

/// What was looked up before.
#[derive(Debug, Default)]
struct Memory {
    places: HashMap<String, i64>,
    speakers: HashMap<NewSpeaker, i64>,
    /// The speakers and places that are known to be of a room.
    in_rooms: BTreeSet<(i64, i64)>,
    of_rooms: BTreeSet<(i64, i64)>,
}

/// Lines that are added in one transaction.
#[derive(Debug)]
pub struct ArchiveBatch<'a> {
    pub(super) transaction: Transaction<'a>,
    memory: &'a mut Memory,
    counts: BTreeMap<(i64, i64), i64>,
    refusals: Refusals,
}

impl Archive {
    /// Opens the archive in `state_dir`, making it if there is none.
    ///
    /// # Errors
    /// When it cannot be made, or this version cannot use it.
    pub fn open_or_make(state_dir: &Path) -> Result<Self, ArchiveError> {
        Self::opened(state_dir, true)
    }

    /// Opens the archive in `state_dir`.
    ///
    /// # Errors
    /// When there is none, or this version cannot use it.
    pub fn open(state_dir: &Path) -> Result<Self, ArchiveError> {
        Self::opened(state_dir, false)
    }

    fn opened(state_dir: &Path, make: bool) -> Result<Self, ArchiveError> {
        let (connection, file) = open::open_to_write(state_dir, make)?;
        let memory = Memory::default();
        Ok(Self { connection, file, memory })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Checks that the file was not removed or replaced.
    ///
    /// # Errors
    /// When it was, so that what is written would be lost.
    pub fn check_still_there(&self) -> Result<(), ArchiveError> {
        if self.file.is_still_there() {
            return Ok(());
        }
        Err(ArchiveError::Gone(self.file.path.clone()))
    }

    /// Adds lines in one transaction: all of them, or none if `fill` fails.
    ///
    /// # Errors
    /// When the archive cannot be written.
    pub fn batch<T>(
        &mut self,
        fill: impl FnOnce(&mut ArchiveBatch<'_>) -> Result<T, ArchiveError>,
    ) -> Result<T, ArchiveError> {
        let path = self.file.path.clone();
        let outcome = self.filled(fill).map_err(|error| error.named(&path));
        if outcome.is_err() {
            // It may remember what was rolled back.
            self.memory = Memory::default();
        }
        outcome
    }

    fn filled<T>(
        &mut self,
        fill: impl FnOnce(&mut ArchiveBatch<'_>) -> Result<T, ArchiveError>,
    ) -> Result<T, ArchiveError> {
        let Self { connection, memory, .. } = self;
        // Another program may have joined people, or taken out what it remembers.
        memory.speakers.clear();
        memory.in_rooms.clear();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let refusals = Refusals::read(&transaction)?;
        let mut batch = ArchiveBatch { transaction, memory, counts: BTreeMap::new(), refusals };
        let outcome = fill(&mut batch)?;
        batch.write_counts()?;
        batch.transaction.commit()?;
        Ok(outcome)
    }
}

impl ArchiveBatch<'_> {
    /// The room with this slug and, if that is known, this id in Let's Chat; added if there is none. A room whose slug has
    /// changed is found by its id; a room of the same slug with another id is another room.
    ///
    /// # Errors
    /// When the archive cannot be written.
    pub fn room(
        &mut self,
        slug: &str,
        remote_id: Option<&str>,
    ) -> Result<ArchiveRoomId, ArchiveError> {
        let db = &self.transaction;
        if let Some(remote_id) = remote_id {
            let known = "SELECT id, slug FROM room WHERE remote_id = ?1";
            let known = db.prepare_cached(known)?.query_row([remote_id], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            });
            if let Some((id, known_slug)) = known.optional()? {
                // A room may be configured by its id.
                if known_slug != slug && slug != remote_id {
                    db.execute("UPDATE room SET slug = ?2 WHERE id = ?1", params![id, slug])?;
                }
                return Ok(ArchiveRoomId(id));
            }
        }
        let sql =
            "SELECT id, remote_id FROM room WHERE slug = ?1 AND (remote_id IS NULL OR ?2 IS NULL)
                   ORDER BY remote_id IS NULL, id DESC";
        let known = db.prepare_cached(sql)?.query_row(params![slug, remote_id], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?))
        });
        if let Some((id, known_remote)) = known.optional()? {
            if known_remote.is_none() && remote_id.is_some() {
                let sql = "UPDATE room SET remote_id = ?2 WHERE id = ?1";
                db.execute(sql, params![id, remote_id])?;
            }
            return Ok(ArchiveRoomId(id));
        }
        let sql = "INSERT INTO room (slug, remote_id) VALUES (?1, ?2)";
        db.execute(sql, params![slug, remote_id])?;
        Ok(ArchiveRoomId(db.last_insert_rowid()))
    }

    /// Adds a line, unless it is there, was heard, or was taken out.
    ///
    /// # Errors
    /// When the archive cannot be written.
    pub fn add(&mut self, line: &NewArchiveLine) -> Result<LineOutcome, ArchiveError> {
        let at = Timestamp::from_millisecond(line.id.millisecond()).unwrap_or_default();
        let first = first_number(at);
        let digest = line.id.digest().cast_signed();
        let (is_known, highest): (bool, Option<i64>) = self
            .transaction
            .prepare_cached(
                "SELECT COALESCE(MAX(digest = ?3), 0), MAX(id) FROM line WHERE id BETWEEN ?1 AND ?2",
            )?
            .query_row(params![first, last_number(first), digest], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        if is_known {
            return Ok(LineOutcome::Known);
        }
        if self.refusals.has(line, at) {
            return Ok(LineOutcome::Refused);
        }
        let place = self.place(&line.place)?;
        let may_be_known = !matches!(line.origin, LineOrigin::Heard { is_late: false, .. });
        if may_be_known && overlap::is_known(&self.transaction, line, (at, place))? {
            return Ok(LineOutcome::Elsewhere);
        }
        let speaker = line.author.as_ref().map(|author| self.speaker(author)).transpose()?;
        let number = highest.map_or(first, |highest| highest + 1);
        if number > last_number(first) {
            // A million lines in one millisecond.
            return Ok(LineOutcome::Refused);
        }
        self.insert(number, line, (place, speaker))?;
        Ok(LineOutcome::Added)
    }

    fn insert(
        &mut self,
        number: i64,
        line: &NewArchiveLine,
        (place, speaker): (i64, Option<i64>),
    ) -> rusqlite::Result<()> {
        let room = line.room.0;
        let text = cut(&line.text);
        let epoch = match line.origin {
            LineOrigin::Imported => None,
            LineOrigin::Heard { epoch, .. } => Some(epoch),
        };
        let db = &self.transaction;
        db.prepare_cached(
            "INSERT INTO line (id, digest, twin, room, place, speaker, kind, precision, epoch, text)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            number,
            line.id.digest().cast_signed(),
            line.twin.map(u64::cast_signed),
            room,
            place,
            speaker,
            kind_to_sql(line.kind),
            precision_to_sql(line.precision),
            epoch,
            text,
        ])?;
        db.prepare_cached("INSERT INTO word (rowid, text) VALUES (?1, ?2)")?
            .execute(params![number, index_text(text, room, speaker)])?;
        if let Some(speaker) = speaker
            && self.memory.in_rooms.insert((room, speaker))
        {
            db.prepare_cached(
                "INSERT INTO speaker_room (room, speaker) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            )?
            .execute([room, speaker])?;
        }
        if self.memory.of_rooms.insert((room, place)) || epoch.is_some() {
            let heard = epoch.map(|_| number);
            db.prepare_cached(
                "INSERT INTO room_place (room, place, heard_first, heard_last) VALUES (?1, ?2, ?3, ?3)
                 ON CONFLICT DO UPDATE SET
                     heard_first = MIN(COALESCE(heard_first, ?3), COALESCE(?3, heard_first)),
                     heard_last = MAX(COALESCE(heard_last, ?3), COALESCE(?3, heard_last))",
            )?
            .execute(params![room, place, heard])?;
        }
        let quarter = quarter_of(super::columns::time_of(number));
        *self.counts.entry((room, quarter)).or_default() += 1;
        Ok(())
    }

    /// Writes how many lines were added.
    fn write_counts(&mut self) -> rusqlite::Result<()> {
        add_to_counts(&self.transaction, &std::mem::take(&mut self.counts))
    }

    fn place(&mut self, name: &str) -> rusqlite::Result<i64> {
        if let Some(known) = self.memory.places.get(name) {
            return Ok(*known);
        }
        let db = &self.transaction;
        db.prepare_cached("INSERT INTO place (name) VALUES (?1) ON CONFLICT DO NOTHING")?
            .execute([name])?;
        let id = db
            .prepare_cached("SELECT id FROM place WHERE name = ?1")?
            .query_row([name], |row| row.get(0))?;
        self.memory.places.insert(name.to_owned(), id);
        Ok(id)
    }

    fn speaker(&mut self, author: &NewSpeaker) -> rusqlite::Result<i64> {
        if let Some(known) = self.memory.speakers.get(author) {
            return Ok(*known);
        }
        let person = people::resolve(&self.transaction, &author.marks, &author.person_name)?;
        let id = people::speaker(&self.transaction, (&author.scope, &author.name), person)?;
        if self.memory.speakers.len() + self.memory.in_rooms.len() >= MAX_REMEMBERED {
            self.memory.speakers.clear();
            self.memory.in_rooms.clear();
        }
        self.memory.speakers.insert(author.clone(), id);
        Ok(id)
    }

    /// Somebody is known by these marks: they are one person from now on. Who was taken out stays unknown until they speak
    /// again.
    ///
    /// # Errors
    /// When the archive cannot be written.
    pub fn know(&mut self, marks: &PersonMarks, name: &str) -> Result<(), ArchiveError> {
        let db = &self.transaction;
        if let Some(marks) = people::without_refused(db, marks, &self.refusals)? {
            people::resolve(db, &marks, name)?;
        }
        self.memory.speakers.clear();
        Ok(())
    }
}

/// Adds to the numbers of lines of rooms and quarters of an hour.
pub(super) fn add_to_counts(
    db: &Connection,
    counts: &BTreeMap<(i64, i64), i64>,
) -> rusqlite::Result<()> {
    let mut rooms: BTreeMap<i64, i64> = BTreeMap::new();
    let mut statement = db.prepare_cached(
        "INSERT INTO quarter (room, quarter, lines) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET lines = lines + ?3",
    )?;
    for ((room, quarter), lines) in counts {
        statement.execute([*room, *quarter, *lines])?;
        *rooms.entry(*room).or_default() += lines;
    }
    let mut statement = db.prepare_cached("UPDATE room SET lines = lines + ?2 WHERE id = ?1")?;
    for (room, lines) in rooms {
        statement.execute([room, lines])?;
    }
    Ok(())
}

/// The text, without what is too long.
fn cut(text: &str) -> &str {
    let end = (0..=MAX_TEXT_BYTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}
