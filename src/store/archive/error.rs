//! Why the archive cannot be opened, read or written, and what to do about it.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use thiserror::Error;

use super::super::{StoreError, damage};

/// Why an operation on the archive failed.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// There is none.
    #[error(
        "there is no archive {0}: set `enabled = true` in [archive], or import logs with `letsbridge import archive`"
    )]
    Missing(PathBuf),
    /// It is damaged.
    #[error(
        "the archive {path} is damaged ({reason}): put a copy of it back, or move it away together with {path}-wal \
         and {path}-shm. Without it the bridge begins a new one, and logs must be imported again"
    )]
    Damaged {
        /// The path of the file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file was removed or replaced while in use.
    #[error(
        "the archive {0} was removed or replaced while it was in use: put it back, or restart the bridge to begin a \
         new one"
    )]
    Gone(PathBuf),
    /// Another version of letsbridge wrote it.
    #[error(
        "the archive {path} has version {found}, and this letsbridge knows {known}: use the letsbridge that wrote it, \
         or move it away together with {path}-wal and {path}-shm"
    )]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// This program's version.
        known: u32,
    },
    /// Its disk is full.
    #[error(
        "there is no room for the archive {0}: make room on its disk. The bridge then goes on by itself; run an import \
         again to go on"
    )]
    Full(PathBuf),
    /// A copy cannot be written.
    #[error("cannot write {file}: {reason}")]
    Copy {
        /// The copy.
        file: PathBuf,
        /// Why not, with what to do.
        reason: String,
    },
    /// The directory or a file in it cannot be used, or the ledger cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An error of SQLite.
    #[error("cannot use the archive: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

impl ArchiveError {
    /// Adds the path of the file and the remedy to the error, if it means damage or a full disk.
    pub(super) fn named(self, path: &Path) -> Self {
        match self {
            Self::Sqlite(error) if damage::is_damage(&error) => {
                Self::Damaged { path: path.to_owned(), reason: error.to_string() }
            }
            Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                Self::Full(path.to_owned())
            }
            error => error,
        }
    }

    /// Whether retrying can help: the disk is full, the system cannot read or write for now, or another program holds the
    /// file for long.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Full(_) => true,
            Self::Store(error) => error.is_transient(),
            Self::Sqlite(error) => {
                !damage::is_damage(error)
                    && matches!(
                        error.sqlite_error_code(),
                        Some(
                            ErrorCode::DatabaseBusy
                                | ErrorCode::DatabaseLocked
                                | ErrorCode::SystemIoFailure
                                | ErrorCode::CannotOpen
                                | ErrorCode::ReadOnly
                        )
                    )
            }
            _ => false,
        }
    }
}
