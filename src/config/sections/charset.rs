//! Reads the character set of a network or a channel: one of two keys.

use encoding_rs::Encoding;

use super::parse;
use crate::config::entry::{Entry, conflict};
use crate::config::reader::Section;
use crate::config::types::text;

/// The character set setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum Charset {
    /// `fallback_charset`: to decode lines that are not UTF-8.
    Fallback(&'static Encoding),
    /// `charset`: to decode and encode all lines.
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

/// Reads the character set of a network or a link, and where it was set.
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
