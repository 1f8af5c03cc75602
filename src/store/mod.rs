//! What must survive: the ledger of what was heard, the outbox of what is to be said, the cursors.
//!
//! One SQLite database in `state_dir`, written by one thread. A turn of the service is one
//! transaction: it begins with the first write and ends with [`Store::commit`], which returns when
//! the disk has it (`synchronous=FULL`).

mod channels;
mod ledger;
mod nicks;
mod outbox;
mod places;
mod schema;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use thiserror::Error;

pub use channels::{Cursor, LineId, Sight};
pub use ledger::MessageId;

/// The database's name in `state_dir`.
const FILE: &str = "letsbridge.sqlite3";

/// How long another program (a backup, `sqlite3`) may hold the database before we call it locked.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// The durable memory of the bridge.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    in_turn: bool,
}

/// Why the store did not do as it was told.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The directory cannot be made or written.
    #[error(
        "cannot use the state directory {path}: {error}; it must be writable by the user that runs letsbridge"
    )]
    Directory {
        /// `state_dir`.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// Another letsbridge runs on the same state.
    #[error(
        "{0} is in use by another letsbridge; two bridges on one state would repeat everything"
    )]
    InUse(PathBuf),
    /// A newer letsbridge has written it.
    #[error(
        "the store has version {found}, this letsbridge knows {known}: install the newer one again"
    )]
    FromTheFuture {
        /// The store's version.
        found: u32,
        /// The newest that this program knows.
        known: u32,
    },
    /// SQLite says no.
    #[error("the store: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

impl StoreError {
    /// Whether waiting can help: the disk is full, or another program holds the database.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        let Self::Sqlite(error) = self else { return false };
        matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::DiskFull
                    | ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::CannotOpen
                    | ErrorCode::ReadOnly
            )
        )
    }
}

impl Store {
    /// Opens the store in `directory`, making both where they are not there yet.
    ///
    /// # Errors
    /// When the directory cannot be used, the store is in use, or it is not one that we can read.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(directory)
            .map_err(|error| StoreError::Directory { path: directory.to_owned(), error })?;
        let file = directory.join(FILE);
        let connection = Connection::open_with_flags(
            &file,
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::CannotOpen) => StoreError::Directory {
                path: directory.to_owned(),
                error: std::io::Error::other(error),
            },
            _ => error.into(),
        })?;
        Self::prepare(connection).map_err(|error| match error {
            StoreError::Sqlite(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                StoreError::InUse(file)
            }
            other => other,
        })
    }

    /// A store that is gone with the process.
    ///
    /// # Errors
    /// When SQLite has no memory left.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::prepare(Connection::open_in_memory()?)
    }

    fn prepare(mut connection: Connection) -> Result<Self, StoreError> {
        connection.busy_timeout(Duration::ZERO)?;
        // One bridge per store: the lock is taken with the first write below and kept.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
        connection.set_prepared_statement_cache_capacity(64);
        schema::migrate(&mut connection)?;
        connection.execute_batch("BEGIN IMMEDIATE; COMMIT")?;
        connection.busy_timeout(LOCK_PATIENCE)?;
        Ok(Self { connection, in_turn: false })
    }

    /// Makes everything written since the last commit durable. Costs nothing where nothing was.
    ///
    /// # Errors
    /// When the disk does not take it; see [`StoreError::may_pass`].
    pub fn commit(&mut self) -> Result<(), StoreError> {
        if self.in_turn {
            self.connection.prepare_cached("COMMIT")?.execute([])?;
            self.in_turn = false;
        }
        Ok(())
    }

    /// The connection, with a transaction open on it.
    fn writer(&mut self) -> Result<&Connection, StoreError> {
        if !self.in_turn {
            self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            self.in_turn = true;
        }
        Ok(&self.connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_bridges_cannot_share_a_store() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let _first = Store::open(directory.path()).expect("the first opens");
        let error = Store::open(directory.path()).expect_err("the second must not");
        assert!(matches!(error, StoreError::InUse(_)), "{error}");
    }

    #[test]
    fn a_store_from_the_future_is_left_alone() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(directory.path()).expect("opens");
        store.connection.pragma_update(None, "user_version", 99).expect("writes");
        drop(store);
        let error = Store::open(directory.path()).expect_err("must not open");
        assert!(matches!(error, StoreError::FromTheFuture { found: 99, .. }), "{error}");
    }

    #[test]
    fn a_directory_that_is_a_file_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let error = Store::open(file.path()).expect_err("must not open");
        assert!(error.to_string().contains(&file.path().display().to_string()), "{error}");
    }
}
