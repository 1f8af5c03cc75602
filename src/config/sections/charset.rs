//! Reads the character set of a network or a channel: one of two keys.

use super::parse;
use crate::config::charset_setting::CharsetSetting;
use crate::config::entry::{Entry, conflict};
use crate::config::reader::Section;
use crate::config::types::text;

/// Reads the character set of a network or a link, and where it was set.
pub(super) fn read<'r>(section: &mut Section<'r>) -> Option<(CharsetSetting, Entry<'r>)> {
    let (fallback, both) = (section.entry("fallback_charset"), section.entry("charset"));
    if let (Some(fallback), Some(both)) = (&fallback, &both) {
        both.report_error(conflict(fallback));
    }
    let fallback = fallback.and_then(|entry| {
        Some((CharsetSetting::Fallback(entry.parse(text(parse::fallback_charset))?), entry))
    });
    let both = both
        .and_then(|entry| Some((CharsetSetting::Both(entry.parse(text(parse::charset))?), entry)));
    both.or(fallback)
}
