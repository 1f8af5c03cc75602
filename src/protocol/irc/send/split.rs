//! Splits long text into lines without losing anything.

use unicode_segmentation::GraphemeCursor;

use crate::domain::MessageKind;
use crate::protocol::irc::wire::charset::Charset;
use crate::protocol::irc::wire::line::SafeText;

/// How many bytes of text others receive untruncated in a line of `linelen` bytes. The server prepends
/// `:nick!user@host ` (`source` bytes without colon and space); the target has this many bytes.
pub(in crate::protocol::irc) fn text_budget(
    source: usize,
    target: usize,
    kind: MessageKind,
    linelen: usize,
) -> usize {
    let frame = match kind {
        MessageKind::Text => "PRIVMSG  :".len(),
        MessageKind::Notice => "NOTICE  :".len(),
        MessageKind::Action => "PRIVMSG  :\x01ACTION \x01".len(),
    };
    linelen.saturating_sub(":".len() + source + " ".len() + frame + target + "\r\n".len())
}

/// How much text fits into a line.
#[derive(Debug, Clone, Copy)]
pub(in crate::protocol::irc) struct Room {
    /// Number of bytes.
    pub(in crate::protocol::irc) bytes: usize,
    /// Their charset.
    pub(in crate::protocol::irc) charset: Charset,
}

impl Room {
    /// The room left next to `text`.
    fn beside(self, text: &str) -> Self {
        Self { bytes: self.bytes.saturating_sub(self.charset.width(text)), ..self }
    }

    /// How much of `text` fits.
    fn reach(self, text: &str) -> usize {
        self.charset.reach(text, self.bytes)
    }

    /// The maximum UTF-8 bytes of a word of which `fits` bytes fit.
    fn most(self, fits: usize) -> usize {
        if self.charset.is_utf8() { self.bytes } else { fits }
    }
}

impl From<usize> for Room {
    fn from(bytes: usize) -> Self {
        Self { bytes, charset: Charset::Both(encoding_rs::UTF_8) }
    }
}

/// One line of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::protocol::irc) struct TextPart {
    /// The line, with its prefix.
    pub(in crate::protocol::irc) text: String,
    /// How many bytes of the body are sent up to its end.
    pub(in crate::protocol::irc) end: usize,
}

/// Splits `body` into lines that fit, each starting with `prefix`. Blank lines are omitted unless all are
/// blank.
pub(in crate::protocol::irc) fn lines(
    prefix: &str,
    body: &str,
    room: impl Into<Room>,
) -> Vec<TextPart> {
    let room = room.into().beside(prefix);
    let full = body.split(['\r', '\n']).filter(|line| !line.trim().is_empty());
    let pieces = full.flat_map(|line| split(line, room));
    // IRC shows no blank lines, such as those before an address that fills a line.
    let mut pieces: Vec<&str> = pieces.filter(|piece| !piece.trim().is_empty()).collect();
    if pieces.is_empty() {
        let blank = body.split(['\r', '\n']).next().unwrap_or_default();
        pieces.push(split(blank, room).next().unwrap_or(blank));
    }
    let next = pieces.iter().skip(1).map(|piece| end_in(body, piece) - piece.len());
    let ends: Vec<usize> = next.chain([body.len()]).collect();
    let part = |(piece, end)| TextPart { text: format!("{prefix}{piece}"), end };
    pieces.into_iter().zip(ends).map(part).collect()
}

/// Where `part`, a slice of `whole`, ends in it.
fn end_in(whole: &str, part: &str) -> usize {
    part.as_ptr() as usize - whole.as_ptr() as usize + part.len()
}

/// How many bytes of `body` were sent with `text` (one or more lines), if that can be the start of it with
/// `prefix` before each line. The line lengths do not matter.
#[must_use]
pub fn matched_len(prefix: &str, body: &str, text: &str) -> Option<usize> {
    let mut full = text.split('\n').filter(|line| !line.trim().is_empty());
    let first = full.next().unwrap_or(text);
    full.try_fold(line_matched_len(prefix, body, first)?, |end, line| {
        Some(end + line_matched_len(prefix, &body[end..], line)?)
    })
}

fn line_matched_len(prefix: &str, body: &str, line: &str) -> Option<usize> {
    let SafeText(prefix) = SafeText::sanitize(prefix);
    let sent = line.strip_prefix(prefix.as_str())?;
    let full = body.split(['\r', '\n']).find(|line| !line.trim().is_empty()).unwrap_or(body);
    let start = end_in(body, full) - full.len();
    let text = &body[start..];
    let blank = text.len() - text.trim_start_matches(' ').len();
    let unindented = || Some(blank + prefix_matched_len(&text[blank..], sent)?);
    let end = start + prefix_matched_len(text, sent).or_else(unindented)?;
    let rest = &body[end..];
    let breaks = rest.len() - rest.trim_start_matches(['\r', '\n']).len();
    let cut = breaks == 0 && !rest.is_empty();
    let next = word_len(rest.trim_start_matches(' '), MIN_TRUNCATED_LEN);
    if cut && line.len() + next < MIN_TRUNCATED_LEN {
        return None;
    }
    let space = usize::from(cut && rest.starts_with(' '));
    Some(if rest.trim().is_empty() { body.len() } else { end + breaks + space })
}

