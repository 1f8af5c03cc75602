//! Why a log that another program keeps in a database cannot be read, and what would do.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a database of another program, or one row of it, cannot be read.
#[derive(Debug, Error)]
pub enum ForeignLogError {
    /// The file cannot be opened.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// The file is none that SQLite reads.
    #[error(
        "{path} cannot be read as a database ({reason}): copy it again, whole; if its program encrypts it, decrypt it first"
    )]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A database, but no log.
    #[error(
        "{path} is a database, but none of Quassel, soju or The Lounge: its tables are {tables}. A log needs `backlog` and `buffer` (Quassel), `Message` and `MessageTarget` (soju), or `messages` (The Lounge)"
    )]
    NoLog {
        /// The file.
        path: PathBuf,
        /// The first of its tables.
        tables: String,
    },
    /// A table of the log is something else, which could compute anything.
    #[error(
        "{path} is not as {program} makes it: `{table}` is a {kind}, and not a table. Import the file that {program} itself wrote"
    )]
    NotATable {
        /// The file.
        path: PathBuf,
        /// Whose log it looks like.
        program: &'static str,
        /// The table.
        table: &'static str,
        /// What it is instead.
        kind: String,
    },
    /// A column is missing.
    #[error(
        "{path} is not as {program} makes it: the table `{table}` has no column `{column}`. If an old version wrote it, let a newer {program} open a copy once, and import that"
    )]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// Whose log it looks like.
        program: &'static str,
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// A part of the log is in another file.
    #[error(
        "{path} is in use, or was not closed: {rest} holds a part of it. Stop the program that writes it; or copy it with `sqlite3 {path} \".backup whole.sqlite\"`, which may run beside that program and as its user, and import whole.sqlite"
    )]
    Unfinished {
        /// The file.
        path: PathBuf,
        /// The file beside it.
        rest: PathBuf,
    },
    /// Somebody wrote to the file.
    #[error(
        "{0} was written to or replaced while it was read: import it again, and before that stop the program that writes it, or copy it with `sqlite3 {0} \".backup whole.sqlite\"`"
    )]
    Changed(PathBuf),
    /// A part of the file is damaged.
    #[error(
        "{path} is damaged ({reason}): copy it again, or save what is left with `sqlite3 {path} .recover | sqlite3 rest.sqlite`, and import rest.sqlite"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// There are more channels than anybody has.
    #[error(
        "{path} names more than {most} channels and queries: import the file that {program} itself wrote"
    )]
    TooManyChannels {
        /// The file.
        path: PathBuf,
        /// Whose log it looks like.
        program: &'static str,
        /// The limit.
        most: usize,
    },
    /// The row after which reading was to go on is not there.
    #[error(
        "{path} has no row {row} in this channel any more, after which reading was to go on: read it from its beginning"
    )]
    RowGone {
        /// The file.
        path: PathBuf,
        /// The row.
        row: i64,
    },
    /// One row makes no sense; those after it can be read.
    #[error("{path}: row {row} of the table `{table}` is left out: {reason}")]
    BadRow {
        /// The file.
        path: PathBuf,
        /// The table.
        table: &'static str,
        /// Its number.
        row: i64,
        /// What is wrong with it.
        reason: String,
    },
    /// Another error of SQLite.
    #[error("{path}: {error}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// The error.
        error: rusqlite::Error,
    },
}

impl ForeignLogError {
    /// Whether only one row is concerned, and those after it can be read.
    #[must_use]
    pub fn is_of_one_row(&self) -> bool {
        matches!(self, Self::BadRow { .. })
    }

    /// The text for where the path was said already.
    #[must_use]
    pub fn about_it(&self) -> String {
        let text = self.to_string();
        let path = self.path().display().to_string();
        let rest = text.strip_prefix(&path);
        rest.map_or_else(|| text.clone(), |rest| format!("it{rest}"))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Unreadable { path, .. }
            | Self::NotADatabase { path, .. }
            | Self::NoLog { path, .. }
            | Self::NotATable { path, .. }
            | Self::MissingColumn { path, .. }
            | Self::Unfinished { path, .. }
            | Self::Changed(path)
            | Self::Damaged { path, .. }
            | Self::TooManyChannels { path, .. }
            | Self::RowGone { path, .. }
            | Self::BadRow { path, .. }
            | Self::Sqlite { path, .. } => path,
        }
    }
}
