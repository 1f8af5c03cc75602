//! How people write at a place: two keys, of which one is enough.

use encoding_rs::Encoding;

use super::parse;
use crate::config::entry::{Entry, conflict};
use crate::config::reader::Section;
use crate::config::types::text;

/// What is written of a charset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum Charset {
    /// `fallback_charset`: for what is read and is not UTF-8.
    Fallback(&'static Encoding),
    /// `charset`: for all that is read and written.
    Both(&'static Encoding),
}

impl Charset {
    pub(in crate::config) fn fallback(self) -> Option<&'static Encoding> {
        match self {
            Self::Fallback(encoding) => Some(encoding),
            Self::Both(_) => None,
        }
    }

    pub(in crate::config) fn both(self) -> Option<&'static Encoding> {
        match self {
            Self::Both(encoding) => Some(encoding),
            Self::Fallback(_) => None,
        }
    }
}

/// The charset of a network or a link, and where it stands.
pub(super) fn read<'r>(section: &mut Section<'r>) -> Option<(Charset, Entry<'r>)> {
    let (fallback, both) = (section.entry("fallback_charset"), section.entry("charset"));
    if let (Some(fallback), Some(both)) = (&fallback, &both) {
        both.report_error(conflict(fallback));
    }
    let fallback = fallback.and_then(|entry| {
        Some((Charset::Fallback(entry.parse(text(parse::fallback_charset))?), entry))
    });
    let both =
        both.and_then(|entry| Some((Charset::Both(entry.parse(text(parse::charset))?), entry)));
    both.or(fallback)
}
