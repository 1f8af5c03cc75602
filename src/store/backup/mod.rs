//! A backup: the whole state in one file, made while the bridge runs.
//!
//! The file is an SQLite database: a copy of the bridge's own, with two more tables. `backup` says what it is, and
//! `backup_file` has the small files that stand beside the database, the keys among them. So it is one file that
//! `PRAGMA integrity_check` covers as a whole, and nothing else is needed to read it.
//!
//! `VACUUM INTO` copies within one read transaction: the copy is the state after one commit. The bridge goes on writing
//! meanwhile; only the log of the database grows, since it cannot be reset under a reader.

mod error;
mod restore;

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::columns::time_from_sql;
use super::{DB_FILE, Look, files, look};

pub use error::BackupError;
pub use restore::{RestoreRequest, RestoreSummary, restore};

/// The files beside the database that belong to the state.
const BESIDE: &[&str] = &["links.key", "accounts.key", "sts.json"];

/// Maximum bytes of such a file.
const MAX_BESIDE: u64 = 1 << 20;

const TABLES: &str = "
    -- What this backup is; one row.
    CREATE TABLE backup (
        made_at INTEGER NOT NULL,                    -- milliseconds since 1970
        program TEXT NOT NULL,
        running INTEGER NOT NULL                     -- whether a bridge was running
    ) STRICT;
    -- The files beside the database.
    CREATE TABLE backup_file (
        name    TEXT PRIMARY KEY,
        content BLOB NOT NULL
    ) STRICT;
";

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupSummary {
    /// When it was made.
    pub made_at: Timestamp,
    /// The version of the program that made it.
    pub program: String,
    /// Whether a bridge was running then.
    pub running: bool,
    /// The size of the file, in bytes.
    pub bytes: u64,
    /// How many messages the ledger has.
    pub messages: u64,
    /// How many deliveries wait, or may have arrived.
    pub waiting: u64,
    /// How many people's accounts and logins it gives access to.
    pub accounts: u64,
    /// The files beside the database.
    pub files: Vec<String>,
}

/// What to back up, and how.
#[derive(Debug)]
pub struct BackupRequest<'a> {
    /// The path of `state_dir`.
    pub directory: &'a Path,
    /// The file to write.
    pub file: &'a Path,
    /// Whether an existing file is overwritten.
    pub overwrite: bool,
    /// The version of this program.
    pub program: &'a str,
    /// The time.
    pub now: Timestamp,
}

/// Writes a backup, beside a running bridge or without one. The file appears once it is whole, checked and on disk;
/// only its owner can read it.
///
/// # Errors
/// When there is nothing to back up, the database cannot be read, or the file cannot be written.
pub fn back_up(request: &BackupRequest<'_>) -> Result<BackupSummary, BackupError> {
    let BackupRequest { directory, file: target, overwrite, .. } = *request;
    let unwritten = |error| BackupError::Write { path: target.to_owned(), error };
    let found = look(directory)?;
    if found == Look::Missing || !directory.join(DB_FILE).exists() {
        return Err(BackupError::Nothing(directory.to_owned()));
    }
    check_target(target, directory, overwrite)?;
    let draft = UnfinishedFile::beside(target).map_err(unwritten)?;
    copy_database(directory, &draft, target)?;
    // A bridge may have started meanwhile.
    let running = found == Look::InUse || look(directory)? == Look::InUse;
    let connection = open_draft(&draft.path).map_err(|error| unwritten(io::Error::other(error)))?;
    add_tables(&connection, request, running)?;
    drop(connection);
    let summary = check(&draft.path, target)?;
    draft.publish(target).map_err(unwritten)?;
    Ok(summary)
}

/// Rejects a target that is no file, belongs to the state, or exists and may not be overwritten.
fn check_target(target: &Path, directory: &Path, overwrite: bool) -> Result<(), BackupError> {
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
    let is_same = |one: &Path| one.canonicalize().ok() == directory.canonicalize().ok();
    if is_same(parent.unwrap_or(Path::new("."))) {
        return Err(BackupError::InState(target.to_owned()));
    }
    let Ok(found) = fs::symlink_metadata(target) else { return Ok(()) };
    if !found.is_file() {
        let error = io::Error::other("it exists, and is not a file: choose another name");
        return Err(BackupError::Write { path: target.to_owned(), error });
    }
    if !overwrite {
        return Err(BackupError::Exists(target.to_owned()));
    }
    if is_backup(target) { Ok(()) } else { Err(BackupError::NotOurs(target.to_owned())) }
}

/// Whether this file is a backup, of any version.
fn is_backup(file: &Path) -> bool {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let find = || {
        let connection = Connection::open_with_flags(file.canonicalize().ok()?, flags).ok()?;
        let sql = "SELECT COUNT(*) FROM sqlite_schema WHERE name IN ('backup', 'backup_file')";
        connection.query_row(sql, [], |row| row.get::<_, i64>(0)).ok()
    };
    find() == Some(2)
}

