//! Puts a backup back, and marks the state as restored ([`super::super::Restoration`]).

use std::fs;
use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;

use super::super::files::Owner;
use super::super::{
    DB_FILE, LOCK_FILE, Restoration, StoreError, cluster, damage, files, restoration, schema,
};
use super::{BESIDE, BackupError, BackupSummary, check, open_draft};

/// Which backup to restore, and how.
#[derive(Debug)]
pub struct RestoreRequest<'a> {
    /// The path of `state_dir`.
    pub directory: &'a Path,
    /// The backup.
    pub file: &'a Path,
    /// Whether a state that is there already is moved aside.
    pub replace: bool,
    /// The bridge has not run since the backup: nothing was mirrored that the backup does not know.
    pub moved: bool,
    /// The time.
    pub now: Timestamp,
}

/// What was restored.
#[derive(Debug)]
pub struct RestoreSummary {
    /// What the backup holds.
    pub backup: BackupSummary,
    /// Where the state is now that was there before.
    pub aside: Option<PathBuf>,
}

/// Restores a backup into the state directory, which no bridge may be using. Until the last step nothing of the state
/// that is there changes.
///
/// # Errors
/// When a bridge runs, the directory cannot be used or holds a state, or the file is not a usable backup.
pub fn restore(request: &RestoreRequest<'_>) -> Result<RestoreSummary, BackupError> {
    let RestoreRequest { directory, file, .. } = *request;
    check_version(file)?;
    let owner = files::claim_for_owner(directory)?;
    let unusable = |error| StoreError::Directory { path: directory.to_owned(), error };
    let directory = &directory.canonicalize().map_err(unusable)?;
    let _lock = lock(directory, owner)?;
    let present = present_files(directory);
    if !present.is_empty() && !request.replace {
        let files = present.join(", ");
        return Err(BackupError::Occupied { directory: directory.clone(), files });
    }
    if cluster::is_copy_at(&directory.join(DB_FILE)) {
        return Err(StoreError::RestoreIntoCopy { path: directory.join(DB_FILE) }.into());
    }
    let staged = Staged { directory, owner };
    let backup = stage(&staged, request)?;
    let aside = if present.is_empty() {
        None
    } else {
        Some(move_aside(&staged, &present, request.now).map_err(unusable)?)
    };
    staged.publish().map_err(unusable)?;
    Ok(RestoreSummary { backup, aside })
}

/// Checks the header: the file is a database of letsbridge, of a supported version.
fn check_version(file: &Path) -> Result<(), BackupError> {
    let bad = |reason: String| BackupError::NotABackup { path: file.to_owned(), reason };
    let header = match damage::check_header(file) {
        Ok(header) => header,
        Err(StoreError::Damaged { reason, .. }) => return Err(bad(reason)),
        Err(StoreError::Directory { error, path }) => {
            return Err(BackupError::Read { path, error });
        }
        Err(error) => return Err(error.into()),
    };
    match schema::check_version(file, header.application_id, header.user_version) {
        Ok(()) | Err(StoreError::NotUpgraded { .. }) => Ok(()),
        Err(StoreError::TooNew { path, found, known }) => {
            Err(BackupError::TooNew { program: program_of(&path), path, found, known })
        }
        Err(StoreError::TooOld { .. }) => {
            Err(bad("it is from before the first release".to_owned()))
        }
        Err(StoreError::Damaged { reason, .. }) => Err(bad(reason)),
        Err(error) => Err(error.into()),
    }
}

/// The version of the program that made the backup, as far as it says.
fn program_of(file: &Path) -> String {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    Connection::open_with_flags(file, flags)
        .and_then(|it| it.query_row("SELECT program FROM backup", [], |row| row.get(0)))
        .unwrap_or_else(|_| "of unknown version".to_owned())
}

fn lock(directory: &Path, owner: Owner) -> Result<File, StoreError> {
    let path = directory.join(LOCK_FILE);
    let in_lock = |error| StoreError::Directory { path: path.clone(), error };
    let held = files::open_or_make(&path).map_err(in_lock)?;
    owner.take(&held).map_err(in_lock)?;
    match held.try_lock() {
        Ok(()) => Ok(held),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(directory.to_owned())),
        Err(TryLockError::Error(error)) => Err(in_lock(error)),
    }
}

