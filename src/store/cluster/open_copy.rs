//! Opens a node's local copy.

use std::fs::File;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::super::{
    BUSY_TIMEOUT, DB_FILE, PostgresError, StoreError, damage, make, schema, set_up, wal,
};
use super::local::read_mark;
use super::open_traceless;

/// Opens the local copy in `directory`, which is claimed and locked. Makes an empty one if there is none.
///
/// # Errors
/// When it cannot be used, or is the store of a bridge that runs alone and has something in it.
pub(super) fn open_copy(directory: &Path) -> Result<Connection, StoreError> {
    let path = directory.join(DB_FILE);
    if !path.exists() {
        make(directory).map_err(|error| damage::named(error, &path))?;
    }
    damage::check_header(&path)?;
    let (mut connection, is_copy) = open(&path)?;
    // It stays as it is, also if it is of an older version.
    if !is_copy && !is_empty(&connection).map_err(|error| damage::named(error.into(), &path))? {
        return Err(PostgresError::NotACopy { path }.into());
    }
    let before = schema::upgrade(&mut connection)?;
    schema::check(&connection, &path)?;
    if before != schema::VERSION {
        // What the upgrade has made of it is what the active node makes of the store, or it is copied again.
        tracing::info!(
            before,
            now = schema::VERSION,
            "local copy of an older version brought up to date"
        );
    }
    set_up(&connection)?;
    // What a power failure takes is in PostgreSQL.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(connection)
}

/// Opens the file, and returns whether it is a copy. What is missing at the end of the log of a copy is copied again.
fn open(path: &Path) -> Result<(Connection, bool), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let is_copy = Connection::open_with_flags(path, flags)
        .and_then(|connection| read_mark(&connection))
        .is_ok_and(|mark| mark.is_some());
    if !is_copy {
        wal::check(path)?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).map_err(StoreError::from);
    let connection = opened.map_err(|error| damage::named(error, path))?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok((connection, is_copy))
}

/// Whether the database at `path` is the store of a bridge that runs alone, as far as it can be read.
pub(super) fn is_used_alone(path: &Path) -> bool {
    let used = open_traceless(path)
        .and_then(|connection| Ok(read_mark(&connection)?.is_none() && !is_empty(&connection)?));
    used.unwrap_or(false)
}

/// Whether a bridge has never used this store.
fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT NOT EXISTS (SELECT 1 FROM endpoint) AND NOT EXISTS (SELECT 1 FROM message)
                   AND NOT EXISTS (SELECT 1 FROM person) AND NOT EXISTS (SELECT 1 FROM revocation)
                   AND NOT EXISTS (SELECT 1 FROM redaction)";
    connection.query_row(sql, [], |row| row.get(0))
}

/// The lock of a state directory.
pub(super) type StateLock = File;
