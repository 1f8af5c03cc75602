//! Addresses in a text: what stands in one is left as it is.

use std::ops::Range;

/// Where the addresses in `text` stand: each from its scheme up to the next space. Rather too much
/// than too little, for whatever is in one works only as it is.
pub(super) fn find(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let at = from + text[from..].find("://")?;
            let scheme = text[from..at].bytes().rev().take_while(u8::is_ascii_alphanumeric).count();
            let rest = &text[at..];
            let end =
                at + rest.find(|c: char| c.is_whitespace() || c.is_control()).unwrap_or(rest.len());
            from = end;
            if scheme > 0 {
                return Some(at - scheme..end);
            }
        }
    })
}

/// Whether the byte at `at` is part of one of the addresses.
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
    fn an_address_goes_up_to_the_next_space() {
        check("see http://a.example/x?y=1#z, or", &["http://a.example/x?y=1#z,"]);
        check("(https://a.example) ftp://b", &["https://a.example)", "ftp://b"]);
        check("http://a.example\u{3}4x", &["http://a.example"]);
        check("upload://files/1", &["upload://files/1"]);
    }

    #[test]
    fn what_has_no_scheme_is_none() {
        check("", &[]);
        check("://x :// é://x", &[]);
        check("a:b //c", &[]);
    }
}
