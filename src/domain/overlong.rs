//! Truncates texts that exceed what the bridge keeps.
//!
//! Let's Chat accepts posts of up to 16 MB. A channel shows a few lines of a post and a public page a few
//! thousand, so the bridge keeps the beginning. The last line of a truncated text says how much is missing
//! and where it is. All later stages see only the truncated text.

use std::borrow::Cow;

/// Bytes kept of one text.
pub const KEPT: usize = 256 * 1024;

/// Bytes of that reserved for the last line.
const WORD: usize = 200;

/// The fixed parts of the last line, around its numbers.
const WORDS: [&str; 3] = [
    "… truncated by the bridge: ",
    " more characters, ",
    " more lines. The full message is in Let's Chat.",
];

/// How much of a text was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// Number of characters.
    pub characters: usize,
    /// Number of lines that start in the omitted part.
    pub lines: usize,
}

/// Returns `text`, truncated and with a last line about the omission if it is too long.
#[must_use]
pub fn kept(text: &str) -> Cow<'_, str> {
    if text.len() <= KEPT {
        return Cow::Borrowed(text);
    }
    let (beginning, rest) = text.split_at(text.ceil_char_boundary(KEPT + 1));
    let mut keeping = Keeping::default();
    keeping.push(beginning);
    keeping.push(rest);
    Cow::Owned(keeping.end())
}

/// Truncates a text that arrives in pieces, with the same result as [`kept`] on the whole.
#[derive(Debug, Default)]
pub struct Keeping {
    text: String,
    rest: Option<Rest>,
}

/// What follows the kept beginning.
#[derive(Debug, Default)]
struct Rest {
    left_out: LeftOut,
    /// Trailing line breaks so far, not yet followed by text.
    ends: usize,
}

impl Keeping {
    /// Appends the next piece.
    pub fn push(&mut self, piece: &str) {
        if let Some(rest) = &mut self.rest {
            return rest.count(piece);
        }
        self.text.push_str(piece);
        if self.text.len() > KEPT {
            let end = end(&self.text);
            let mut rest = Rest::default();
            rest.count(&self.text[end..]);
            self.text.truncate(end);
            self.rest = Some(rest);
        }
    }

    /// Finishes the text and returns what is kept of it.
    #[must_use]
    pub fn end(self) -> String {
        let Self { mut text, rest } = self;
        if let Some(Rest { left_out: LeftOut { characters, lines }, .. }) = rest {
            let [begins, and, ends] = WORDS;
            text += &format!("\n{begins}{characters}{and}{lines}{ends}");
        }
        text
    }
}

impl Rest {
    fn count(&mut self, piece: &str) {
        self.left_out.characters += piece.chars().count();
        let lines = piece.trim_end_matches('\n');
        let ends = piece.len() - lines.len();
        if lines.is_empty() {
            self.ends += ends;
        } else {
            self.left_out.lines += self.ends + lines.matches('\n').count();
            self.ends = ends;
        }
    }
}

/// The offset at which to truncate `text`: at the last line break, unless the lines are very long.
fn end(text: &str) -> usize {
    let most = text.floor_char_boundary(KEPT - WORD);
    text[..most].rfind('\n').filter(|end| end * 2 > KEPT).unwrap_or(most)
}

/// Splits `text` into the author's lines and what its last line says was left out.
#[must_use]
pub fn split_left_out(text: &str) -> (&str, Option<LeftOut>) {
    let whole = (text, None);
    if text.len() <= KEPT / 2 {
        return whole;
    }
    let Some((shown, last)) = text.rsplit_once('\n') else { return whole };
    left_out(last).map_or(whole, |it| (shown, Some(it)))
}

fn left_out(line: &str) -> Option<LeftOut> {
    let [begins, and, ends] = WORDS;
    let (characters, lines) = line.strip_prefix(begins)?.strip_suffix(ends)?.split_once(and)?;
    Some(LeftOut { characters: characters.parse().ok()?, lines: lines.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_is_kept_unchanged() {
        for text in ["", "tea", &"x".repeat(KEPT), &"é\n".repeat(KEPT / 3)] {
            assert!(kept(text) == text);
            assert!(split_left_out(text) == (text, None));
        }
    }

    #[test]
    fn of_a_longer_one_the_beginning_is_kept_and_the_rest_is_counted() {
        for (text, lines) in [
            ("a long line\n".repeat(1_000_000), 1_000_000),
            ("x".repeat(KEPT + 1), 1),
            ("é".repeat(KEPT), 1),
            (format!("{}\n{}", "x".repeat(KEPT - 1), "y\n".repeat(3)), 4),
            (format!("{}\r\n{}", "x".repeat(KEPT - 10), "y".repeat(KEPT)), 2),
            (format!("x\n{}", "😀".repeat(KEPT)), 2),
        ] {
            let beginning = kept(&text);
            assert!(beginning.len() <= KEPT, "{}", beginning.len());
            let (said, left_out) = split_left_out(&beginning);
            assert!(text.starts_with(said));
            let left_out = left_out.expect("some is left out");
            assert_eq!(left_out.characters, text[said.len()..].chars().count());
            assert_eq!(said.lines().count() + left_out.lines, lines);
        }
    }

    #[test]
    fn text_in_pieces_is_kept_like_the_whole() {
        for text in [
            "tea",
            &"a long line\n".repeat(50_000),
            &"é\n\n".repeat(200_000),
            &"\n".repeat(KEPT * 2),
        ] {
            for length in [7_000, KEPT - 1, KEPT, KEPT + 1] {
                let (mut keeping, mut rest) = (Keeping::default(), text);
                while !rest.is_empty() {
                    let (piece, more) = rest.split_at(rest.ceil_char_boundary(length));
                    keeping.push(piece);
                    rest = more;
                }
                assert!(keeping.end() == kept(text));
            }
        }
    }

    #[test]
    fn kept_text_is_kept_unchanged_again() {
        for text in ["a long line\n".repeat(1_000_000), "😀".repeat(KEPT)] {
            let once = kept(&text);
            assert!(kept(&once) == once);
        }
    }
}
