//! How the state directory is claimed, and a database is made and set up.

use std::fs;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::{BUSY_TIMEOUT, DB_FILE, StoreError, files, schema};

/// Locked by a running bridge. The database itself stays readable, for backups and audits.
pub(super) const LOCK_FILE: &str = "lock";

/// When so much is in the log, it is brought into the database.
const CHECKPOINT_BYTES: i64 = 4 << 20;

/// Claims the directory, and locks it for this program. Returns its path without links.
pub(super) fn claim_and_lock(directory: &Path) -> Result<(PathBuf, File), StoreError> {
    let unusable = |error| StoreError::Directory { path: directory.to_owned(), error };
    files::claim(directory)?;
    // Follows a link to the directory only once.
    let directory = directory.canonicalize().map_err(unusable)?;
    let lock = directory.join(LOCK_FILE);
    let in_lock = |error| StoreError::Directory { path: lock.clone(), error };
    let held = files::open_or_make(&lock).map_err(in_lock)?;
    held.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => StoreError::InUse(directory.clone()),
        TryLockError::Error(error) => in_lock(error),
    })?;
    Ok((directory, held))
}

/// The settings of a connection that writes.
pub(super) fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // What must be on the disk is synced by `wal_sync`.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Overwrites deleted data, direct messages for instance.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_BYTES / page)?;
    // Otherwise statements that use partial indices are prepared again whenever a parameter changes.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

/// Creates the database in `directory` atomically, since an empty file counts as damaged.
pub(super) fn make(directory: &Path) -> Result<(), StoreError> {
    let unusable = |error| StoreError::Directory { path: directory.to_owned(), error };
    let draft = directory.join(format!("{DB_FILE}.new"));
    let path = directory.join(DB_FILE);
    drop(files::make(&draft).map_err(unusable)?);
    let mut connection = Connection::open(&draft)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    schema::create(&mut connection)?;
    connection.close().map_err(|(_, error)| error)?;
    fs::rename(&draft, &path).map_err(unusable)?;
    File::open(directory).and_then(|it| it.sync_all()).map_err(unusable)
}
