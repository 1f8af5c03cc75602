//! What somebody typed, as a search: words, beginnings of words, phrases. Every text is a valid one.

use std::fmt::Write;
use std::ops::Range;

use super::words::{Word, WordCut, words_of};

/// What is typed beyond that is ignored.
const MAX_CHARS: usize = 1_000;
const MAX_TERMS: usize = 40;

/// A shorter beginning counts as a word: it would match nearly everything.
const MIN_BEGINNING: usize = 2;

/// Words that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Phrase {
    words: Vec<String>,
    /// Whether the last is the beginning of a word.
    is_beginning: bool,
}

/// Words that must all occur.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct TypedWords {
    phrases: Vec<Phrase>,
}

impl TypedWords {
    /// Reads what was typed.
    pub(super) fn parse(typed: &str) -> Self {
        let end = typed.char_indices().nth(MAX_CHARS).map_or(typed.len(), |(at, _)| at);
        let mut phrases: Vec<Phrase> = Vec::new();
        let mut terms = 0;
        for (number, part) in typed[..end].split(['"', '“', '”', '„']).enumerate() {
            let is_quoted = number % 2 == 1;
            let pieces: Vec<&str> =
                if is_quoted { vec![part] } else { part.split_whitespace().collect() };
            for piece in pieces {
                let Some(phrase) = phrase_of(piece) else { continue };
                terms += phrase.words.len();
                if terms > MAX_TERMS {
                    return Self { phrases };
                }
                if !phrases.contains(&phrase) {
                    phrases.push(phrase);
                }
            }
        }
        Self { phrases }
    }

    /// Whether there is nothing to search for.
    pub(super) fn is_empty(&self) -> bool {
        self.phrases.is_empty()
    }

    /// The search in the language of FTS5. Each word stands in quotes, and has none.
    pub(super) fn expression(&self) -> String {
        let mut all = String::new();
        for phrase in &self.phrases {
            let and = if all.is_empty() { "" } else { " AND " };
            let star = if phrase.is_beginning { " *" } else { "" };
            let _ = write!(all, "{and}\"{}\"{star}", phrase.words.join(" "));
        }
        all
    }

    /// The bytes of `text` that match, rising, without overlaps.
    pub(super) fn marks(&self, text: &str) -> Vec<Range<usize>> {
        let words = words_of(text);
        let mut marks: Vec<Range<usize>> = Vec::new();
        for phrase in &self.phrases {
            for found in words.windows(phrase.words.len()) {
                if phrase.matches(found) {
                    marks.push(phrase.place(found));
                }
            }
        }
        marks.sort_by_key(|mark| (mark.start, mark.end));
        let mut joined: Vec<Range<usize>> = Vec::with_capacity(marks.len());
        for mark in marks {
            match joined.last_mut() {
                Some(last) if mark.start <= last.end => last.end = last.end.max(mark.end),
                _ => joined.push(mark),
            }
        }
        joined
    }
}

impl Phrase {
    fn matches(&self, words: &[Word]) -> bool {
        let last = self.words.len() - 1;
        self.words.iter().zip(words).enumerate().all(|(number, (wanted, word))| {
            if self.is_beginning && number == last {
                word.folded.starts_with(wanted)
            } else {
                word.folded == *wanted
            }
        })
    }

    fn place(&self, words: &[Word]) -> Range<usize> {
        let (first, last) = (&words[0], &words[words.len() - 1]);
        // A single character was searched for by the pair that it begins.
        let is_half = self.is_beginning && last.cut == WordCut::Pair;
        first.range.start..if is_half { last.first.end } else { last.range.end }
    }
}

