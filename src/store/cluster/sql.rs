//! How names are written in SQL.

/// A name in quotes: `user` is a word of SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
