//! Opens or inspects the state directory for programs other than the running bridge.

use std::fs::TryLockError;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::files::Mend;
use super::{BUSY_TIMEOUT, DB_FILE, LOCK_FILE, StoreError, damage, files, schema};

/// The condition of the state directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Usable and not in use.
    Free,
    /// Missing, but can be created.
    Missing,
    /// A bridge is running on it.
    InUse,
}

/// Inspects the state directory without changing anything.
///
/// # Errors
/// When this version, run by the current user, cannot use it.
pub fn look(directory: &Path) -> Result<Look, StoreError> {
    let unusable = |error| StoreError::Directory { path: directory.to_owned(), error };
    if !directory.exists() {
        files::check_ancestors(directory)?;
        files::can_be_written(directory).map_err(unusable)?;
        return Ok(Look::Missing);
    }
    files::inspect(directory, Mend::No)?;
    files::can_be_written(directory).map_err(unusable)?;
    let lock = directory.join(LOCK_FILE);
    if lock.exists() {
        let in_lock = |error| StoreError::Directory { path: lock.clone(), error };
        match files::open(&lock).map_err(in_lock)?.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Look::InUse),
            Err(TryLockError::Error(error)) => return Err(in_lock(error)),
        }
    }
    if directory.join(DB_FILE).exists() {
        check_schema(directory)?;
    }
    Ok(Look::Free)
}

/// Checks that this version can use the database in `directory`, which another program may have open. It may have to
/// bring it up to date first, which it does when it starts.
///
/// # Errors
/// When it cannot, or the database cannot be read.
pub fn check_schema(directory: &Path) -> Result<(), StoreError> {
    let path = directory.join(DB_FILE);
    let header = damage::check_header(&path)?;
    match schema::check_version(&path, header.application_id, header.user_version) {
        Err(StoreError::NotUpgraded { .. }) => Ok(()),
        checked => checked,
    }
}

/// Opens the database in `directory` for reading, beside the bridge that writes it.
pub(super) fn open_to_read(directory: &Path) -> Result<Connection, StoreError> {
    open(directory, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Opens the database in `directory` for reading, in the program that has it open as a store. Its header was checked
/// then: to open and close the file by other means than SQLite would drop all locks of this program on it, and the next
/// program that closes the database would remove its log.
pub(super) fn open_in_same_program(directory: &Path) -> Result<Connection, StoreError> {
    open_checked(directory, OpenFlags::SQLITE_OPEN_READ_ONLY, |_| Ok(()))
}

/// Opens the database in `directory` for writing, beside the bridge that writes it. What is committed is on disk.
pub(super) fn open_to_write(directory: &Path) -> Result<Connection, StoreError> {
    let connection = open(directory, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

fn open(directory: &Path, how: OpenFlags) -> Result<Connection, StoreError> {
    open_checked(directory, how, |path| damage::check_header(path).map(drop))
}

fn open_checked(
    directory: &Path,
    how: OpenFlags,
    check: impl FnOnce(&Path) -> Result<(), StoreError>,
) -> Result<Connection, StoreError> {
    let unusable = |error| StoreError::Directory { path: directory.to_owned(), error };
    files::inspect(directory, Mend::No)?;
    let path = directory.canonicalize().map_err(unusable)?.join(DB_FILE);
    check(&path)?;
    let flags = how | OpenFlags::SQLITE_OPEN_NOFOLLOW | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&path, flags)
        .map_err(|error| damage::named(error.into(), &path))?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "secure_delete", true)?;
    let named = directory.join(DB_FILE);
    schema::check(&connection, &named).map_err(|error| damage::named(error, &named))?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::Store;

    #[test]
    fn look_leaves_nothing_behind() {
        let parent = tempfile::tempdir().expect("a directory");
        let directory = parent.path().join("some/state");
        assert_eq!(look(&directory).expect("can be made"), Look::Missing);
        assert!(!parent.path().join("some").exists());
        fs::create_dir_all(&directory).expect("works");
        assert_eq!(look(&directory).expect("works"), Look::Free);
        assert_eq!(fs::read_dir(&directory).expect("is there").count(), 0);
        let store = Store::open(&directory).expect("opens");
        assert_eq!(look(&directory).expect("works"), Look::InUse);
        drop(store);
        let names = || {
            let entries = fs::read_dir(&directory).expect("is there");
            let mut names: Vec<_> = entries.map(|it| it.expect("is there").file_name()).collect();
            names.sort();
            names
        };
        let before = names();
        assert_eq!(look(&directory).expect("works"), Look::Free);
        assert_eq!(names(), before);
    }

    #[test]
    fn look_reports_damage_and_a_missing_directory() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("letsbridge.sqlite3"), "hello").expect("works");
        assert!(matches!(look(directory.path()), Err(StoreError::Damaged { .. })));
        let file = tempfile::NamedTempFile::new().expect("a file");
        assert!(matches!(look(file.path()), Err(StoreError::NotAFile { .. })));
        let below = file.path().join("state");
        assert!(
            matches!(look(&below), Err(StoreError::NotAFile { path, .. }) if path == file.path())
        );
    }

    #[test]
    fn database_that_can_be_brought_up_to_date_is_fine() {
        let directory = tempfile::tempdir().expect("a directory");
        drop(Store::open(directory.path()).expect("opens"));
        let is_fine = |version: u32| {
            let connection = Connection::open(directory.path().join(DB_FILE)).expect("opens");
            connection.pragma_update(None, "user_version", version).expect("works");
            drop(connection);
            check_schema(directory.path())
        };
        assert!(is_fine(3).is_ok() && is_fine(4).is_ok());
        assert!(matches!(is_fine(2), Err(StoreError::TooOld { .. })));
        assert!(matches!(is_fine(1_000), Err(StoreError::TooNew { .. })));
    }
}
