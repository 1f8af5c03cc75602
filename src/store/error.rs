//! Why the store cannot be opened, read or written, and what to do about it.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use thiserror::Error;

use super::{PostgresError, damage};

/// Why a store operation failed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The directory cannot be created or written.
    #[error(
        "cannot use the state directory {path}: {error}; it must be writable by the user that runs letsbridge"
    )]
    Directory {
        /// The path of `state_dir`.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// A file belongs to another user.
    #[error(
        "{path} belongs to user {owner} (mode {mode}), and letsbridge runs as user {us}: run it as \
         {owner}, or give that to {us} (`chown -R {us}` of the state directory)"
    )]
    NotOurs {
        /// Its path.
        path: PathBuf,
        /// Its owner.
        owner: String,
        /// Its permissions.
        mode: String,
        /// The user the bridge runs as.
        us: String,
    },
    /// Something that is not a regular file has the name of one of ours.
    #[error(
        "{path} is {what}, but must be a file or directory that only letsbridge uses: move it away, or \
         set another `state_dir`"
    )]
    NotAFile {
        /// Its path.
        path: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
    /// The database is damaged.
    #[error(
        "the database {path} is damaged ({reason}): restore a backup of it, or move it away together \
         with {path}-wal and {path}-shm. Without it the bridge starts from scratch: queued \
         messages are lost, messages sent while it was disconnected are not fetched, and links to \
         long messages stop working"
    )]
    Damaged {
        /// The path of the file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The files were removed or replaced while in use.
    #[error(
        "{0} was removed or replaced while the bridge was running, so its changes are lost. Put \
         the file back, or restore a backup; without it the bridge starts from scratch"
    )]
    Gone(PathBuf),
    /// Another letsbridge uses the same state.
    #[error(
        "{0} is in use by another letsbridge: two bridges sharing one state directory would \
         duplicate messages. Stop that one, or set another `state_dir`"
    )]
    InUse(PathBuf),
    /// A newer letsbridge wrote it.
    #[error(
        "the database {path} has schema version {found}, newer than the supported {known}: upgrade \
         letsbridge, restore a backup from before the upgrade with `letsbridge restore --replace`, or move the database away together with {path}-wal and {path}-shm and start from \
         scratch"
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// This program's version.
        known: u32,
    },
    /// An older letsbridge wrote it.
    #[error(
        "the database {path} was written by an older letsbridge: start the bridge once, which brings \
         it up to date"
    )]
    NotUpgraded {
        /// The file.
        path: PathBuf,
    },
    /// A letsbridge from before the first release wrote it.
    #[error(
        "the database {path} was written by a letsbridge from before the first release: move it away \
         together with {path}-wal and {path}-shm and start from scratch"
    )]
    TooOld {
        /// The file.
        path: PathBuf,
    },
    /// The key for people's accounts is not available.
    #[error(
        "cannot use the account key {path}: {error}; it must be readable by the user that runs \
         letsbridge. If the file is removed, a new key is created, and people must link their \
         accounts again"
    )]
    AccountKey {
        /// The path of the key file.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// The key for public links is not available.
    #[error(
        "cannot use the link key {path}: {error}; it must be readable by the user that runs \
         letsbridge. If the file is removed, a new key is created and all existing links stop \
         working"
    )]
    LinkKey {
        /// The path of the key file.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// The database is a node's local copy.
    #[error(
        "the database {path} is the local copy of a store in PostgreSQL: set `[store] url`, or move the store back here first \
         (`letsbridge store copy --to sqlite`)"
    )]
    IsCopy {
        /// The file.
        path: PathBuf,
    },
    /// A backup would be restored into a node's local copy.
    #[error(
        "the database {path} is the local copy of a store in PostgreSQL, which a restored backup would not change: stop \
         letsbridge on all nodes, restore the backup into an empty directory, and copy it from there to an empty database of \
         PostgreSQL (`letsbridge store copy --to postgresql`)"
    )]
    RestoreIntoCopy {
        /// The file.
        path: PathBuf,
    },
    /// Another node has taken over.
    #[error("another node has taken over: this one is not active any more")]
    NotActive,
    /// PostgreSQL cannot be used.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// An error of SQLite.
    #[error("database error: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

impl StoreError {
    /// Whether retrying can help: the disk is full, or another program holds the database.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        let error = match self {
            Self::Postgres(error) => return error.is_transient(),
            Self::Sqlite(error) => error,
            _ => return false,
        };
        !damage::is_damage(error)
            && matches!(
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

    /// Adds the path of the database in `directory` and the remedy to the error, if it means damage.
    #[must_use]
    pub fn in_directory(self, directory: &Path) -> Self {
        damage::named(self, &directory.join(super::DB_FILE))
    }

    /// Whether a restart cannot help and an operator must act.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Damaged { .. }
            | Self::TooNew { .. }
            | Self::TooOld { .. }
            | Self::NotOurs { .. }
            | Self::NotAFile { .. }
            | Self::IsCopy { .. }
            | Self::RestoreIntoCopy { .. } => true,
            Self::Postgres(error) => error.is_lasting(),
            Self::Sqlite(error) => damage::is_damage(error),
            _ => false,
        }
    }
}
