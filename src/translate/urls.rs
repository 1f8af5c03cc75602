//! Finds URLs in text, whose contents must not be changed.

use std::ops::Range;

use url::Url;

/// Schemes of URLs without a host.
const HOSTLESS: [&str; 2] = ["magnet", "mailto"];

/// The ranges of URLs in `text`: from the scheme, or `www.`, to the next space. Too long is better than too
/// short, because a URL works only unchanged.
pub(super) fn find(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut done = 0;
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let at = from + text[from..].find([':', 'w'])?;
            let Some(start) = begins(&text[done..], at - done) else {
                from = at + 1;
                continue;
            };
            let rest = &text[at..];
            let end =
                at + rest.find(|c: char| c.is_whitespace() || c.is_control()).unwrap_or(rest.len());
            let start = done + start;
            done = end;
            from = end;
            return Some(start..end);
        }
    })
}

/// The start of a URL whose colon, or first `w`, is at `at`.
fn begins(text: &str, at: usize) -> Option<usize> {
    let (before, rest) = text.split_at(at);
    if rest.starts_with('w') {
        let inside = before.ends_with(|c: char| c.is_ascii_alphanumeric());
        return (!inside && rest.starts_with("www.")).then_some(at);
    }
    let word = before.bytes().rev().take_while(u8::is_ascii_alphanumeric).count();
    let scheme = &before[at - word..];
    let hostless = HOSTLESS.contains(&scheme);
    (rest.starts_with("://") && word > 0 || hostless).then_some(at - word)
}

/// The start of the URL in `text` that spans `at`, if there is one.
pub(super) fn around(text: &str, at: usize) -> Option<usize> {
    find(text).take_while(|url| url.start < at).find(|url| at < url.end).map(|url| url.start)
}

/// The web URLs in `text` with their ranges, without trailing punctuation of the sentence.
pub fn web_pages(text: &str) -> impl Iterator<Item = (Range<usize>, Url)> + '_ {
    find(text).filter_map(|url| {
        let address = text[url.clone()].trim_end_matches(|c: char| ".,;:!?\"'>)]}»”’".contains(c));
        let parsed = Url::parse(address).ok()?;
        let leads = matches!(parsed.scheme(), "http" | "https") && parsed.has_host();
        leads.then_some((url.start..url.start + address.len(), parsed))
    })
}

/// Whether the byte at `at` is part of one of the URLs.
pub(super) fn covers(urls: &[Range<usize>], at: usize) -> bool {
    urls.iter().any(|url| url.contains(&at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, found: &[&str]) {
        let urls: Vec<&str> = find(text).map(|url| &text[url]).collect();
        assert_eq!(urls, found, "{text:?}");
    }

    #[test]
    fn url_extends_to_the_next_whitespace() {
        check("see http://a.example/x?y=1#z, or", &["http://a.example/x?y=1#z,"]);
        check("(https://a.example) ftp://b", &["https://a.example)", "ftp://b"]);
        check("http://a.example\u{3}4x", &["http://a.example"]);
        check("upload://files/1", &["upload://files/1"]);
        check("see www.a.example/@bob or wwww.b", &["www.a.example/@bob"]);
        check("http://www.a.example mailto:a@b", &["http://www.a.example", "mailto:a@b"]);
        check("日本https://a.example/é", &["https://a.example/é"]);
        check("magnet:?xt=1 not:an w", &["magnet:?xt=1"]);
    }

    #[test]
    fn text_without_a_scheme_has_no_url() {
        check("", &[]);
        check("://x :// é://x", &[]);
        check("a:b //c", &[]);
    }
}