/// No server has lines so short that it would truncate to less than this.
const MIN_TRUNCATED_LEN: usize = 200;

/// How many bytes of `body` equal `sent`, which has no formatting. A legacy charset may have lost characters.
fn prefix_matched_len(body: &str, sent: &str) -> Option<usize> {
    let mut characters = body.char_indices();
    for c in sent.chars() {
        let (_, original) = characters.next()?;
        let lost = c == '?' && !original.is_ascii();
        if original != c && !lost && ![('\0', '␀'), ('\x01', '␁')].contains(&(original, c)) {
            return None;
        }
    }
    Some(characters.offset())
}

/// Splits `text` into parts that fit.
///
/// It splits between words if possible. The one space at which it splits is removed; all else is kept. A word that fits
/// into a part is not split, unless that would leave only spaces before it, which IRC cannot show. A longer word is split
/// between grapheme clusters (user-perceived characters). A cluster that does not fit is split between its characters, and
/// a character that does not fit stands alone. No part is empty.
///
/// Takes time proportional to the length of any text.
pub(in crate::protocol::irc) fn split(
    text: &str,
    room: impl Into<Room>,
) -> impl Iterator<Item = &str> + Clone {
    let room = room.into();
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (part, tail) = rest.split_at(cut_position(rest, room));
        let at_space = !tail.is_empty()
            && room.reach(part) == part.len()
            && is_breakable_space(rest, part.len());
        rest = if at_space { &tail[" ".len()..] } else { tail };
        Some(part)
    })
}

/// Where the first part of `text` ends: a character boundary after its start.
fn cut_position(text: &str, room: Room) -> usize {
    let fits = room.reach(text);
    if fits == text.len() {
        return fits;
    }
    if fits == 0 {
        return text.ceil_char_boundary(1);
    }
    let most = room.most(fits);
    let space = last_space(text, fits).filter(|&space| {
        // If the next word must be split anyway, avoid leaving half of the line empty.
        let next = &text[space + 1..];
        space * 2 >= most || word_len(next, most) <= most || is_address(next)
    });
    space.unwrap_or_else(|| address_before(text, fits).unwrap_or_else(|| cluster_end(text, fits)))
}

/// Where in `text` a URL starts, after other text, that continues beyond `fits`.
fn address_before(text: &str, fits: usize) -> Option<usize> {
    let seen = &text[..text.floor_char_boundary(fits + "://".len())];
    let word = seen.rfind(' ').map_or(0, |space| space + 1);
    let colon = word + seen[word..].find("://")?;
    let scheme = seen[word..colon].bytes().rev().take_while(u8::is_ascii_alphanumeric).count();
    let start = colon - scheme;
    (scheme > 0 && start > 0 && start < fits).then_some(start)
}

/// Whether `text` starts with a URL, which is split only if it starts a line.
fn is_address(text: &str) -> bool {
    let scheme = text.bytes().take(16).take_while(u8::is_ascii_alphanumeric).count();
    scheme > 0 && text[scheme..].starts_with("://")
}

/// The last space at which `text` can be split, so that the first part is neither blank nor longer than
/// `fits`.
fn last_space(text: &str, fits: usize) -> Option<usize> {
    let indent = text.as_bytes()[..fits].iter().position(|&byte| byte != b' ')?;
    (indent..=fits).rev().find(|&at| is_breakable_space(text, at))
}

/// Whether there is a space at `at` that no combining character modifies.
fn is_breakable_space(text: &str, at: usize) -> bool {
    text.as_bytes()[at] == b' ' && is_cluster_end(text, at) && is_cluster_end(text, at + 1)
}

/// The length of the first word; any number above `limit` if it is longer.
fn word_len(text: &str, limit: usize) -> usize {
    let reach = &text.as_bytes()[..text.len().min(limit + 1)];
    reach.iter().position(|&byte| byte == b' ').unwrap_or(reach.len())
}

/// The end of the last grapheme cluster within `fits`; `fits` if the first one is longer.
fn cluster_end(text: &str, fits: usize) -> usize {
    if is_cluster_end(text, fits) {
        return fits;
    }
    let seen = &text[..fits];
    match GraphemeCursor::new(fits, seen.len(), true).prev_boundary(seen, 0) {
        Ok(Some(end)) if end > 0 => end,
        _ => fits,
    }
}

