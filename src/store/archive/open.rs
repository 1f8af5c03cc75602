//! Opens the file of the archive, and makes it.

use std::fs;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::super::files::{self, FileIdentity, Mend};
use super::super::{StoreError, damage};
use super::{ARCHIVE_FILE, ArchiveError, schema};

/// How often and how many times to look whether another program has written, before the file counts as locked: half a
/// minute. Imports write in small batches.
const BUSY_INTERVAL: Duration = Duration::from_millis(1);
const BUSY_TRIES: i32 = 30_000;

/// What a connection remembers of the file, in KiB.
const WRITER_CACHE: i64 = 32 << 10;
const READER_CACHE: i64 = 8 << 10;

/// An import changes the same pages again and again: they are copied into the file, and the disk is waited for, once in
/// 32 MB of its log.
const PAGES_BETWEEN_CHECKPOINTS: u32 = 4_000;

/// The file, as it was when it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OpenedFile {
    pub(super) path: PathBuf,
    identity: Option<FileIdentity>,
}

impl OpenedFile {
    fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), identity: files::identity(path) }
    }

    /// Whether it is still at its place.
    pub(super) fn is_still_there(&self) -> bool {
        self.identity.is_some() && files::identity(&self.path) == self.identity
    }
}

/// Opens the archive in `directory` for reading.
pub(super) fn open_to_read(directory: &Path) -> Result<(Connection, OpenedFile), ArchiveError> {
    files::inspect(directory, Mend::No)?;
    let path = path_in(directory)?;
    if !path.exists() {
        return Err(ArchiveError::Missing(path));
    }
    let connection = open(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let prepare = || -> Result<(), ArchiveError> {
        connection.pragma_update(None, "cache_size", -READER_CACHE)?;
        connection.set_prepared_statement_cache_capacity(64);
        schema::check(&connection, &path)
    };
    prepare().map_err(|error| error.named(&path))?;
    let file = OpenedFile::of(&path);
    Ok((connection, file))
}

/// Opens the archive in `directory` for writing; makes it first if there is none and `make` says so.
pub(super) fn open_to_write(
    directory: &Path,
    make: bool,
) -> Result<(Connection, OpenedFile), ArchiveError> {
    if make {
        files::claim(directory)?;
    } else {
        files::inspect(directory, Mend::No)?;
    }
    let path = path_in(directory)?;
    if !path.exists() {
        if !make {
            return Err(ArchiveError::Missing(path));
        }
        create(directory, &path)?;
    }
    let connection = open(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let prepare = || -> Result<(), ArchiveError> {
        schema::check(&connection, &path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // A power failure may take the last lines away: they are copied from the ledger again.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // What is taken out is really gone.
        connection.pragma_update(None, "secure_delete", true)?;
        connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
        connection.pragma_update(None, "wal_autocheckpoint", PAGES_BETWEEN_CHECKPOINTS)?;
        connection.pragma_update(None, "cache_size", -WRITER_CACHE)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(())
    };
    prepare().map_err(|error| error.named(&path))?;
    let file = OpenedFile::of(&path);
    Ok((connection, file))
}

/// The size of the archive in `state_dir` with its log, in bytes; 0 if there is none.
#[must_use]
pub fn archive_size(state_dir: &Path) -> u64 {
    let size = |end: &str| {
        let file = state_dir.join(format!("{ARCHIVE_FILE}{end}"));
        fs::metadata(file).map_or(0, |found| found.len())
    };
    size("") + size("-wal")
}

/// The path of the archive, through links to the directory.
fn path_in(directory: &Path) -> Result<PathBuf, ArchiveError> {
    let unusable = |error| StoreError::Directory { path: directory.to_owned(), error };
    Ok(directory.canonicalize().map_err(unusable)?.join(ARCHIVE_FILE))
}

/// The file is not read by other means than SQLite: closing it would drop the locks that this program has on it.
fn open(path: &Path, how: OpenFlags) -> Result<Connection, ArchiveError> {
    // SQLite would take an empty file for a new database.
    if fs::metadata(path).is_ok_and(|found| found.len() == 0) {
        let reason = "it is empty".to_owned();
        return Err(ArchiveError::Damaged { path: path.to_owned(), reason });
    }
    let flags = how | OpenFlags::SQLITE_OPEN_NOFOLLOW | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)
        .map_err(|error| damage::named(error.into(), path))?;
    connection.busy_handler(Some(wait_for_others))?;
    Ok(connection)
}

/// Looks often, unlike SQLite itself: an import that runs for minutes leaves but short gaps.
fn wait_for_others(tries: i32) -> bool {
    thread::sleep(BUSY_INTERVAL);
    tries < BUSY_TRIES
}

/// Makes the archive at `path` atomically.
fn create(directory: &Path, path: &Path) -> Result<(), ArchiveError> {
    let unusable = |error| StoreError::Directory { path: directory.to_owned(), error };
    let draft = path.with_extension("sqlite3.new");
    drop(files::make(&draft).map_err(unusable)?);
    let mut connection = Connection::open(&draft)?;
    connection.pragma_update(None, "page_size", 8192)?;
    schema::create(&mut connection)?;
    connection.close().map_err(|(_, error)| error)?;
    fs::rename(&draft, path).map_err(unusable)?;
    File::open(directory).and_then(|it| it.sync_all()).map_err(unusable)?;
    Ok(())
}
