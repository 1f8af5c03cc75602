//! One value of the store, as both databases know it.

use std::borrow::Cow;

use rusqlite::types::{FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};

/// A value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Cell {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl Cell {
    /// The value that SQLite has.
    pub(super) fn from_sqlite(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Text(_) => Self::Text(value.as_str()?.to_owned()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_owned()),
            // The tables are STRICT and have none.
            ValueRef::Real(_) => return Err(FromSqlError::InvalidType),
        })
    }
}

impl rusqlite::ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// Stands for U+0000, which PostgreSQL takes in no text, and for itself: SUBSTITUTE, and a digit.
const SUBSTITUTE: char = '\u{1A}';

/// Writes text without U+0000.
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', SUBSTITUTE]) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\0' => escaped.push_str("\u{1A}0"),
            SUBSTITUTE => escaped.push_str("\u{1A}1"),
            c => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

/// Reads what [`escape`] wrote.
pub(super) fn unescape(text: String) -> String {
    if !text.contains(SUBSTITUTE) {
        return text;
    }
    let mut original = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            SUBSTITUTE => original.push(if rest.next() == Some('0') { '\0' } else { SUBSTITUTE }),
            c => original.push(c),
        }
    }
    original
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escaped_text_has_no_nul() {
        for (text, escaped) in [
            ("", ""),
            ("tea", "tea"),
            ("a\0b", "a\u{1A}0b"),
            ("\u{1A}0", "\u{1A}10"),
            ("\0\u{1A}\0", "\u{1A}0\u{1A}1\u{1A}0"),
            ("\u{10FFFF}\u{1}", "\u{10FFFF}\u{1}"),
        ] {
            assert_eq!(escape(text), escaped, "{text:?}");
            assert_eq!(unescape(escaped.to_owned()), text, "{escaped:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "[\\x00\\x1A01a\u{E9}\u{1F375}]{0,20}") {
            let escaped = escape(&text).into_owned();
            prop_assert!(!escaped.contains('\0'));
            prop_assert_eq!(unescape(escaped), text);
        }
    }
}
