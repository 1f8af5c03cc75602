//! IRC hostmask patterns.

use std::fmt;

use super::Casemapping;

/// A hostmask pattern such as `*!*@*.example`: `*` matches any characters, `?` exactly one
/// (<https://modern.ircdocs.horse/#mask-matching>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    pattern: String,
    folded: Vec<char>,
    casemapping: Casemapping,
}

impl Mask {
    /// A pattern that matches case-insensitively, as `casemapping` folds names.
    #[must_use]
    pub fn new(casemapping: Casemapping, pattern: &str) -> Self {
        let folded = casemapping.fold(pattern).chars().collect();
        Self { pattern: pattern.to_owned(), folded, casemapping }
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Whether the whole of `hostmask` (`nick!user@host`) matches. Takes at most time proportional to the
    /// product of both lengths, for any pattern.
    #[must_use]
    pub fn matches(&self, hostmask: &str) -> bool {
        let text: Vec<char> = self.casemapping.fold(hostmask).chars().collect();
        let pattern = &self.folded;
        let mut at = 0;
        let mut position = 0;
        // The last `*`, and how much text it has matched: the only point to backtrack to.
        let mut star: Option<(usize, usize)> = None;
        while position < text.len() {
            match pattern.get(at) {
                Some('*') => {
                    star = Some((at, position));
                    at += 1;
                }
                Some(&c) if c == '?' || c == text[position] => {
                    at += 1;
                    position += 1;
                }
                _ => match star {
                    Some((endpoint, swallowed)) => {
                        star = Some((endpoint, swallowed + 1));
                        at = endpoint + 1;
                        position = swallowed + 1;
                    }
                    None => return false,
                },
            }
        }
        pattern[at..].iter().all(|&c| c == '*')
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pattern)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vectors {
        tests: Vec<Vector>,
    }

    #[derive(Deserialize)]
    struct Vector {
        mask: String,
        matches: Vec<String>,
        fails: Vec<String>,
    }

    #[track_caller]
    fn check(casemapping: Casemapping, mask: &str, hostmask: &str, fits: bool) {
        let pattern = Mask::new(casemapping, mask);
        assert_eq!(pattern.matches(hostmask), fits, "{mask} {hostmask}");
    }

    #[test]
    fn mask_match_vectors_pass() {
        let text = include_str!("../../tests/data/irc-parser-tests/mask-match.yaml");
        let vectors: Vectors = serde_yaml_ng::from_str(text).expect("the vectors are YAML");
        assert!(!vectors.tests.is_empty());
        for vector in vectors.tests {
            for hostmask in vector.matches {
                check(Casemapping::Rfc1459, &vector.mask, &hostmask, true);
            }
            for hostmask in vector.fails {
                check(Casemapping::Rfc1459, &vector.mask, &hostmask, false);
            }
        }
    }

    #[test]
    fn matching_folds_case_by_casemapping() {
        check(Casemapping::Rfc1459, "ann[m]!*@*", "Ann{M}!a@host", true);
        check(Casemapping::Ascii, "ann[m]!*@*", "Ann{M}!a@host", false);
        check(Casemapping::Ascii, "ÉVE!*@*", "éve!a@host", false);
        check(Casemapping::Unicode, "ÉVE!*@*", "éve!a@host", true);
    }

    #[test]
    fn question_mark_matches_one_character_of_any_byte_length() {
        check(Casemapping::Unicode, "?ve!*@*", "éve!a@host", true);
        check(Casemapping::Unicode, "??ve!*@*", "éve!a@host", false);
    }

    #[test]
    fn star_matches_any_text_and_none() {
        check(Casemapping::Ascii, "**a**", "a", true);
        check(Casemapping::Ascii, "*", "", true);
        check(Casemapping::Ascii, "", "a", false);
        check(Casemapping::Ascii, "a*b*c", "abcbc", true);
        check(Casemapping::Ascii, "a*b*d", "abcbc", false);
    }

    #[test]
    fn pathological_mask_matches_in_bounded_time() {
        check(Casemapping::Ascii, &"a*".repeat(200), &"a".repeat(500), true);
        check(Casemapping::Ascii, &format!("{}b", "a*".repeat(200)), &"a".repeat(500), false);
    }
}
