//! The error of a setting that is one of a few words.

/// A text that is none of the known words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("use {0}")]
pub struct UnknownWord(String);

/// The value that `words` gives for `text`.
pub(super) fn find<T: Copy>(words: &[(&str, T)], text: &str) -> Result<T, UnknownWord> {
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let words: Vec<_> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
        UnknownWord(words.join(" or "))
    })
}
