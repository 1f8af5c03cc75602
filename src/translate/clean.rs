//! Sanitises text from users: removes what cannot be displayed or could harm readers.
//!
//! All text passes through here. Messages leave as [`RenderedMessage`], which only [`rendered_message`]
//! creates. Notices of the bridge leave as [`NoticeText`], which can be built from any text and is always a
//! single line.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;

use super::mirc::{self, Formatting};
use super::{characters, urls};
use crate::domain::{MessageKind, RenderedMessage};

/// Maximum length of a notice in bytes, so that it fits into one line of IRC.
pub const MAX_LEN_NOTICE: usize = 380;

/// Formatting codes of IRC clients, which may pass between channels.
const FORMAT_CODES: &str = "\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f";

/// A notice of the bridge: lines of bounded length with visible characters only, even if built from text of
/// users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeText(String);

impl NoticeText {
    /// Joins several notices, one per line.
    #[must_use]
    pub fn from_lines(lines: impl IntoIterator<Item = Self>) -> Self {
        Self(
            lines
                .into_iter()
                .map(|Self(sanitize_line)| sanitize_line)
                .collect::<Vec<_>>()
                .join("\n"),
        )
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, for storing or sending.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl<T: AsRef<str>> From<T> for NoticeText {
    fn from(text: T) -> Self {
        Self(truncate(&sanitize_line(text.as_ref()), MAX_LEN_NOTICE).into_owned())
    }
}

/// A topic or description, as it is set on the other side: one line without formatting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicText(String);

impl TopicText {
    /// Maximum length in bytes; no server accepts more.
    const MAX_LEN_NOTICE: usize = 390;

    /// From any `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(truncate(&sanitize_line(text), Self::MAX_LEN_NOTICE).into_owned())
    }

    /// The text.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

/// The only constructor of rendered messages. `codes` tells whether formatting codes are allowed.
pub(super) fn rendered_message(
    kind: MessageKind,
    prefix: String,
    body: &str,
    codes: bool,
) -> RenderedMessage {
    RenderedMessage { kind, prefix, body: sanitize_text(body, codes).into_owned() }
}

/// Removes what cannot be displayed from one or more lines. Other line-breaking characters become spaces.
/// Control characters, bidi controls, and zero-width characters at word boundaries are removed. With `codes`,
/// formatting stays.
pub(super) fn sanitize_text(text: &str, codes: bool) -> Cow<'_, str> {
    let plain = |byte: u8| byte == b'\n' || byte == b'\t' || (b' '..0x7f).contains(&byte);
    if text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    let shown = escape_controls(text);
    let text = if codes {
        Cow::Borrowed(&*shown)
    } else {
        mirc::convert_formatting(&shown, Formatting::Strip)
    };
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' if rest.peek() == Some(&'\n') => {}
            '\r' => clean.push('\n'),
            '\n' | '\t' => clean.push(c),
            '\u{85}' | '\u{2028}' | '\u{2029}' => clean.push(' '),
            c if codes && FORMAT_CODES.contains(c) => clean.push(c),
            c if c.is_control() || is_bidi_control(c) => {}
            c if is_zero_width(c) => {
                let gone = |c: char| is_zero_width(c) || is_bidi_control(c) || c.is_control();
                let inside = |c: char| !c.is_whitespace() && !gone(c);
                let before = clean.chars().next_back().is_some_and(inside);
                if before && rest.peek().copied().is_some_and(inside) {
                    clean.push(c);
                }
            }
            c => clean.push(c),
        }
    }
    Cow::Owned(clean)
}

/// Converts formatting of IRC to plain text, and sanitises it.
pub(super) fn formatted(text: &str, formatting: Formatting) -> Cow<'_, str> {
    if let Cow::Borrowed(plain) = sanitize_text(text, true)
        && let Cow::Borrowed(plain) = mirc::convert_formatting(plain, formatting)
    {
        return Cow::Borrowed(plain);
    }
    let marked = mirc::convert_formatting(&escape_controls(text), formatting).into_owned();
    Cow::Owned(sanitize_text(&marked, false).into_owned())
}

/// Sanitises `text` for display outside of both networks.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    sanitize_text(text, false)
}

/// Replaces the CTCP delimiter by its symbol, and control characters that separate words by spaces.
fn escape_controls(text: &str) -> Cow<'_, str> {
    if !text.contains(['\u{1}', '\u{b}', '\u{c}']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace('\u{1}', "␁").replace(['\u{b}', '\u{c}'], " "))
}

