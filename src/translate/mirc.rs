//! Converts IRC formatting codes for bold, italic, colours and the like
//! (<https://modern.ircdocs.horse/formatting>) to plain text.

use std::borrow::Cow;
use std::ops::Range;

use super::urls;

/// How to convert formatting to plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Formatting {
    /// Remove it.
    #[default]
    Strip,
    /// Use plain-text markers: `*bold*`, `_italic_`, `~struck~`, `` `code` ``.
    Markers,
}

const BOLD: char = '\x02';
const COLOR: char = '\x03';
const HEX_COLOR: char = '\x04';
const RESET: char = '\x0f';
const MONOSPACE: char = '\x11';
const ITALIC: char = '\x1d';
const STRIKE: char = '\x1e';
const UNDERLINE: char = '\x1f';

/// The codes with a marker.
const MARKERS: [(char, char); 5] =
    [(BOLD, '*'), (ITALIC, '_'), (UNDERLINE, '_'), (STRIKE, '~'), (MONOSPACE, '`')];

/// Removes or converts formatting codes. Other control characters are removed as well, except for tabs and
/// line breaks.
#[must_use]
pub fn convert_formatting(text: &str, formatting: Formatting) -> Cow<'_, str> {
    if !text.bytes().any(is_control_code) {
        return Cow::Borrowed(text);
    }
    let (plain, runs) = parse_runs(text);
    match formatting {
        Formatting::Strip => Cow::Owned(plain),
        Formatting::Markers => Cow::Owned(add_markers(&plain, &runs)),
    }
}

fn is_control_code(byte: u8) -> bool {
    byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')
}

/// A run of text with the same formatting.
#[derive(Debug)]
struct StyledRun {
    range: Range<usize>,
    /// Which of [`MARKERS`] apply.
    styles: [bool; MARKERS.len()],
}

/// The text without codes, and its runs.
fn parse_runs(text: &str) -> (String, Vec<StyledRun>) {
    let mut plain = String::with_capacity(text.len());
    let mut runs: Vec<StyledRun> = Vec::new();
    let mut on = [false; MARKERS.len()];
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            COLOR => rest = skip_color_digits(rest, 1, 2, u8::is_ascii_digit),
            HEX_COLOR => rest = skip_color_digits(rest, 6, 6, u8::is_ascii_hexdigit),
            RESET | '\n' => on = [false; MARKERS.len()],
            _ => {
                if let Some(index) = MARKERS.iter().position(|(code, _)| *code == c) {
                    on[index] ^= true;
                }
            }
        }
        if c.is_ascii() && is_control_code(c as u8) {
            continue;
        }
        let start = plain.len();
        plain.push(c);
        match runs.last_mut().filter(|run| run.styles == on) {
            Some(run) => run.range.end = plain.len(),
            None => runs.push(StyledRun { range: start..plain.len(), styles: on }),
        }
    }
    (plain, runs)
}

/// The rest of `text` after a colour and, optionally, a comma and another colour.
fn skip_color_digits(text: &str, least: usize, most: usize, digit: impl Fn(&u8) -> bool) -> &str {
    let one = |text: &str| {
        let length = text.bytes().take(most).take_while(&digit).count();
        (length >= least).then_some(length)
    };
    let Some(front) = one(text) else { return text };
    let rest = &text[front..];
    match rest.strip_prefix(',').and_then(one) {
        Some(back) => &rest[1 + back..],
        None => rest,
    }
}

/// Adds markers to `plain`: next to words, and not next to URLs.
fn add_markers(plain: &str, runs: &[StyledRun]) -> String {
    let urls: Vec<_> = urls::find(plain).collect();
    let mut marked = String::with_capacity(plain.len() + 2 * runs.len());
    for StyledRun { range, styles: on } in runs {
        let text = &plain[range.clone()];
        let words = text.trim();
        let touched = |url: &Range<usize>| url.start <= range.end && range.start <= url.end;
        if words.is_empty() || urls.iter().any(touched) {
            marked.push_str(text);
            continue;
        }
        let marks = MARKERS.iter().zip(on).filter(|(_, on)| **on).map(|((_, mark), _)| *mark);
        let before = text.len() - text.trim_start().len();
        marked.push_str(&text[..before]);
        marked.extend(marks.clone());
        marked.push_str(words);
        marked.extend(marks.rev());
        marked.push_str(&text[before + words.len()..]);
    }
    marked
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, plain: &str, marked: &str) {
        assert_eq!(convert_formatting(text, Formatting::Strip), plain, "{text:?}");
        assert_eq!(convert_formatting(text, Formatting::Markers), marked, "{text:?}");
    }

    #[test]
    fn text_without_codes_is_borrowed() {
        for text in ["", "hello", "héllo 🫖", "a\tb\nc", "*a* _b_"] {
            assert!(
                matches!(convert_formatting(text, Formatting::Markers), Cow::Borrowed(same) if same == text)
            );
        }
    }

    #[test]
    fn each_format_code_has_its_marker() {
        check("a \x02bold\x02 b", "a bold b", "a *bold* b");
        check("\x1ditalic\x1d", "italic", "_italic_");
        check("\x1funder\x1f", "under", "_under_");
        check("\x1estruck\x1e", "struck", "~struck~");
        check("\x11code", "code", "`code`");
        check("\x02\x1dboth\x0f none", "both none", "*_both_* none");
        check("\x16reverse\x16", "reverse", "reverse");
    }

    #[test]
    fn color_codes_consume_only_their_digits() {
        check("\x034red\x03 x", "red x", "red x");
        check("\x0304,01red", "red", "red");
        check("\x03123", "3", "3");
        check("\x0398,991", "1", "1");
        check("\x034,x", ",x", ",x");
        check("\x03,4", ",4", ",4");
        check("\x04ff0000red\x04", "red", "red");
        check("\x04FF0000,00ff00red", "red", "red");
        check("\x04ff00 no", "ff00 no", "ff00 no");
        check("\x03\x0f\x03", "", "");
    }

    #[test]
    fn markers_hug_the_words() {
        check("\x02 bold \x02x", " bold x", " *bold* x");
        check("\x02 \x02x", " x", " x");
        check("\x02one\ntwo", "one\ntwo", "*one*\ntwo");
    }

    #[test]
    fn no_marker_touches_a_url() {
        check("\x02http://a.example\x02", "http://a.example", "http://a.example");
        check("http://a.example/\x02x\x02", "http://a.example/x", "http://a.example/x");
        check("\x02see\x02 http://a.example", "see http://a.example", "*see* http://a.example");
        check("\x0312http://a.example\x03.", "http://a.example.", "http://a.example.");
    }

    #[test]
    fn control_characters_are_removed() {
        check("a\x07b\x1b[0mc\0", "ab[0mc", "ab[0mc");
    }

    proptest! {
        #[test]
        fn stripping_keeps_every_visible_character(words in "[a-zé🫖 ]{0,20}", codes in "[\x02\x0f\x11\x16\x1d\x1e\x1f]{0,5}") {
            let text: String = codes.chars().chain(words.chars()).chain(codes.chars()).collect();
            prop_assert_eq!(convert_formatting(&text, Formatting::Strip), words.as_str());
        }

        #[test]
        fn strip_is_idempotent(text in "[\x02\x03\x04\x0f\x11\x16\x1d-\x1f0-9a-f, é:/\n]{0,60}") {
            for formatting in [Formatting::Strip, Formatting::Markers] {
                let once = convert_formatting(&text, formatting).into_owned();
                prop_assert_eq!(convert_formatting(&once, formatting), once.as_str());
            }
        }
    }
}
