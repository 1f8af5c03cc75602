//! What is to be known of a program to read its log.

use rusqlite::types::ValueRef;

use super::cells::Cells;
use crate::domain::{DatabaseFormat, LogEvent};

/// What is to be known of a program.
#[derive(Debug)]
pub(super) struct ForeignProgram {
    pub(super) format: DatabaseFormat,
    /// Its name, for messages.
    pub(super) name: &'static str,
    /// Its tables that are read, and their columns; the first holds the log.
    pub(super) tables: &'static [(&'static str, &'static [&'static str])],
    /// Asks for the version of its tables; those without that table have none.
    pub(super) version: Option<&'static str>,
    /// Asks for its channels: network, name, owner, as [`bounded`] texts; whether it is a query; how many rows; and the
    /// key of the channel for `times`.
    pub(super) channels: &'static str,
    /// Asks for number and time of the rows of the channel `?1`.
    pub(super) times: &'static str,
    /// The time of a row in milliseconds, from its column and the version.
    pub(super) time: fn(ValueRef<'_>, Option<i64>) -> Option<i64>,
    /// The columns that `events` needs, of the log as `m`.
    pub(super) columns: &'static str,
    /// The tables that they stand in, to be joined to the row `o.id`.
    pub(super) joins: &'static str,
    /// What a row says happened, in that order; why it makes no sense, otherwise.
    pub(super) events: fn(&Cells<'_>, &RowContext<'_>) -> Result<Vec<LogEvent>, String>,
}

/// What the rows of one channel have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowContext<'c> {
    /// The name of the channel.
    pub(super) channel: &'c str,
}

/// The length of a text in bytes, and the text unless it is longer than that; SQLite then does not even load it.
macro_rules! bounded {
    ($column:literal, $most:literal) => {
        concat!(
            "octet_length(",
            $column,
            "), CASE WHEN octet_length(",
            $column,
            ") <= ",
            $most,
            " THEN ",
            $column,
            " END"
        )
    };
}
pub(super) use bounded;

/// Whether this is the name of a channel, and not of a user.
pub(super) fn is_channel_name(name: &str) -> bool {
    name.starts_with(['#', '&', '+', '!'])
}
