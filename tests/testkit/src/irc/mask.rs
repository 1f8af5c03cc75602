//! Patterns of hostmasks, as bans and `WHO` have them.

use super::casemapping::Casemapping;

/// A pattern in which `*` stands for any characters and `?` for exactly one
/// (<https://modern.ircdocs.horse/#mask-matching>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mask {
    casemapping: Casemapping,
    written: String,
}

impl Mask {
    pub(super) fn new(casemapping: Casemapping, written: &str) -> Self {
        Self { casemapping, written: written.to_owned() }
    }

    /// The pattern as it was written.
    pub(super) fn as_str(&self) -> &str {
        &self.written
    }

    /// Whether the pattern fits all of `text`.
    pub(super) fn matches(&self, text: &str) -> bool {
        let pattern: Vec<char> = self.casemapping.fold(&self.written).chars().collect();
        // Whether so many characters of the pattern fit all of the text so far.
        let mut fits = vec![true];
        for (at, &c) in pattern.iter().enumerate() {
            fits.push(fits[at] && c == '*');
        }
        for read in self.casemapping.fold(text).chars() {
            let mut longer = vec![false];
            for (at, &c) in pattern.iter().enumerate() {
                longer.push(match c {
                    '*' => longer[at] || fits[at + 1],
                    '?' => fits[at],
                    _ => fits[at] && c == read,
                });
            }
            fits = longer;
        }
        fits[pattern.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_fits_all_of_the_text_or_nothing() {
        for (mask, text, fits) in [
            ("ann!a@host", "ann!a@host", true),
            ("ann!a@host", "Ann!A@HOST", true),
            ("ann", "anna", false),
            ("anna", "ann", false),
            ("*", "", true),
            ("*", "anything", true),
            ("", "", true),
            ("", "a", false),
            ("*!*@*.example", "ann!a@b.example", true),
            ("*!*@*.example", "ann!a@b.example.org", false),
            ("*a*b*c", "abcbc", true),
            ("*a*b*d", "abcbc", false),
            ("**a**", "a", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a?c", "abbc", false),
            ("?", "é", true),
            ("?*", "", false),
            ("?*", "ab", true),
        ] {
            assert_eq!(Mask::new(Casemapping::Ascii, mask).matches(text), fits, "{mask} {text}");
        }
    }

    #[test]
    fn the_casemapping_says_which_letters_are_the_same() {
        for (casemapping, mask, text, fits) in [
            (Casemapping::Ascii, "a[b]!*", "A{B}!c", false),
            (Casemapping::Rfc1459, "a[b]!*", "A{B}!c", true),
            (Casemapping::Rfc1459Strict, "~!*", "^!c", false),
            (Casemapping::Rfc1459, "~!*", "^!c", true),
            (Casemapping::Ascii, "É!*", "é!c", false),
            (Casemapping::Unicode, "É!*", "é!c", true),
        ] {
            assert_eq!(Mask::new(casemapping, mask).matches(text), fits, "{casemapping:?} {mask}");
        }
    }

    #[test]
    fn a_malicious_mask_is_matched_as_quickly_as_any() {
        let mask = Mask::new(Casemapping::Ascii, &("a*".repeat(100) + "b"));
        assert!(!mask.matches(&"a".repeat(400)));
    }
}