/// Sanitises `text` to one line without formatting.
pub(super) fn sanitize_line(line: &str) -> Cow<'_, str> {
    let plain = |byte: u8| (b' '..0x7f).contains(&byte);
    if line.bytes().all(plain) && !line.contains("  ") && line.trim().len() == line.len() {
        return Cow::Borrowed(line);
    }
    let line = sanitize_text(line, false);
    Cow::Owned(line.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The start of `text` that fits into this many bytes, in whole grapheme clusters.
pub(super) fn truncate(text: &str, bytes: usize) -> Cow<'_, str> {
    if text.len() <= bytes {
        return Cow::Borrowed(text);
    }
    let room = bytes.saturating_sub('…'.len_utf8());
    let ends = text.grapheme_indices(true).map(|(at, cluster)| at + cluster.len());
    let fits = ends.take_while(|end| *end <= room).last();
    // A grapheme cluster can have any number of combining marks.
    let fits = fits.unwrap_or_else(|| text.floor_char_boundary(room));
    // Half a URL would lead elsewhere.
    let fits = urls::around(text, fits).unwrap_or(fits);
    Cow::Owned(format!("{}…", text[..fits].trim_end()))
}

/// Whether nothing in `text` is visible.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    let unseen =
        |c: char| c.is_whitespace() || characters::is_invisible(c) || characters::is_filler(c);
    text.chars().all(unseen)
        || mirc::convert_formatting(text, Formatting::Strip).chars().all(unseen)
}

/// Whether a character changes the text direction.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}')
}

/// Whether a character has no width: joiners and the like.
fn is_zero_width(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2065}'
        | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e001f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether `c` must not be shown as part of a user's text.
    fn is_forbidden(c: char) -> bool {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    }

    #[test]
    fn invisible_characters_are_removed() {
        for (said, shown) in [
            ("tea", "tea"),
            ("  tea\tand\n\n milk ", "  tea\tand\n\n milk "),
            ("a\u{85}b\u{2028}c\u{2029}d\u{b}e\u{c}f", "a b c d e f"),
            ("a\u{1b}[31mb\u{7}c\0d\u{9b}e", "a[31mbcde"),
            ("\u{2}a\u{3}04,01b\u{f}", "ab"),
            ("\u{202e}abc\u{202c} \u{2066}d\u{2069}", "abc d"),
            ("\u{200b}<bob> hi\u{feff}", "<bob> hi"),
            ("a\u{200b}nn b\u{200b}\u{200b}ob", "a\u{200b}nn b\u{200b}ob"),
            ("👩\u{200d}👩\u{200d}👧 نمی\u{200c}خواهم", "👩\u{200d}👩\u{200d}👧 نمی\u{200c}خواهم"),
            ("a\r\nb\rc", "a\nb\nc"),
            ("\u{1}VERSION\u{1}", "␁VERSION␁"),
        ] {
            assert_eq!(sanitize_text(said, false), shown, "{said:?}");
        }
        assert_eq!(sanitize_text("\u{2}a\u{2}\u{1b}\u{7}", true), "\u{2}a\u{2}");
    }

    #[test]
    fn notice_text_is_one_bounded_line() {
        for (said, shown) in [
            ("ann left", "ann left"),
            (" ann\r\nleft \u{2}(x)\u{2}\u{2028}now", "ann left (x) now"),
        ] {
            assert_eq!(NoticeText::from(said).as_str(), shown, "{said:?}");
        }
        for long in ["é".repeat(900), "word ".repeat(900), format!("a{}", "\u{301}".repeat(900))] {
            let words = NoticeText::from(&long);
            assert!(
                words.as_str().len() <= MAX_LEN_NOTICE && words.as_str().ends_with('…'),
                "{words:?}"
            );
        }
    }

    #[test]
    fn visible_text_is_not_blank() {
        for blank in [
            "",
            " ",
            "\t\n",
            "\u{3}04\u{2}",
            "\u{200b}\u{feff}",
            "\u{a0}\u{3000}",
            "\u{2800}",
            "\u{3164}",
            "\u{3}4,5 \u{f}\u{200d}",
            "\u{e0001}\u{e0061}",
            "\u{1b}\u{7}",
        ] {
            assert!(is_blank(blank), "{blank:?}");
        }
        for seen in [".", "\u{3}04x", "\u{3},4", "é", "👍", "\u{200b}x"] {
            assert!(!is_blank(seen), "{seen:?}");
        }
    }

    proptest! {
        #[test]
        fn sanitized_text_has_no_forbidden_characters(said in any::<Vec<u8>>(), more in "(?s).{0,60}|[\u{0}-\u{20}\u{7f}-\u{a0}\u{2000}-\u{2070}\u{feff}<>@a-z]{0,80}") {
            let said = String::from_utf8_lossy(&said).into_owned() + &more;
            let shown = sanitize_text(&said, false).into_owned();
            prop_assert!(!shown.contains(is_forbidden), "{said:?}: {shown:?}");
            prop_assert_eq!(sanitize_text(&shown, false), shown.as_str(), "clean once and for all");
            let coded = sanitize_text(&said, true).into_owned();
            prop_assert!(!coded.contains(|c: char| is_forbidden(c) && !FORMAT_CODES.contains(c)));
            let words = NoticeText::from(&said).into_string();
            prop_assert!(!words.contains(|c| is_forbidden(c) || c == '\n') && words.len() <= MAX_LEN_NOTICE);
        }

        #[test]
        fn plain_text_is_unchanged(said in "[a-zé語🫖 \n\t<>@-]{0,60}") {
            prop_assert_eq!(sanitize_text(&said, false), said.as_str());
        }
    }
}