/// Whether a cluster ends at `at`, in `text` that starts with one. Considers only the next character, which
/// is enough for Unicode annex 29.
fn is_cluster_end(text: &str, at: usize) -> bool {
    let seen = &text[..text.ceil_char_boundary(at + 1)];
    GraphemeCursor::new(at, seen.len(), true).is_boundary(seen, 0).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_segmentation::UnicodeSegmentation;

    use super::*;

    #[track_caller]
    fn check(text: &str, budget: usize, parts: &[&str]) {
        assert_eq!(split(text, budget).collect::<Vec<_>>(), parts);
    }

    #[test]
    fn short_text_is_one_part() {
        check("tea", 3, &["tea"]);
        check("", 3, &[]);
        check("", 0, &[]);
    }

    #[test]
    fn text_is_cut_between_words() {
        check("milk no sugar", 7, &["milk no", "sugar"]);
        check("milk no sugar", 11, &["milk no", "sugar"]);
    }

    #[test]
    fn word_that_fits_is_never_cut() {
        check("see https://a.example/x", 20, &["see", "https://a.example/x"]);
    }

    #[test]
    fn word_over_the_budget_is_cut_in_place() {
        check("a bcdefghijklm", 6, &["a bcde", "fghijk", "lm"]);
        check("abcd efghijklm", 6, &["abcd", "efghij", "klm"]);
    }

    #[test]
    fn url_that_must_be_cut_begins_a_line() {
        check("a http://b.example", 12, &["a", "http://b.exa", "mple"]);
        check("a http://é.example/", 18, &["a", "http://é.example/"]);
        check("日本http://b.example", 17, &["日本", "http://b.example"]);
        check("    http://b.example", 17, &["    ", "http://b.example"]);
        check("ab (http://b.example", 16, &["ab (", "http://b.example"]);
        check("ab (http://b.example", 17, &["ab", "(http://b.example"]);
        check("http://b.example", 8, &["http://b", ".example"]);
    }

    #[test]
    fn long_word_is_cut_between_characters() {
        check("ééé", 3, &["é", "é", "é"]);
        check("日本語", 4, &["日", "本", "語"]);
    }

    #[test]
    fn grapheme_clusters_stay_whole() {
        // A letter with an accent, a family, two flags, a skin tone.
        check("ae\u{301}", 3, &["a", "e\u{301}"]);
        check("a👩‍👩‍👧", 19, &["a👩‍👩‍👧"]);
        check("a👩‍👩‍👧", 18, &["a", "👩‍👩‍👧"]);
        check("🇫🇷🇩🇪", 12, &["🇫🇷", "🇩🇪"]);
        check("a🇫🇷🇩🇪", 16, &["a🇫🇷", "🇩🇪"]);
        check("👍🏽👍🏽", 14, &["👍🏽", "👍🏽"]);
    }

    #[test]
    fn cluster_over_the_budget_is_cut_between_characters() {
        check("👩‍👩‍👧", 8, &["👩‍", "👩‍", "👧"]);
        check("e\u{301}\u{302}", 3, &["e\u{301}", "\u{302}"]);
    }

    #[test]
    fn character_over_the_budget_still_advances() {
        check("日本", 1, &["日", "本"]);
        check("a b", 0, &["a", " ", "b"]);
    }

    #[test]
    fn only_the_space_at_the_cut_is_dropped() {
        check("a  b", 2, &["a ", "b"]);
        check("  code", 4, &["  co", "de"]);
        check("  a code", 6, &["  a", "code"]);
        check("    ", 2, &["  ", " "]);
        check("one ", 3, &["one"]);
        check(" ", 1, &[" "]);
    }

    #[test]
    fn space_with_a_combining_mark_is_not_a_cut() {
        check("abcd \u{301}e", 6, &["abcd", " \u{301}e"]);
    }

    #[test]
    fn each_line_has_the_prefix_and_blank_lines_are_dropped() {
        let said = |body, budget| {
            let parts = lines("<a> ", body, budget).into_iter();
            parts.map(|part| (part.text, part.end)).collect::<Vec<_>>()
        };
        let part = |text: &str, end| (text.to_owned(), end);
        assert_eq!(
            said("one\r\n\n \ntwo four\n", 8),
            [part("<a> one", 8), part("<a> two", 12), part("<a> four", 17)]
        );
        assert_eq!(said("", 20), [part("<a> ", 0)]);
        assert_eq!(said("   http://b.example", 20), [part("<a> http://b.example", 19)]);
        assert_eq!(said(" \n ", 20), [part("<a>  ", 3)]);
    }

    #[test]
    fn line_is_matched_in_its_body() {
        for (body, line, end) in [
            ("one", "<a> one", Some(3)),
            ("\r\n\n one\ntwo", "<a>  one", Some(8)),
            ("one\n ", "<a> one", Some(5)),
            ("a\0b\nc", "<a> a␀b", Some(4)),
            ("one", "<b> one", None),
            ("one", "<a> on", None),
            ("one", "<a> ones", None),
            ("one\ntwo", "<a> two", None),
            ("", "<a> ", Some(0)),
            ("a\x01b", "<a> a␁b", Some(3)),
            ("one\n\ntwo\nthree", "<a> one\n<a> two", Some(9)),
            ("one\ntwo", "<a> one\n<a> three", None),
            ("one", "<a> one\n<a> two", None),
            ("née", "<a> n?e", Some(4)),
            ("nee", "<a> n?e", None),
        ] {
            assert_eq!(matched_len("<a> ", body, line), end, "{body:?} {line:?}");
        }
    }

    #[test]
    fn budget_leaves_room_for_the_source() {
        for (kind, line) in [
            (MessageKind::Text, ":n!u@h PRIVMSG #c :\r\n"),
            (MessageKind::Notice, ":n!u@h NOTICE #c :\r\n"),
            (MessageKind::Action, ":n!u@h PRIVMSG #c :\x01ACTION \x01\r\n"),
        ] {
            assert_eq!(text_budget("n!u@h".len(), 2, kind, 512), 512 - line.len());
        }
    }

    #[test]
    fn splitting_is_linear_in_the_text() {
        let mut texts =
            ["a", "é", "e\u{301}", "🇫🇷", "👩‍", "\u{301}", " ", " \u{301}", "a ", "\u{600}"]
                .map(|piece| piece.repeat(2_000_000 / piece.len()))
                .to_vec();
        texts.push(format!("a {}", "b".repeat(200_000)).repeat(5));
        for text in texts {
            for budget in [1, 80, 400] {
                let bytes: usize = split(&text, budget).map(str::len).sum();
                assert!(bytes * 2 >= text.len());
            }
        }
    }

    fn texts() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            3 => Just(" ".to_owned()),
            5 => "[a-z]{1,9}",
            1 => Just("e\u{301}\u{302}".to_owned()),
            1 => Just("👩‍👩‍👧".to_owned()),
            1 => Just("🇫🇷".to_owned()),
            1 => Just("語".to_owned()),
            1 => Just("\u{600}".to_owned()),
            1 => any::<char>().prop_map(String::from),
        ];
        prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_body_is_matched_line_by_line(
            body in "([a-z]{1,9}| |\n|\r|é){0,300}",
            budget in 210..300_usize,
        ) {
            let mut at = 0;
            for part in lines("<a> ", &body, budget) {
                let found = matched_len("<a> ", &body[at..], &part.text);
                prop_assert!(found.is_some(), "{:?} in {:?}", part, &body[at..]);
                at += found.unwrap_or_default();
                prop_assert!(at == part.end || body[part.end.min(at)..part.end.max(at)].trim().is_empty());
            }
            prop_assert_eq!(at, body.len());
        }

        #[test]
        fn parts_contain_the_whole_text(text in texts(), budget in 0..40_usize) {
            let mut at = 0;
            for (number, part) in split(&text, budget).enumerate() {
                prop_assert!(!part.is_empty());
                prop_assert!(part.len() <= budget || part.chars().count() == 1, "{part:?}");
                let found = part.as_ptr() as usize - text.as_ptr() as usize;
                if found != at {
                    prop_assert!(number > 0 && found == at + 1 && text[at..].starts_with(' '));
                }
                at = found + part.len();
            }
            prop_assert!(["", " "].contains(&&text[at..]));
        }

        #[test]
        fn cluster_that_fits_is_never_cut(text in texts(), budget in 1..40_usize) {
            let fits = |cluster: &&str| cluster.len() <= budget;
            prop_assume!(text.graphemes(true).all(|cluster| fits(&cluster)));
            let ends: Vec<_> = text.grapheme_indices(true).map(|(at, _)| at).collect();
            for part in split(&text, budget) {
                let at = part.as_ptr() as usize - text.as_ptr() as usize;
                prop_assert!(ends.contains(&at), "{part:?} begins inside a cluster");
            }
        }

        #[test]
        fn word_that_fits_is_cut_only_after_indentation(text in "[a-z ]{0,80}", budget in 1..20_usize) {
            let mut before = "";
            let begins = |at: usize| at == 0 || text.as_bytes()[at - 1] == b' ';
            for part in split(&text, budget) {
                let at = part.as_ptr() as usize - text.as_ptr() as usize;
                if !begins(at) && !part.starts_with(' ') && !before.starts_with(' ') {
                    let start = text[..at].rfind(' ').map_or(0, |space| space + 1);
                    let word = text[start..].split(' ').next().map_or(0, str::len);
                    prop_assert!(word > budget, "{part:?}");
                }
                before = part;
            }
        }
    }
}
