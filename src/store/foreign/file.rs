//! The file of another program's database: opened so that its program does not notice.
//!
//! A connection that locks the file would make its program wait, and a reader of a write-ahead log makes files beside it,
//! with an owner whom that program may not be. So the file is opened as immutable: without locks, without looking at
//! what stands beside it, and never written. Nothing then guards against its program, so we look ourselves: a file with
//! an unfinished part beside it is refused, and one that was written to since it was opened is given up.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::error::ForeignLogError;
use crate::store::immutable::open_immutable;
use crate::store::{StoreError, damage};

/// What ends the names of the files that hold a part of a database: a write-ahead log, and what a transaction that was
/// not finished has changed.
const UNFINISHED: [&str; 2] = ["-wal", "-journal"];

/// A file as it was when it was opened first.
#[derive(Debug, Clone)]
pub(super) struct ForeignFile {
    path: PathBuf,
    /// Device, inode, length, and time of the last write.
    state: (u64, u64, u64, (i64, i64)),
}

impl ForeignFile {
    /// Looks at the file, without changing anything.
    pub(super) fn look(path: &Path) -> Result<Self, ForeignLogError> {
        let unreadable = |error| ForeignLogError::Unreadable { path: path.to_owned(), error };
        let real = path.canonicalize().map_err(unreadable)?;
        let state = state(&real).map_err(unreadable)?;
        damage::check_header(&real).map_err(|error| match error {
            StoreError::Directory { error, .. } => unreadable(error),
            StoreError::Damaged { reason, .. } => {
                ForeignLogError::NotADatabase { path: path.to_owned(), reason }
            }
            error => unreadable(io::Error::other(error)),
        })?;
        let file = Self { path: real, state };
        match file.rest() {
            Some(rest) => Err(ForeignLogError::Unfinished { path: file.path, rest }),
            None => Ok(file),
        }
    }

    /// Where it is, without links.
    pub(super) fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// Opens it.
    pub(super) fn connect(&self) -> Result<Connection, ForeignLogError> {
        self.check_unchanged()?;
        open_immutable(&self.path).and_then(harden).map_err(|error| self.error(error))
    }

    /// Checks that nobody has written to it since the first look.
    pub(super) fn check_unchanged(&self) -> Result<(), ForeignLogError> {
        match state(&self.path) {
            Ok(state) if state == self.state && self.rest().is_none() => Ok(()),
            _ => Err(ForeignLogError::Changed(self.path())),
        }
    }

    /// What an error of SQLite means.
    pub(super) fn error(&self, error: rusqlite::Error) -> ForeignLogError {
        if let Err(changed) = self.check_unchanged() {
            return changed;
        }
        match damage::is_damage(&error) {
            true => self.damaged(error.to_string()),
            false => ForeignLogError::Sqlite { path: self.path(), error },
        }
    }

    /// That it is damaged.
    pub(super) fn damaged(&self, reason: String) -> ForeignLogError {
        ForeignLogError::Damaged { path: self.path(), reason }
    }

    /// A file beside it that holds a part of it. An empty one, or a journal that begins with zeros, holds nothing.
    fn rest(&self) -> Option<PathBuf> {
        UNFINISHED.iter().find_map(|end| {
            let mut name = self.path.clone().into_os_string();
            name.push(end);
            let found = fs::symlink_metadata(&name).ok().filter(|found| found.len() > 0)?;
            let is_void = found.is_file() && *end == "-journal" && begins_with_zeros(&name);
            (!is_void).then(|| PathBuf::from(name))
        })
    }
}

/// Whether a journal is one that its transaction has finished: `journal_mode = PERSIST` overwrites its header.
fn begins_with_zeros(journal: &std::ffi::OsStr) -> bool {
    let mut header = [1; 8];
    let read = crate::store::open_file(Path::new(journal));
    read.and_then(|mut file| io::Read::read_exact(&mut file, &mut header)).is_ok()
        && header == [0; 8]
}

fn state(path: &Path) -> io::Result<(u64, u64, u64, (i64, i64))> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino(), found.len(), (found.mtime(), found.mtime_nsec())))
}

/// A file from elsewhere may be made to do harm (<https://www.sqlite.org/security.html>): nothing in it is run.
fn harden(connection: Connection) -> rusqlite::Result<Connection> {
    for (setting, is_on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    ] {
        connection.set_db_config(setting, is_on)?;
    }
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    // 4 MiB, negative because it is not in pages.
    connection.pragma_update(None, "cache_size", -4_096)?;
    Ok(connection)
}
