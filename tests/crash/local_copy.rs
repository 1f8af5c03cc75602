//! What a bridge whose store is in PostgreSQL keeps on its own disk, which it may lose: all but the archive.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Row};

use super::administrator::run;

/// The files of the local copy.
const FILES: [&str; 2] = ["letsbridge.sqlite3", "letsbridge.sqlite3-wal"];

/// One death of so many is followed by the loss of everything, and one by the loss of what was written last.
const LOSSES: u8 = 6;

/// The local copy of a bridge that is dead now and then.
#[derive(Debug)]
pub(crate) struct LocalCopy {
    state: PathBuf,
    /// How it was at an earlier death.
    earlier: PathBuf,
}

impl LocalCopy {
    /// That of the bridge whose configuration is in `directory`.
    pub(crate) fn new(directory: &Path) -> Self {
        Self { state: directory.join("state"), earlier: directory.join("earlier") }
    }

    /// Loses all of it, or what was written to it last, as a machine does that loses its power; or nothing. The bridge is
    /// dead.
    pub(crate) fn lose_some(&self, dice: &mut Rng) {
        match dice.u8(..LOSSES) {
            0 => self.lose_all(),
            1 if self.earlier.exists() && self.state.exists() => copy(&self.earlier, &self.state),
            2 if self.state.exists() => copy(&self.state, &self.earlier),
            _ => {}
        }
    }

    fn lose_all(&self) {
        for entry in fs::read_dir(&self.state).into_iter().flatten().flatten() {
            if !entry.file_name().to_string_lossy().starts_with("archive") {
                fs::remove_file(entry.path()).unwrap();
            }
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    // The index of the log that was there belongs to another one.
    let _ = fs::remove_file(to.join("letsbridge.sqlite3-shm"));
    for file in FILES {
        let _ = fs::remove_file(to.join(file));
        if from.join(file).exists() {
            fs::copy(from.join(file), to.join(file)).unwrap();
        }
    }
}

/// Compares the local copy of a bridge that has stopped, and was the last one to be active, with what PostgreSQL has, which
/// becomes the store of a bridge that is alone. Gives what is wrong.
pub(crate) async fn judge(directory: &Path) -> Vec<String> {
    let database = directory.join("state").join(FILES[0]);
    let local = read(&database);
    let end = run(directory, &["store", "copy", "--to", "sqlite"]).await;
    if !end.status.success() {
        return vec![format!("letsbridge store copy: {end:?}")];
    }
    let copied = read(&database);
    let rows: usize = copied.values().map(Vec::len).sum();
    println!("PostgreSQL has {rows} rows in {} tables", copied.len());
    let tables = copied.iter().filter(|(table, rows)| local.get(*table) != Some(rows));
    let complaint = |(table, rows): (&String, &Vec<String>)| {
        let local = local.get(table).cloned().unwrap_or_default();
        let only = |these: &[String], those: &[String]| {
            these.iter().filter(|it| !those.contains(it)).take(5).cloned().collect::<Vec<_>>()
        };
        let (there, here) = (only(rows, &local), only(&local, rows));
        format!("{table}: only PostgreSQL has {there:#?}, only the local copy has {here:#?}")
    };
    tables.map(complaint).collect()
}

/// The rows of each table, in words and in an order of their own; without what the copy says of itself.
fn read(database: &Path) -> BTreeMap<String, Vec<String>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = Connection::open_with_flags(database, flags).unwrap();
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'replica'";
    let mut names = database.prepare(sql).unwrap();
    let names = names.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let rows_of = |table: &str| {
        let mut rows = database.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let columns = rows.column_count();
        let words = |row: &Row<'_>| {
            let values: Result<Vec<Value>, _> = (0..columns).map(|at| row.get(at)).collect();
            Ok(format!("{:?}", values?))
        };
        let mut rows: Vec<String> =
            rows.query_map([], words).unwrap().map(Result::unwrap).collect();
        rows.sort();
        rows
    };
    names.map(Result::unwrap).map(|name| (name.clone(), rows_of(&name))).collect()
}
