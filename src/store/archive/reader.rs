//! Reading the archive, beside the programs that write it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rusqlite::Connection;

use super::columns::first_number;
use super::lines::{find, lines_before, lines_from};
use super::open::OpenedFile;
use super::{
    ArchiveError, ArchiveExport, ArchiveLine, ArchiveLineId, ArchivePerson, ArchivePersonId,
    ArchiveQuery, ArchiveResults, ArchiveRoom, ArchiveRoomId, days, open, people, search,
};

/// So many connections are kept for the next calls.
const MAX_IDLE: usize = 4;

/// Read access to the archive. Many threads may use one at the same time; each call blocks until it is done. If the file
/// is replaced, the next call reads the new one.
#[derive(Debug, Clone)]
pub struct ArchiveReader {
    directory: PathBuf,
    idle: Arc<Mutex<Vec<(Connection, OpenedFile)>>>,
}

impl ArchiveReader {
    /// Opens the archive in `state_dir`.
    ///
    /// # Errors
    /// When there is none, or this version cannot read it.
    pub fn open(state_dir: &Path) -> Result<Self, ArchiveError> {
        let first = open::open_to_read(state_dir)?;
        Ok(Self { directory: state_dir.to_owned(), idle: Arc::new(Mutex::new(vec![first])) })
    }

    /// Calls `read` with a connection that nobody else uses meanwhile.
    pub(super) fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, ArchiveError>,
    ) -> Result<T, ArchiveError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let (connection, file) = match idle.filter(|(_, file)| file.is_still_there()) {
            Some(kept) => kept,
            None => open::open_to_read(&self.directory)?,
        };
        let outcome = read(&connection).map_err(|error| error.named(&file.path));
        if outcome.is_ok() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < MAX_IDLE {
                idle.push((connection, file));
            }
        }
        outcome
    }

    /// All rooms, by their slugs.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn rooms(&self) -> Result<Vec<ArchiveRoom>, ArchiveError> {
        self.with(rooms_of)
    }

    /// The lines that match, newest first. A message that was mirrored to several of the rooms is found once.
    ///
    /// # Errors
    /// When the archive cannot be read. Whatever was typed is a valid query.
    pub fn search(&self, query: &ArchiveQuery) -> Result<ArchiveResults, ArchiveError> {
        self.with(|connection| search::search(connection, query))
    }

    /// The line with this address. A line that was mirrored to several rooms has an address in each.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn line(&self, id: ArchiveLineId) -> Result<Option<ArchiveLine>, ArchiveError> {
        self.with(|connection| Ok(find(connection, id)?.map(|found| found.line)))
    }

    /// The line with this address, up to `before` lines of the room before it and up to `after` behind it, in the order in
    /// which they were said. Empty if the line is not of this room.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn around(
        &self,
        room: ArchiveRoomId,
        id: ArchiveLineId,
        before: usize,
        after: usize,
    ) -> Result<Vec<ArchiveLine>, ArchiveError> {
        self.with(|connection| {
            let found = find(connection, id)?.filter(|found| found.line.room == room);
            let Some(found) = found else { return Ok(Vec::new()) };
            let mut lines = lines_before(connection, room, found.number, before)?;
            lines.extend(lines_from(connection, room, found.number, after.saturating_add(1))?);
            Ok(lines.into_iter().map(|found| found.line).collect())
        })
    }

    /// The first `limit` lines of the room at or after `from`, in the order in which they were said.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn from_time(
        &self,
        room: ArchiveRoomId,
        from: Timestamp,
        limit: usize,
    ) -> Result<Vec<ArchiveLine>, ArchiveError> {
        self.with(|connection| {
            let lines = lines_from(connection, room, first_number(from), limit)?;
            Ok(lines.into_iter().map(|found| found.line).collect())
        })
    }

    /// The last `limit` lines of the room before `to`, in the order in which they were said.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn before_time(
        &self,
        room: ArchiveRoomId,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<ArchiveLine>, ArchiveError> {
        self.with(|connection| {
            let lines = lines_before(connection, room, first_number(to), limit)?;
            Ok(lines.into_iter().map(|found| found.line).collect())
        })
    }

    /// How many lines were said on each day from `from` to `to`, both included. Days without lines are left out.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn days(
        &self,
        room: ArchiveRoomId,
        from: Date,
        to: Date,
        zone: &TimeZone,
    ) -> Result<Vec<(Date, u64)>, ArchiveError> {
        self.with(|connection| days::days(connection, room, (from, to), zone))
    }

    /// Up to `limit` people who have said something in these rooms, and one of whose names begins with `prefix`, by name.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn people(
        &self,
        rooms: &[ArchiveRoomId],
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<ArchivePerson>, ArchiveError> {
        self.with(|connection| people::with_prefix(connection, rooms, prefix, limit))
    }

    /// The person with this number.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn person(&self, id: ArchivePersonId) -> Result<Option<ArchivePerson>, ArchiveError> {
        self.with(|connection| people::person(connection, id))
    }

    /// All lines of the room from `from`, before `to`, in the order in which they were said. It reads in pieces, so that
    /// it holds up nobody who writes, however slowly it is read.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn export(
        &self,
        room: ArchiveRoomId,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> Result<ArchiveExport, ArchiveError> {
        let (from, to) = (from.map_or(0, first_number), to.map_or(i64::MAX, first_number));
        ArchiveExport::begin(self.clone(), room, from..to)
    }
}

fn rooms_of(connection: &Connection) -> Result<Vec<ArchiveRoom>, ArchiveError> {
    let sql = "SELECT r.id, r.slug, r.remote_id, r.lines,
                   (SELECT MIN(id) FROM line WHERE room = r.id),
                   (SELECT MAX(id) FROM line WHERE room = r.id)
               FROM room r ORDER BY r.slug, r.id";
    let time = |number: Option<i64>| number.map(super::columns::time_of);
    let mut statement = connection.prepare_cached(sql)?;
    let rooms = statement.query_map([], |row| {
        Ok(ArchiveRoom {
            id: ArchiveRoomId(row.get(0)?),
            slug: row.get(1)?,
            remote_id: row.get(2)?,
            channels: Vec::new(),
            first: time(row.get(4)?),
            last: time(row.get(5)?),
            lines: u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0),
        })
    })?;
    let mut rooms: Vec<ArchiveRoom> = rooms.collect::<Result<_, _>>()?;
    let sql = "SELECT p.name FROM room_place rp JOIN place p ON p.id = rp.place
               WHERE rp.room = ?1 AND p.name NOT LIKE 'letschat/%' ORDER BY p.name";
    let mut statement = connection.prepare_cached(sql)?;
    for room in &mut rooms {
        let channels = statement.query_map([room.id.0], |row| row.get(0))?;
        room.channels = channels.collect::<Result<_, _>>()?;
    }
    Ok(rooms)
}
