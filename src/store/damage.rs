//! Recognises damaged databases and reports them with their file and the remedy.

use std::io;
use std::io::Read;
use std::path::Path;

use rusqlite::{Error, ErrorCode, ffi};

use super::{StoreError, files};

/// The first bytes of every SQLite database.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// What the header of a database says of its tables.
pub(super) struct Header {
    pub(super) user_version: u32,
    pub(super) application_id: u32,
}

/// Whether `error` means that the database is damaged.
pub(super) fn is_damage(error: &Error) -> bool {
    match error {
        Error::SqliteFailure(failure, reason) => {
            let short = [ffi::SQLITE_IOERR_SHORT_READ, ffi::SQLITE_IOERR_CORRUPTFS];
            let corrupt = [ErrorCode::DatabaseCorrupt, ErrorCode::NotADatabase];
            // A missing table, or one with other columns.
            let other = ["no such table", "no such column", "already exists", "has no column"];
            let is_other = |reason: &String| other.iter().any(|it| reason.contains(it));
            corrupt.contains(&failure.code)
                || short.contains(&failure.extended_code)
                || (failure.code == ErrorCode::Unknown && reason.as_ref().is_some_and(is_other))
        }
        Error::SqlInputError { error, msg, .. } => {
            is_damage(&Error::SqliteFailure(*error, Some(msg.clone())))
        }
        Error::FromSqlConversionFailure(..) | Error::InvalidColumnType(..) => true,
        Error::IntegralValueOutOfRange(..) => true,
        _ => false,
    }
}

/// Adds the path of the file to the error, if it means damage.
pub(super) fn named(error: StoreError, path: &Path) -> StoreError {
    match error {
        StoreError::Sqlite(error) if is_damage(&error) => damaged(path, &error.to_string()),
        StoreError::Sqlite(Error::SqliteFailure(failure, _))
            if failure.code == ErrorCode::CannotOpen =>
        {
            let error = io::Error::other(format!("cannot be opened: {failure}"));
            StoreError::Directory { path: path.to_owned(), error }
        }
        error => error,
    }
}

/// Checks that the file at `path`, if it exists, starts like a database. SQLite would take an empty file for
/// a new one.
pub(super) fn check_header(path: &Path) -> Result<Header, StoreError> {
    let unusable = |error| StoreError::Directory { path: path.to_owned(), error };
    let mut file = files::open(path).map_err(unusable)?;
    let length = file.metadata().map_err(unusable)?.len();
    let mut header = [0; 100];
    if length == 0 {
        return Err(damaged(path, "it is empty"));
    }
    if length < 100 || file.read_exact(&mut header).is_err() {
        return Err(damaged(path, "it is too short"));
    }
    if &header[..16] != MAGIC {
        return Err(damaged(path, "it is not an SQLite database"));
    }
    let page = match u64::from(u16::from_be_bytes([header[16], header[17]])) {
        1 => 65_536,
        page => page,
    };
    if page < 512 || !page.is_power_of_two() {
        return Err(damaged(path, "its header is invalid"));
    }
    if length % page != 0 {
        return Err(damaged(path, "it is truncated"));
    }
    let number = |at: usize| u32::from_be_bytes(std::array::from_fn(|n| header[at + n]));
    Ok(Header { user_version: number(60), application_id: number(68) })
}

pub(super) fn damaged(path: &Path, reason: &str) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::store::Store;

    /// The state directory of a bridge that has run.
    fn state() -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        drop(Store::open(directory.path()).expect("opens"));
        directory
    }

    #[test]
    fn damaged_database_error_names_the_file_and_the_remedy() {
        let whole = fs::read(state().path().join("letsbridge.sqlite3")).expect("is there");
        let garbled = |range: std::ops::Range<usize>| {
            let mut bytes = whole.clone();
            bytes[range].fill(0xAA);
            bytes
        };
        for (bytes, reason) in [
            (vec![], "empty"),
            (b"hello".to_vec(), "too short"),
            (vec![7; 8_192], "not an SQLite database"),
            (garbled(0..16), "not an SQLite database"),
            (garbled(16..18), "header"),
            (garbled(100..4_096), "damaged"),
            (whole[..whole.len() - 10].to_vec(), "truncated"),
            (whole[..4_096].to_vec(), "damaged"),
        ] {
            let directory = state();
            let path = directory.path().join("letsbridge.sqlite3");
            fs::write(&path, &bytes).expect("works");
            let error = Store::open(directory.path()).expect_err("is damaged");
            assert!(error.is_lasting(), "{error}");
            let error = error.to_string();
            for words in [reason, &*path.display().to_string(), "restore a backup", "move it away"]
            {
                assert!(error.contains(words), "{reason}: {error}");
            }
            assert_eq!(fs::read(&path).expect("is there"), bytes, "left alone: {reason}");
        }
    }

    #[test]
    fn another_programs_database_is_left_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("letsbridge.sqlite3");
        let other = rusqlite::Connection::open(&path).expect("opens");
        other.execute_batch("CREATE TABLE place (x); CREATE TABLE mine (y)").expect("works");
        drop(other);
        let error = Store::open(directory.path()).expect_err("is another's");
        assert!(error.is_lasting(), "{error}");
    }

    #[test]
    fn files_that_are_removed_or_replaced_while_they_are_open_are_missed() {
        for (name, again) in [
            ("letsbridge.sqlite3", false),
            ("letsbridge.sqlite3", true),
            ("letsbridge.sqlite3-wal", false),
            ("letsbridge.sqlite3-shm", true),
        ] {
            let directory = state();
            let store = Store::open(directory.path()).expect("opens");
            store.still_there().expect("is there");
            let path = directory.path().join(name);
            let bytes = fs::read(&path).expect("is there");
            fs::rename(&path, directory.path().join("elsewhere")).expect("works");
            if again {
                fs::write(&path, bytes).expect("works");
            }
            let error = store.still_there().expect_err("is gone").to_string();
            assert!(error.contains(name), "{error}");
        }
        let directory = state();
        let store = Store::open(directory.path()).expect("opens");
        let moved = directory.path().with_extension("moved");
        fs::rename(directory.path(), &moved).expect("works");
        assert!(store.still_there().is_err());
        fs::remove_dir_all(moved).expect("works");
    }
}
