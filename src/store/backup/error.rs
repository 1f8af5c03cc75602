//! Why a backup cannot be made or restored, and what to do about it.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::super::StoreError;

/// Why a backup cannot be made or restored.
#[derive(Debug, Error)]
pub enum BackupError {
    /// There is no database to back up.
    #[error("nothing to back up: there is no database in {0}; `state_dir` names the directory")]
    Nothing(PathBuf),
    /// A file of that name exists.
    #[error("{0} exists: choose another name, or overwrite it with --force")]
    Exists(PathBuf),
    /// A file of that name exists, and is no backup.
    #[error("{0} exists and is not a backup: it is not overwritten; choose another name")]
    NotOurs(PathBuf),
    /// The file would be among those of the bridge.
    #[error(
        "{0} is in the state directory, among the files of the bridge: choose another directory"
    )]
    InState(PathBuf),
    /// The backup cannot be written.
    #[error("cannot write the backup {path}: {error}; nothing was left behind")]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error, or SQLite's.
        error: io::Error,
    },
    /// The backup cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The file is no backup, or damaged.
    #[error("{path} is not a usable backup ({reason}): use one that `letsbridge backup` made")]
    NotABackup {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A newer letsbridge made it.
    #[error(
        "the backup {path} has schema version {found}, newer than the supported {known}: restore it with the \
         letsbridge that made it ({program}), or a newer one"
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// This program's version.
        known: u32,
        /// What made it, as far as it says.
        program: String,
    },
    /// The state directory holds a state already.
    #[error(
        "{directory} holds a state already ({files}): with --replace it is moved aside, into a directory in there"
    )]
    Occupied {
        /// The path of `state_dir`.
        directory: PathBuf,
        /// The files of that state.
        files: String,
    },
    /// `--moved`, with a backup of a running bridge.
    #[error(
        "the backup {0} was made while the bridge was running, so that messages were mirrored since: restore it \
         without --moved, or stop the bridge and make another backup"
    )]
    MadeWhileRunning(PathBuf),
    /// The state directory cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BackupError {
    /// Whether repeating cannot help: the file or the state is the wrong one.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::NotABackup { .. } | Self::TooNew { .. } | Self::MadeWhileRunning(_) => true,
            Self::Store(error) => error.is_lasting(),
            _ => false,
        }
    }
}