/// A file that is not finished; removed when dropped.
struct UnfinishedFile {
    path: PathBuf,
    directory: PathBuf,
}

impl UnfinishedFile {
    /// An empty file beside `target` that only we can read.
    fn beside(target: &Path) -> io::Result<Self> {
        let name = target.file_name().ok_or_else(|| io::Error::other("it is not a file name"))?;
        let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
        // Absolute: SQLite would take `file:…` for an address.
        let directory = parent.unwrap_or(Path::new(".")).canonicalize()?;
        let name = format!(".{}.{}.new", name.to_string_lossy(), std::process::id());
        let path = directory.join(name);
        drop(files::make(&path)?);
        Ok(Self { path, directory })
    }

    /// Gives the finished file its name.
    fn publish(&self, target: &Path) -> io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        fs::rename(&self.path, target)?;
        File::open(&self.directory)?.sync_all()
    }
}

impl Drop for UnfinishedFile {
    fn drop(&mut self) {
        // After `publish`, it has another name.
        let _ = fs::remove_file(&self.path);
    }
}

fn copy_database(
    directory: &Path,
    draft: &UnfinishedFile,
    target: &Path,
) -> Result<(), BackupError> {
    let connection = look::open_to_read(directory)?;
    let unwritten = |error| BackupError::Write { path: target.to_owned(), error };
    let path = draft.path.to_str();
    let path = path.ok_or_else(|| unwritten(io::Error::other("its path is not UTF-8")))?;
    match connection.execute("VACUUM INTO ?1", [path]) {
        Ok(_) => Ok(()),
        Err(error) if super::damage::is_damage(&error) => {
            Err(super::damage::named(error.into(), &directory.join(DB_FILE)).into())
        }
        Err(error) => Err(unwritten(io::Error::other(error))),
    }
}

/// Opens a file that nobody else has open. Its journal is in memory: if it is not finished, it is thrown away.
fn open_draft(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "journal_mode", "MEMORY")?;
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(connection)
}

fn add_tables(
    connection: &Connection,
    request: &BackupRequest<'_>,
    running: bool,
) -> Result<(), BackupError> {
    let unwritten = |error| BackupError::Write {
        path: request.file.to_owned(),
        error: io::Error::other(error),
    };
    let add = |sql, values: &[&dyn rusqlite::ToSql]| connection.execute(sql, values).map(drop);
    // A backup of a state that was restored itself.
    connection.execute_batch("BEGIN").map_err(unwritten)?;
    connection.execute_batch(TABLES).map_err(unwritten)?;
    add(
        "INSERT INTO backup (made_at, program, running) VALUES (?1, ?2, ?3)",
        params![request.now.as_millisecond(), request.program, running],
    )
    .map_err(unwritten)?;
    for name in BESIDE {
        let path = request.directory.join(name);
        let content = match read_beside(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(BackupError::Read { path, error }),
        };
        add("INSERT INTO backup_file (name, content) VALUES (?1, ?2)", params![name, content])
            .map_err(unwritten)?;
    }
    connection.execute_batch("COMMIT").map_err(unwritten)
}

fn read_beside(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    files::open(path)?.take(MAX_BESIDE + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MAX_BESIDE {
        return Err(io::Error::other("it is too long for a file of letsbridge"));
    }
    Ok(content)
}

/// Checks that the file at `path` is a whole backup of a supported version, and says what it holds. Errors name it
/// `shown`.
fn check(path: &Path, shown: &Path) -> Result<BackupSummary, BackupError> {
    let bad = |reason: String| BackupError::NotABackup { path: shown.to_owned(), reason };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| bad(error.to_string()))?;
    let intact: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(|error| bad(error.to_string()))?;
    if intact != "ok" {
        return Err(bad(intact));
    }
    let bytes = fs::metadata(path)
        .map_err(|error| BackupError::Read { path: shown.to_owned(), error })?
        .len();
    summarize(&connection, bytes)
        .map_err(|error| bad(error.to_string()))?
        .ok_or_else(|| bad("it does not say when it was made".to_owned()))
}

fn summarize(connection: &Connection, bytes: u64) -> rusqlite::Result<Option<BackupSummary>> {
    let count = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let count = |sql| count(sql).map(i64::unsigned_abs);
    let mut statement = connection.prepare("SELECT name FROM backup_file ORDER BY name DESC")?;
    let files = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let sql = "SELECT made_at, program, running FROM backup";
    let row = connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let Some((made_at, program, running)) = row.optional()? else { return Ok(None) };
    Ok(Some(BackupSummary {
        made_at: time_from_sql(made_at),
        program,
        running,
        bytes,
        messages: count("SELECT COUNT(*) FROM message")?,
        waiting: count("SELECT COUNT(*) FROM delivery WHERE state < 3")?,
        accounts: count(
            "SELECT (SELECT COUNT(*) FROM speaker_account WHERE coalesce(password, session, token) IS NOT NULL)
                 + (SELECT COUNT(*) FROM puppet_login)",
        )?,
        files,
    }))
}
