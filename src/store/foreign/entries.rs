//! The entries of one channel, in order of time, with little memory.
//!
//! A bouncer's playback, or a clock that was set, put rows out of order, and the tables have no index that would help in
//! all versions. So times and numbers of the channel's rows are sorted in a temporary table, which SQLite keeps in a file
//! once it is large; then the rows are read a few at a time.

use std::collections::VecDeque;

use encoding_rs::Encoding;
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::cells::Cells;
use super::error::ForeignLogError;
use super::file::ForeignFile;
use super::program::{ForeignProgram, RowContext};
use crate::domain::LogEvent;

/// How many rows are read at a time.
const ROWS_AT_A_TIME: usize = 64;

/// Stands for the time of a row that has none: such rows come first.
const NO_TIME: i64 = i64::MIN;

const ARRANGEMENT: &str =
    "CREATE TEMP TABLE arrangement (at INTEGER, id INTEGER, PRIMARY KEY (at, id)) WITHOUT ROWID";

/// What happened in a channel, in order of time; at one time, in the order of the rows.
///
/// An entry has the number of its row. A row may have several entries, which come one after another, and it may have none.
/// After an error that [concerns one row](ForeignLogError::is_of_one_row), reading goes on; any other is the end.
#[derive(Debug)]
pub struct ForeignEntries {
    file: ForeignFile,
    connection: Connection,
    program: &'static ForeignProgram,
    channel: String,
    encoding: &'static Encoding,
    /// The last row that was read.
    position: (i64, i64),
    read: VecDeque<Result<(i64, Timestamp, LogEvent), ForeignLogError>>,
    is_done: bool,
}

/// Which channel is to be read, and how.
#[derive(Debug)]
pub(super) struct EntriesRequest<'r> {
    pub(super) file: &'r ForeignFile,
    pub(super) program: &'static ForeignProgram,
    pub(super) version: Option<i64>,
    pub(super) channel: &'r str,
    pub(super) key: i64,
    pub(super) encoding: &'static Encoding,
    pub(super) after: Option<i64>,
}

impl ForeignEntries {
    pub(super) fn new(request: &EntriesRequest<'_>) -> Result<Self, ForeignLogError> {
        let file = request.file.clone();
        let connection = file.connect()?;
        arrange(&connection, request).map_err(|error| arranging_failed(&file, error))?;
        let position = match request.after {
            None => (NO_TIME, i64::MIN),
            Some(row) => {
                let sql = "SELECT at FROM temp.arrangement WHERE id = ?1";
                let found = connection.query_row(sql, [row], |found| found.get(0));
                match found {
                    Ok(at) => (at, row),
                    Err(rusqlite::Error::QueryReturnedNoRows) => {
                        return Err(ForeignLogError::RowGone { path: file.path(), row });
                    }
                    Err(error) => return Err(file.error(error)),
                }
            }
        };
        Ok(Self {
            file,
            connection,
            program: request.program,
            channel: request.channel.to_owned(),
            encoding: request.encoding,
            position,
            read: VecDeque::new(),
            is_done: false,
        })
    }

    /// Reads the next rows.
    fn read_more(&mut self) -> Result<(), ForeignLogError> {
        let ForeignProgram { columns, joins, .. } = self.program;
        let sql = format!(
            "SELECT o.at, o.id, {columns} FROM temp.arrangement o {joins}
             WHERE (o.at, o.id) > (?1, ?2) ORDER BY o.at, o.id LIMIT {ROWS_AT_A_TIME}"
        );
        let failed = |error| self.file.error(error);
        let mut statement = self.connection.prepare_cached(&sql).map_err(failed)?;
        let (at, id) = self.position;
        let mut rows = statement.query(params![at, id]).map_err(failed)?;
        let (mut position, mut read, mut count) = (self.position, VecDeque::new(), 0);
        while let Some(row) = rows.next().map_err(failed)? {
            position = (row.get(0).map_err(failed)?, row.get(1).map_err(failed)?);
            let (at, id) = position;
            count += 1;
            if row.get_ref(2).map_err(failed)? == rusqlite::types::ValueRef::Null {
                return Err(self.file.damaged(format!("an index has row {id}, which is missing")));
            }
            let cells = Cells {
                row,
                connection: &self.connection,
                table: self.program.tables[0].0,
                id,
                encoding: self.encoding,
            };
            match self.entries(at, &cells) {
                Ok((at, events)) => {
                    read.extend(events.into_iter().map(|event| Ok((id, at, event))));
                }
                Err(reason) => read.push_back(Err(ForeignLogError::BadRow {
                    path: self.file.path(),
                    table: self.program.tables[0].0,
                    row: id,
                    reason,
                })),
            }
        }
        drop(rows);
        drop(statement);
        self.file.check_unchanged()?;
        self.position = position;
        self.is_done = count < ROWS_AT_A_TIME;
        self.read = read;
        Ok(())
    }

    /// What one row says.
    fn entries(&self, at: i64, cells: &Cells<'_>) -> Result<(Timestamp, Vec<LogEvent>), String> {
        let time = (at != NO_TIME).then(|| Timestamp::from_millisecond(at));
        let time = time.and_then(Result::ok).ok_or("its `time` is none")?;
        let context = RowContext { channel: &self.channel };
        let events = (self.program.events)(cells, &context)?;
        match events.iter().any(names_nobody) {
            true => Err("it does not say who".to_owned()),
            false => Ok((time, events)),
        }
    }
}

impl Iterator for ForeignEntries {
    type Item = Result<(i64, Timestamp, LogEvent), ForeignLogError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.read.is_empty() && !self.is_done {
            if let Err(error) = self.read_more() {
                self.is_done = true;
                return Some(Err(error));
            }
        }
        self.read.pop_front()
    }
}

/// Sorts the rows of the channel.
fn arrange(connection: &Connection, request: &EntriesRequest<'_>) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA temp_store = FILE; BEGIN")?;
    connection.execute_batch(ARRANGEMENT)?;
    let mut insert = connection.prepare("INSERT INTO temp.arrangement VALUES (?1, ?2)")?;
    let mut statement = connection.prepare(request.program.times)?;
    let mut rows = statement.query([request.key])?;
    while let Some(row) = rows.next()? {
        let time = (request.program.time)(row.get_ref(1)?, request.version);
        insert.execute(params![time.unwrap_or(NO_TIME), row.get::<_, i64>(0)?])?;
    }
    drop(rows);
    connection.execute_batch("COMMIT")
}

/// The same row twice in a table is damage.
fn arranging_failed(file: &ForeignFile, error: rusqlite::Error) -> ForeignLogError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation) => {
            file.damaged("a row is there twice".to_owned())
        }
        _ => file.error(error),
    }
}

/// Whether it should say who, and does not.
fn names_nobody(event: &LogEvent) -> bool {
    match event {
        LogEvent::Message { by: who, .. }
        | LogEvent::Join(who)
        | LogEvent::Part { who, .. }
        | LogEvent::Quit { who, .. } => who.nick.is_empty(),
        LogEvent::Nick { from, to } => from.nick.is_empty() || to.is_empty(),
        LogEvent::Kick { nick, .. } => nick.is_empty(),
        LogEvent::Mode { .. } | LogEvent::Topic { .. } | LogEvent::Client(_) => false,
    }
}
