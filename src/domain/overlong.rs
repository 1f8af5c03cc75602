//! Texts that are longer than what the bridge keeps of one.
//!
//! Let's Chat takes posts of up to 16 MB. A channel shows a few lines of one, and a page for people without an
//! account a few thousand, so the bridge keeps the beginning, and says in its last line how much is missing and
//! where it is. Everything behind that works on the beginning alone.

use std::borrow::Cow;

/// How many bytes of one text are kept.
pub const KEPT: usize = 256 * 1024;

/// How much of that is for the last line.
const WORD: usize = 200;

/// How the last line begins and goes on, around the numbers.
const WORDS: [&str; 3] = [
    "… truncated by the bridge: ",
    " more characters, ",
    " more lines. The full message is in Let's Chat.",
];

/// How much of a text was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// How many characters.
    pub characters: usize,
    /// How many lines begin in what was left out.
    pub lines: usize,
}

/// `text`, or its beginning with a word on how much is missing where it is too long to be kept.
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

/// A text that comes in pieces, of which as much is kept as [`kept`] keeps of the whole.
#[derive(Debug, Default)]
pub struct Keeping {
    text: String,
    rest: Option<Rest>,
}

/// What comes behind that.
#[derive(Debug, Default)]
struct Rest {
    left_out: LeftOut,
    /// How many ends of lines it ends with, behind which nothing has come yet.
    ends: usize,
}

impl Keeping {
    /// The next piece.
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

    /// There are no more pieces: what is kept of them.
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

/// Where what is kept of `text` ends: where the lines are of some length, the last one is left out whole.
fn end(text: &str) -> usize {
    let most = text.floor_char_boundary(KEPT - WORD);
    text[..most].rfind('\n').filter(|end| end * 2 > KEPT).unwrap_or(most)
}

/// The lines of `text` that were said, without the word on what is missing, and what that says.
#[must_use]
pub fn said(text: &str) -> (&str, Option<LeftOut>) {
    let whole = (text, None);
    if text.len() <= KEPT / 2 {
        return whole;
    }
    let Some((said, last)) = text.rsplit_once('\n') else { return whole };
    left_out(last).map_or(whole, |it| (said, Some(it)))
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
    fn a_text_that_is_short_enough_is_kept_as_it_is() {
        for text in ["", "tea", &"x".repeat(KEPT), &"é\n".repeat(KEPT / 3)] {
            assert!(kept(text) == text);
            assert!(said(text) == (text, None));
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
            let (said, left_out) = said(&beginning);
            assert!(text.starts_with(said));
            let left_out = left_out.expect("some is left out");
            assert_eq!(left_out.characters, text[said.len()..].chars().count());
            assert_eq!(said.lines().count() + left_out.lines, lines);
        }
    }

    #[test]
    fn a_text_in_pieces_is_kept_as_the_whole_of_it_is() {
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
    fn what_is_kept_is_kept_again_as_it_is() {
        for text in ["a long line\n".repeat(1_000_000), "😀".repeat(KEPT)] {
            let once = kept(&text);
            assert!(kept(&once) == once);
        }
    }
}