/// The phrase that a piece without quotes is; `None` if it has no words.
fn phrase_of(piece: &str) -> Option<Phrase> {
    let mut words = words_of(piece);
    let last = words.pop()?;
    let mut is_beginning = false;
    match last.cut {
        WordCut::Whole => {
            let is_starred = piece[last.range.end..].starts_with('*');
            is_beginning = is_starred && last.folded.chars().count() >= MIN_BEGINNING;
            words.push(last);
        }
        WordCut::Pair => words.push(last),
        WordCut::Last => {
            // The run may go on in the line: its last character is not said to be the last.
            let is_known = words
                .last()
                .is_some_and(|word| word.cut == WordCut::Pair && word.range.end == last.range.end);
            if !is_known {
                is_beginning = true;
                words.push(last);
            }
        }
    }
    let words = words.into_iter().map(|word| word.folded).collect();
    Some(Phrase { words, is_beginning })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::Connection;

    use super::super::words::folded;
    use super::*;

    #[test]
    fn what_is_typed_becomes_an_expression() {
        for (typed, expression) in [
            ("tea", "\"tea\""),
            ("Tea  MILK", "\"tea\" AND \"milk\""),
            ("wate*", "\"wate\" *"),
            ("w*", "\"w\""),
            ("*", ""),
            ("\"kettle's on\" now", "\"kettle s on\" AND \"now\""),
            ("\"open phrase", "\"open phrase\""),
            ("foo_bar", "\"foo bar\""),
            ("NEAR(a b) OR NOT c", "\"near a\" AND \"b\" AND \"or\" AND \"not\" AND \"c\""),
            ("text:tea -x ^y {z}", "\"text tea\" AND \"x\" AND \"y\" AND \"z\""),
            ("日本語", "\"日本 本語\""),
            ("茶", "\"茶\" *"),
            ("\"日本語 tea\"", "\"日本 本語 語 tea\""),
            ("tea tea", "\"tea\""),
            ("!!! ?", ""),
        ] {
            assert_eq!(TypedWords::parse(typed).expression(), expression, "{typed}");
        }
    }

    #[test]
    fn marks_show_what_was_searched_for() {
        for (typed, text, marked) in [
            ("grusse", "viele Grüße, GRÜSSE", vec!["Grüße", "GRÜSSE"]),
            ("wate*", "water, waterfall", vec!["water", "waterfall"]),
            ("\"the tea\"", "the tea, the milk, the  tea", vec!["the tea", "the  tea"]),
            ("本", "日本語", vec!["本"]),
            ("日本語", "私は日本語を", vec!["日本語"]),
            ("te tea", "tea", vec!["tea"]),
        ] {
            let marks = TypedWords::parse(typed).marks(text);
            let found: Vec<&str> = marks.into_iter().map(|mark| &text[mark]).collect();
            assert_eq!(found, marked, "{typed} in {text}");
        }
    }

    fn index() -> Connection {
        let connection = Connection::open_in_memory().expect("opens");
        connection
            .execute_batch(
                "CREATE VIRTUAL TABLE word USING fts5(
                     text, content = '', columnsize = 0, prefix = '2 3', tokenize = 'ascii')",
            )
            .expect("works");
        connection
    }

    proptest! {
        #[test]
        fn every_text_is_a_valid_search(
            typed in "\\PC*|[\"*() a-c:^+{}NOT\u{0}-\u{1f}]*|(AND|OR|NOT|NEAR|\"|\\(|\\)|\\*| |a|茶){0,30}",
        ) {
            let words = TypedWords::parse(&typed);
            if !words.is_empty() {
                let found: i64 = index()
                    .query_row("SELECT count(*) FROM word WHERE word MATCH ?1", [words.expression()], |row| row.get(0))
                    .expect("is valid");
                prop_assert_eq!(found, 0);
            }
        }

        #[test]
        fn a_line_is_found_by_any_part_of_it(
            text in "([a-zÀ-ž日本語茶한국ไ0-9' \u{2}\u{301}_.-]){1,40}", from in 0usize..40, length in 1usize..20,
        ) {
            let connection = index();
            connection
                .execute("INSERT INTO word (rowid, text) VALUES (1, ?1)", [folded(&text)])
                .expect("works");
            // Parts that begin and end where words do.
            let words = super::words_of(&text);
            if from < words.len() {
                let part = &words[from..(from + length).min(words.len())];
                let typed = format!("\"{}\"", &text[part[0].range.start..part[part.len() - 1].range.end]);
                let query = TypedWords::parse(&typed);
                prop_assert!(!query.is_empty());
                let found: i64 = connection
                    .query_row("SELECT count(*) FROM word WHERE word MATCH ?1", [query.expression()], |row| row.get(0))
                    .expect("is valid");
                prop_assert_eq!(found, 1, "{:?} in {:?}: {}", typed, text, query.expression());
                prop_assert!(!query.marks(&text).is_empty());
            }
        }
    }
}
