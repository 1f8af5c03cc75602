//! References to channels and rooms in text, rewritten to their names on the other side.

use std::borrow::Cow;

use super::urls;

/// First characters of channel and room references.
const CHANNEL_PREFIXES: [char; 4] = ['#', '&', '+', '!'];

/// Maximum length examined for a name.
const MAX_LEN: usize = 300;

/// Replaces each `#name` that `known` knows.
pub(super) fn rewrite_channel_refs<'t>(
    text: Cow<'t, str>,
    known: impl Fn(&str) -> Option<String>,
) -> Cow<'t, str> {
    if !text.contains(CHANNEL_PREFIXES) {
        return text;
    }
    let urls: Vec<_> = urls::find(&text).collect();
    let mut renamed = String::new();
    let mut done = 0;
    for (at, _) in text.match_indices(CHANNEL_PREFIXES) {
        let before = text[..at].chars().next_back();
        let inside = before.is_some_and(|c| c.is_alphanumeric() || CHANNEL_PREFIXES.contains(&c));
        if at < done || inside || urls::covers(&urls, at) {
            continue;
        }
        let Some((name, length)) = longest_known_name(&text[at..], &known) else { continue };
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

/// The longest start of `text` that `known` knows as a name.
fn longest_known_name(
    text: &str,
    known: impl Fn(&str) -> Option<String>,
) -> Option<(String, usize)> {
    let text = &text[..text.floor_char_boundary(MAX_LEN.min(text.len()))];
    let end = text.find(|c: char| c.is_whitespace() || c.is_control() || c == ',');
    let name = &text[..end.unwrap_or(text.len())];
    let ends = name.char_indices().map(|(at, c)| at + c.len_utf8()).skip(1);
    let ends: Vec<usize> = ends.filter(|end| is_name_boundary(&name[*end..])).collect();
    ends.into_iter().rev().find_map(|end| Some((known(&name[..end])?, end)))
}

/// Whether a name may end before `rest`, instead of being part of a longer one.
fn is_name_boundary(rest: &str) -> bool {
    let closes = |c: char| ".;:!?)]}>'\"`*~_|\\".contains(c);
    let rest = match rest.strip_prefix(['\'', '’']).and_then(|it| it.strip_prefix('s')) {
        Some(behind) => behind,
        None => rest,
    };
    let behind = rest.trim_start_matches(closes);
    // Typographic punctuation that is never part of a name: `…`, `”`, `。`, a dash.
    behind.is_empty() && !rest.starts_with('_')
        || behind.starts_with(|c: char| !c.is_ascii() && !c.is_alphanumeric())
        || rest.starts_with("/#")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [(&str, &str); 6] = [
        ("#tea", "#office-tea"),
        ("#c", "#see"),
        ("#dev", "#work"),
        ("##c++", "#plus"),
        ("&local", "#here"),
        ("#tea.", "#dot"),
    ];

    #[track_caller]
    fn check_with(known: &[(&str, &str)], text: &str, renamed: &str) {
        let known = |name: &str| {
            let same = |it: &&(&str, &str)| it.0.eq_ignore_ascii_case(name);
            known.iter().find(same).map(|(_, name)| (*name).to_owned())
        };
        assert_eq!(rewrite_channel_refs(Cow::Borrowed(text), known), renamed, "{text:?}");
    }

    #[track_caller]
    fn check(text: &str, renamed: &str) {
        check_with(&KNOWN[..5], text, renamed);
    }

    #[test]
    fn linked_channel_is_renamed() {
        check("#tea", "#office-tea");
        check("come to #tea, or (#tea).", "come to #office-tea, or (#office-tea).");
        check("#tea?", "#office-tea?");
        check("#TEA!", "#office-tea!");
        check(
            "\"#tea\" “#tea” '#tea' `#tea` *#tea*",
            "\"#office-tea\" “#office-tea” '#office-tea' `#office-tea` *#office-tea*",
        );
        check("#tea’s #tea's #tea…", "#office-tea’s #office-tea's #office-tea…");
        check("#tea/#dev #tea—yes #tea。", "#office-tea/#work #office-tea—yes #office-tea。");
        check("see &local.", "see #here.");
    }

    #[test]
    fn longest_known_name_wins() {
        check("ask in #c++", "ask in #c++");
        check("ask in #c.", "ask in #see.");
        check("see ##c++.", "see #plus.");
        check("##c++: (##c++)?!", "#plus: (#plus)?!");
        check("#dev-ops #dev_ops #dev.x #dev2 #devé", "#dev-ops #dev_ops #dev.x #dev2 #devé");
        let both = [("#c", "#see"), ("#c++", "#seepp")];
        check_with(&both, "#c #c++ #c++. #c+++ #c#", "#see #seepp #seepp. #c+++ #c#");
        check_with(&KNOWN, "#tea. #tea.. #tea", "#dot #dot. #office-tea");
    }

    #[test]
    fn other_text_is_unchanged() {
        for text in [
            "",
            "tea",
            "#coffee",
            "#teapot",
            "##tea",
            "a#tea",
            "http://a.example/#tea",
            "#",
            "+1",
            "AT&T",
            "!who",
            "#_",
        ] {
            check(text, text);
        }
    }
}
