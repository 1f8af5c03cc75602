//! Channels and rooms that a text speaks of, by the names that they have where it is told.

use std::borrow::Cow;

use super::urls;

/// `text` with the name that `known` knows in place of each `#name`.
pub(super) fn rename<'t>(
    text: Cow<'t, str>,
    known: impl Fn(&str) -> Option<String>,
) -> Cow<'t, str> {
    if !text.contains('#') {
        return text;
    }
    let urls: Vec<_> = urls::find(&text).collect();
    let mut renamed = String::new();
    let mut done = 0;
    for (at, _) in text.match_indices('#') {
        let inside =
            text[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '#');
        if at < done || inside || urls::covers(&urls, at) {
            continue;
        }
        let Some((name, length)) = longest(&text[at..], &known) else { continue };
        renamed.push_str(&text[done..at]);
        renamed.push_str(&name);
        done = at + length;
    }
    if done == 0 {
        return text;
    }
    renamed.push_str(&text[done..]);
    Cow::Owned(renamed)
}

/// What `known` knows by the longest beginning of `text` that could be a name.
fn longest(text: &str, known: impl Fn(&str) -> Option<String>) -> Option<(String, usize)> {
    let end = text.find(|c: char| c.is_whitespace() || c.is_control() || c == ',');
    let name = &text[..end.unwrap_or(text.len())];
    let short = name.trim_end_matches(|c: char| c.is_ascii_punctuation() && c != '_' && c != '-');
    [name, short].into_iter().find_map(|name| Some((known(name)?, name.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, renamed: &str) {
        let known = |name: &str| (name == "#tea").then(|| "#office-tea".to_owned());
        assert_eq!(rename(Cow::Borrowed(text), known), renamed, "{text:?}");
    }

    #[test]
    fn what_is_linked_has_its_name_there() {
        check("#tea", "#office-tea");
        check("come to #tea, or (#tea).", "come to #office-tea, or (#office-tea).");
        check("#tea?", "#office-tea?");
    }

    #[test]
    fn everything_else_stays() {
        for text in
            ["", "tea", "#coffee", "#teapot", "##tea", "a#tea", "http://a.example/#tea", "#"]
        {
            check(text, text);
        }
    }
}
