//! Reads columns that may hold anything: of any type, of any length, in any encoding.

use std::io::Read;

use encoding_rs::Encoding;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use crate::domain::is_torn_utf8;

/// The most of a text that is kept, in bytes; as in logs that are files.
pub(super) const MAX_TEXT: usize = 64 << 10;

/// A row of the log.
pub(super) struct Cells<'r> {
    pub(super) row: &'r Row<'r>,
    pub(super) connection: &'r Connection,
    /// The table of the log, and the number of the row in it.
    pub(super) table: &'static str,
    pub(super) id: i64,
    pub(super) encoding: &'static Encoding,
}

impl Cells<'_> {
    /// The whole number in column `at`.
    pub(super) fn number(&self, at: usize, column: &str) -> Result<i64, String> {
        match self.row.get_ref(at) {
            Ok(ValueRef::Integer(number)) => Ok(number),
            Ok(other) => Err(format!("its `{column}` is {}, and not a number", kind(other))),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The text whose length is in column `at`, and itself in the next; empty without one.
    pub(super) fn text(&self, at: usize, column: &str) -> Result<String, String> {
        text_of_row(self.row, at, column, self.encoding)
    }

    /// Like [`Self::text`]; but of a text that is longer, its beginning.
    pub(super) fn beginning(&self, at: usize, column: &'static str) -> Result<String, String> {
        let length = self.row.get_ref(at).map_err(|error| error.to_string())?;
        if !matches!(length, ValueRef::Integer(length) if length > MAX_TEXT as i64) {
            return self.text(at, column);
        }
        let read = || -> Result<Vec<u8>, Box<dyn std::error::Error>> {
            let blob = self.connection.blob_open("main", self.table, column, self.id, true)?;
            let mut bytes = Vec::new();
            blob.take(MAX_TEXT as u64).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let mut bytes = read().map_err(|error| format!("its `{column}`: {error}"))?;
        if let Err(error) = std::str::from_utf8(&bytes)
            && error.error_len().is_none()
        {
            bytes.truncate(error.valid_up_to());
        }
        Ok(decode(&bytes, self.encoding))
    }
}

/// The text whose length is in column `at` of any row, and itself in the next; empty without one.
pub(super) fn text_of_row(
    row: &Row<'_>,
    at: usize,
    column: &str,
    encoding: &'static Encoding,
) -> Result<String, String> {
    let cell = |at| row.get_ref(at).map_err(|error| error.to_string());
    match (cell(at)?, cell(at + 1)?) {
        (_, ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => Ok(decode(bytes, encoding)),
        (ValueRef::Integer(length), ValueRef::Null) => {
            Err(format!("its `{column}` has {length} bytes"))
        }
        (_, ValueRef::Null) => Ok(String::new()),
        (_, other) => Err(format!("its `{column}` is {}, and not a text", kind(other))),
    }
}

/// UTF-8, of which a character may be torn, else text in this encoding.
fn decode(bytes: &[u8], encoding: &'static Encoding) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) if is_torn_utf8(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Err(_) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

/// The text as the log has it, but on one line and of bounded length.
pub(super) fn one_line(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_TEXT)].replace(['\r', '\n'], " ")
}

fn kind(value: ValueRef<'_>) -> &'static str {
    match value {
        ValueRef::Null => "missing",
        ValueRef::Integer(_) => "a whole number",
        ValueRef::Real(_) => "a number with a fraction",
        ValueRef::Text(_) => "a text",
        ValueRef::Blob(_) => "a blob",
    }
}