/// The files of the state in `directory`, the database first.
fn present_files(directory: &Path) -> Vec<String> {
    let beside = ["-wal", "-shm", "-journal"].map(|it| format!("{DB_FILE}{it}"));
    let names = std::iter::once(DB_FILE.to_owned()).chain(beside);
    let names = names.chain(BESIDE.iter().map(|name| (*name).to_owned()));
    names.filter(|name| directory.join(name).exists()).collect()
}

/// The restored files under names that the bridge does not use; what is left of them is removed when dropped.
struct Staged<'a> {
    directory: &'a Path,
    owner: Owner,
}

impl Staged<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.new"))
    }

    /// Gives the files their names, the database last: until then, there is no state.
    fn publish(&self) -> io::Result<()> {
        File::open(self.directory)?.sync_all()?;
        for name in BESIDE.iter().chain([&DB_FILE]) {
            match fs::rename(self.path(name), self.directory.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        File::open(self.directory)?.sync_all()
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        for name in BESIDE.iter().chain([&DB_FILE]) {
            // After `publish`, there is none.
            let _ = fs::remove_file(self.path(name));
        }
        // Beside a file that is no backup, but the database of a bridge.
        for log in ["wal", "shm"] {
            let _ = fs::remove_file(self.directory.join(format!("{DB_FILE}.new-{log}")));
        }
    }
}

/// Writes all files of the backup beside those of the state, and checks them.
fn stage(staged: &Staged<'_>, request: &RestoreRequest<'_>) -> Result<BackupSummary, BackupError> {
    let path = staged.path(DB_FILE);
    let unusable = |error| BackupError::from(StoreError::Directory { path: path.clone(), error });
    let mut from = files::open(request.file)
        .map_err(|error| BackupError::Read { path: request.file.to_owned(), error })?;
    let mut to = files::make(&path).map_err(unusable)?;
    io::copy(&mut from, &mut to).map_err(unusable)?;
    staged.owner.take(&to).map_err(unusable)?;
    drop(to);
    let backup = check(&path, request.file)?;
    if request.moved && backup.running {
        return Err(BackupError::MadeWhileRunning(request.file.to_owned()));
    }
    let contents = unpack(&path, request, &backup)?;
    for (name, content) in contents {
        let path = staged.path(&name);
        let unusable = |error| StoreError::Directory { path: path.clone(), error };
        let mut file = files::make(&path).map_err(unusable)?;
        staged.owner.take(&file).map_err(unusable)?;
        file.write_all(&content).and_then(|()| file.sync_all()).map_err(unusable)?;
    }
    File::open(&path).and_then(|file| file.sync_all()).map_err(unusable)?;
    Ok(backup)
}

/// Takes the tables of the backup out of the database at `path`, and marks it. Returns the files beside it.
fn unpack(
    path: &Path,
    request: &RestoreRequest<'_>,
    backup: &BackupSummary,
) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let mut connection = open_draft(path)?;
    let mut statement = connection.prepare("SELECT name, content FROM backup_file")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut contents: Vec<(String, Vec<u8>)> = rows.collect::<Result<_, _>>()?;
    drop(statement);
    // A name from elsewhere must not lead out of the directory.
    contents.retain(|(name, _)| BESIDE.contains(&name.as_str()));
    connection.execute_batch("BEGIN; DROP TABLE backup_file; DROP TABLE backup")?;
    if !request.moved {
        let mark = Restoration { backup_at: backup.made_at, restored_at: request.now };
        restoration::insert(&connection, mark)?;
    }
    connection.execute_batch("COMMIT")?;
    schema::upgrade(&mut connection)?;
    // A backup of a node is that of a store of its own.
    connection.execute("DELETE FROM replica", [])?;
    Ok(contents)
}

/// Moves the files of the present state into a directory of their own. Returns its path.
fn move_aside(staged: &Staged<'_>, present: &[String], now: Timestamp) -> io::Result<PathBuf> {
    let Staged { directory, owner } = staged;
    let aside = directory.join(format!("replaced-{}", now.strftime("%Y%m%dT%H%M%SZ")));
    DirBuilder::new().mode(0o700).create(&aside)?;
    for name in present {
        fs::rename(directory.join(name), aside.join(name))?;
    }
    let made = File::open(&aside)?;
    owner.take(&made)?;
    made.sync_all()?;
    Ok(aside)
}
