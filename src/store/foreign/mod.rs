//! Logs that other programs keep in SQLite: the core of Quassel, soju and The Lounge.
//!
//! They are read, and never written, locked or changed otherwise ([`mod@file`]). What stands in them may be anything: it is
//! checked ([`cells`]), bounded, and nothing in it is run.

mod cells;
mod entries;
mod error;
mod file;
mod program;
mod quassel;
mod quassel_message;
mod soju;
#[cfg(test)]
mod tests;
mod the_lounge;

use std::collections::HashMap;
use std::path::Path;

use encoding_rs::{Encoding, WINDOWS_1252};
use rusqlite::{Connection, OptionalExtension};

pub use entries::ForeignEntries;
pub use error::ForeignLogError;
pub use quassel_message::QuasselMessage;
#[cfg(test)]
pub(crate) use tests::make_quassel_database;

use crate::domain::DatabaseFormat;
use entries::EntriesRequest;
use file::ForeignFile;
use program::ForeignProgram;

/// What is recognised, by the first table of each; in this order.
const PROGRAMS: [&ForeignProgram; 3] = [&quassel::QUASSEL, &soju::SOJU, &the_lounge::THE_LOUNGE];

/// More channels and queries than anybody has.
const MAX_CHANNELS: usize = 100_000;

/// How many tables of an unknown database an error names.
const TABLES_IN_ERROR: usize = 8;

/// A log in a database of another program.
#[derive(Debug)]
pub struct ForeignLog {
    file: ForeignFile,
    connection: Connection,
    program: &'static ForeignProgram,
    /// The version of its tables, if it says.
    version: Option<i64>,
    encoding: &'static Encoding,
}

/// A channel or query in such a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignChannel {
    /// The network, as the log names it: for The Lounge, by an identifier.
    pub network: String,
    /// The channel, or the nick of the other.
    pub name: String,
    /// Whose log it is, if several people use the program: each has logs of their own of the same channel.
    pub owner: Option<String>,
    /// It is a query, and not a channel.
    pub is_private: bool,
    /// How many rows it has.
    pub count: u64,
    key: i64,
}

impl ForeignLog {
    /// Opens the file of a log.
    ///
    /// # Errors
    /// When it cannot be opened, is none, is in use, or is damaged.
    pub fn open(path: &Path) -> Result<Self, ForeignLogError> {
        let file = ForeignFile::look(path)?;
        let connection = file.connect()?;
        let failed = |error| file.error(error);
        let tables = tables(&connection).map_err(failed)?;
        let program = PROGRAMS.into_iter().find(|program| {
            let needed = program.tables.iter().take(2);
            needed.clone().all(|(table, _)| tables.contains_key(&table.to_lowercase()))
        });
        let Some(program) = program else {
            let mut names: Vec<_> = tables.into_keys().collect();
            names.sort_unstable();
            names.truncate(TABLES_IN_ERROR);
            let tables = names.join(", ");
            return Err(ForeignLogError::NoLog { path: file.path(), tables });
        };
        check_tables(&file, &connection, program, &tables)?;
        let version = match program.version {
            Some(sql) if tables.contains_key("coreinfo") => {
                connection.query_row(sql, [], |row| row.get(0)).optional().map_err(failed)?
            }
            _ => None,
        };
        Ok(Self { file, connection, program, version, encoding: WINDOWS_1252 })
    }

    /// Reads texts that are not UTF-8 in this encoding; otherwise, as Windows-1252.
    #[must_use]
    pub fn with_encoding(self, encoding: &'static Encoding) -> Self {
        Self { encoding, ..self }
    }

    /// Which program wrote it.
    #[must_use]
    pub fn format(&self) -> DatabaseFormat {
        self.program.format
    }

    /// Its channels and queries that have rows, by network, name and owner.
    ///
    /// # Errors
    /// When it cannot be read, was written to meanwhile, or is damaged.
    pub fn channels(&self) -> Result<Vec<ForeignChannel>, ForeignLogError> {
        let failed = |error| self.file.error(error);
        let mut statement = self.connection.prepare(self.program.channels).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        let mut channels = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let key = row.get(8).map_err(failed)?;
            let text = |at, column| {
                let text = cells::text_of_row(row, at, column, self.encoding);
                text.map(|text| cells::one_line(&text)).map_err(|reason| {
                    let (path, table) = (self.file.path(), self.program.tables[0].0);
                    ForeignLogError::BadRow { path, table, row: key, reason }
                })
            };
            let owner = text(4, "owner")?;
            channels.push(ForeignChannel {
                network: text(0, "network")?,
                name: text(2, "channel")?,
                owner: (!owner.is_empty()).then_some(owner),
                is_private: row.get(6).map_err(failed)?,
                count: row.get::<_, i64>(7).map_err(failed)?.unsigned_abs(),
                key,
            });
            if channels.len() > MAX_CHANNELS {
                return Err(ForeignLogError::TooManyChannels {
                    path: self.file.path(),
                    program: self.program.name,
                    most: MAX_CHANNELS,
                });
            }
        }
        self.file.check_unchanged()?;
        channels.sort_by(|one, other| {
            let key = |it: &ForeignChannel| (it.network.clone(), it.name.clone(), it.owner.clone());
            key(one).cmp(&key(other))
        });
        Ok(channels)
    }

    /// What happened in the channel: all of it, or what comes after the last entry of the row `after`.
    ///
    /// # Errors
    /// When it cannot be read, was written to since it was opened, or is damaged; or when there is no such row.
    pub fn entries(
        &self,
        channel: &ForeignChannel,
        after: Option<i64>,
    ) -> Result<ForeignEntries, ForeignLogError> {
        ForeignEntries::new(&EntriesRequest {
            file: &self.file,
            program: self.program,
            version: self.version,
            channel: &channel.name,
            key: channel.key,
            encoding: self.encoding,
            after,
        })
    }
}

/// The names of the tables in lower case, and of what kind each is.
fn tables(connection: &Connection) -> rusqlite::Result<HashMap<String, String>> {
    let sql = "SELECT lower(name), type FROM pragma_table_list WHERE schema = 'main' \
               AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// Checks that what is read are tables, with the columns that are read. A column that is computed from others is none.
fn check_tables(
    file: &ForeignFile,
    connection: &Connection,
    program: &'static ForeignProgram,
    tables: &HashMap<String, String>,
) -> Result<(), ForeignLogError> {
    let (path, name) = (file.path(), program.name);
    for (table, columns) in program.tables {
        let missing = |column| ForeignLogError::MissingColumn {
            path: path.clone(),
            program: name,
            table,
            column,
        };
        match tables.get(&table.to_lowercase()).map(String::as_str) {
            Some("table") => {}
            Some(kind) => {
                let kind = if kind == "virtual" { "virtual table" } else { kind }.to_owned();
                return Err(ForeignLogError::NotATable { path, program: name, table, kind });
            }
            None => return Err(missing(columns[0])),
        }
        let sql = "SELECT lower(name) FROM pragma_table_info(?1)";
        let read = connection.prepare(sql).and_then(|mut statement| {
            let rows = statement.query_map([table], |row| row.get::<_, String>(0))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        });
        let found = read.map_err(|error| file.error(error))?;
        if let Some(column) = columns.iter().find(|column| !found.iter().any(|it| it == *column)) {
            return Err(missing(column));
        }
    }
    Ok(())
}
