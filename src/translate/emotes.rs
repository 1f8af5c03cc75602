//! Let's Chat's `:emotes:`. The built-in ones are GitHub's, which have Unicode equivalents.

use std::borrow::Cow;

use super::urls;

/// Replaces emotes that have a Unicode equivalent.
pub(super) fn to_unicode(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains(':') {
        return text;
    }
    let urls: Vec<_> = urls::find(&text).collect();
    let mut written = String::new();
    let mut done = 0;
    let colons: Vec<usize> = text.match_indices(':').map(|(at, _)| at).collect();
    for pair in colons.windows(2) {
        let start = pair[0];
        let end = pair[1];
        let inside =
            text[..start].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
        if start < done || inside || urls::covers(&urls, start) {
            continue;
        }
        let Some(emoji) = emojis::get_by_shortcode(&text[start + 1..end]) else { continue };
        written.push_str(&text[done..start]);
        written.push_str(emoji.as_str());
        done = end + 1;
    }
    if done == 0 {
        return text;
    }
    written.push_str(&text[done..]);
    Cow::Owned(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, written: &str) {
        assert_eq!(to_unicode(Cow::Borrowed(text)), written, "{text:?}");
    }

    #[test]
    fn known_shortcodes_become_emoji() {
        check(":tea: for all :+1:", "🍵 for all 👍");
        check(":tea::tea:", "🍵🍵");
        check("10:30 :tea:", "10:30 🍵");
    }

    #[test]
    fn unknown_shortcodes_stay_as_they_are() {
        for text in
            ["", ":", "::", ":houssam:", "a:tea:", "http://a.example/:tea:", "std::cmp::Ordering"]
        {
            check(text, text);
        }
    }
}
