//! Reading the archive, beside the programs that write it.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{
    ARCHIVE_FILE, ArchiveError, ArchiveLine, ArchiveLineId, ArchivePerson, ArchivePersonId,
    ArchiveQuery, ArchiveResults, ArchiveRoom, ArchiveRoomId,
};

/// Read access to the archive. Many threads may use one at the same time; each call blocks until it is done.
#[derive(Debug)]
pub struct ArchiveReader {
    path: PathBuf,
}

/// The lines of a range, one after another, in the order in which they were said.
#[derive(Debug)]
pub struct ArchiveExport {
    _reader: (),
}

impl Iterator for ArchiveExport {
    type Item = Result<ArchiveLine, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        None
    }
}

impl ArchiveReader {
    /// Opens the archive in `state_dir`.
    ///
    /// # Errors
    /// When there is none, or this version cannot read it.
    pub fn open(state_dir: &Path) -> Result<Self, ArchiveError> {
        Ok(Self { path: state_dir.join(ARCHIVE_FILE) })
    }

    /// All rooms, by their slugs.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn rooms(&self) -> Result<Vec<ArchiveRoom>, ArchiveError> {
        let _ = &self.path;
        Ok(Vec::new())
    }

    /// The lines that match, newest first.
    ///
    /// # Errors
    /// When the archive cannot be read. Whatever was typed is a valid query.
    pub fn search(&self, query: &ArchiveQuery) -> Result<ArchiveResults, ArchiveError> {
        let _ = query;
        Ok(ArchiveResults::default())
    }

    /// The line with this address. A line that was mirrored to several rooms has an address in each.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn line(&self, id: ArchiveLineId) -> Result<Option<ArchiveLine>, ArchiveError> {
        let _ = id;
        Ok(None)
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
        let _ = (room, id, before, after);
        Ok(Vec::new())
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
        let _ = (room, from, limit);
        Ok(Vec::new())
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
        let _ = (room, to, limit);
        Ok(Vec::new())
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
        let _ = (room, from, to, zone);
        Ok(Vec::new())
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
        let _ = (rooms, prefix, limit);
        Ok(Vec::new())
    }

    /// The person with this number.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn person(&self, id: ArchivePersonId) -> Result<Option<ArchivePerson>, ArchiveError> {
        let _ = id;
        Ok(None)
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
        let _ = (room, from, to);
        Ok(ArchiveExport { _reader: () })
    }
}
