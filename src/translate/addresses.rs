//! Shortens URLs that do not fit into a line of IRC.

use std::borrow::Cow;

use super::urls;

/// The longest URL, in bytes, that fits into a line together with everything else.
pub(super) const MAX_LEN: usize = 280;

/// What to give readers instead of a URL that is too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Instead {
    /// This link to the whole message, open to everybody.
    Link(String),
    /// This address of the room, for users with access.
    There(String),
    /// Nothing.
    Nothing,
}

/// Replaces each URL longer than `longest`, which would be split in two, by its host and `instead`.
pub(super) fn shorten_urls(
    text: Cow<'_, str>,
    longest: usize,
    instead: impl FnOnce() -> Instead,
) -> Cow<'_, str> {
    let long: Vec<_> = match text.len() > longest {
        true => urls::find(&text).filter(|url| url.len() > longest).collect(),
        false => Vec::new(),
    };
    if long.is_empty() {
        return text;
    }
    let instead = instead();
    let mut short = String::new();
    let mut done = 0;
    for url in long {
        short.push_str(&text[done..url.start]);
        let address = &text[url.clone()];
        let host = scheme_and_host(address);
        let length = address.chars().count();
        short.push_str(&match &instead {
            Instead::Link(link) => format!("{link} (to {host}…, {length} characters)"),
            Instead::There(endpoint) => {
                format!("{host}… ({length} characters, too long for IRC; in full: {endpoint})")
            }
            Instead::Nothing => format!("{host}… ({length} characters, too long for IRC)"),
        });
        done = url.end;
    }
    short.push_str(&text[done..]);
    Cow::Owned(short)
}

/// Scheme and host of `address`, if short.
fn scheme_and_host(address: &str) -> &str {
    let scheme = address.find(':').filter(|colon| *colon < 16);
    let behind = scheme.map_or(0, |at| at + ":".len());
    let behind = if address[behind..].starts_with("//") { behind + "//".len() } else { behind };
    let end =
        address[behind..].find(['/', '?', '#', '@']).map_or(address.len(), |end| behind + end);
    let end = if address[end..].starts_with('@') { behind } else { end };
    &address[..address.floor_char_boundary(end.min(80))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, shown: &str) {
        let link = || Instead::Link("https://b.example/p/x".to_owned());
        assert_eq!(shorten_urls(text.into(), MAX_LEN, link), shown);
    }

    #[test]
    fn overlong_url_becomes_a_link() {
        let long = |host: &str, length: usize| {
            format!("{host}{}", "x".repeat(length - host.chars().count()))
        };
        let link = "https://b.example/p/x (to https://a.example…, 900 characters)";
        let address = long("https://a.example/", 900);
        check(&address, link);
        check(
            &format!("see {address}, please"),
            "see https://b.example/p/x (to https://a.example…, 901 characters) please",
        );
        check(
            &format!("one\n{address}\nhttp://c.example"),
            &format!("one\n{link}\nhttp://c.example"),
        );
        check(&long("https://a.example/é", 900), link);
        check(&long("https://a.example/", 280), &long("https://a.example/", 280));
        check(&"x".repeat(900), &"x".repeat(900));
        check(
            &long("https://bank.example@evil.example/", 900),
            "https://b.example/p/x (to https://…, 900 characters)",
        );
        check(
            &long("www.a.example/", 300),
            "https://b.example/p/x (to www.a.example…, 300 characters)",
        );
        check(&long("magnet:?xt=", 300), "https://b.example/p/x (to magnet:…, 300 characters)");
        check(
            &long("mailto:ann@a.example?body=", 300),
            "https://b.example/p/x (to mailto:…, 300 characters)",
        );
    }

    #[test]
    fn abbreviated_url_names_its_source_without_a_link() {
        let address = format!("https://a.example/{}", "x".repeat(882));
        let said = |instead: Instead| {
            shorten_urls(format!("\t(see {address}").into(), 400, || instead).into_owned()
        };
        assert_eq!(
            said(Instead::There("https://chat.example/#!/room/r1".to_owned())),
            "\t(see https://a.example… (900 characters, too long for IRC; in full: https://chat.example/#!/room/r1)"
        );
        assert_eq!(
            said(Instead::Nothing),
            "\t(see https://a.example… (900 characters, too long for IRC)"
        );
        let fits = format!("https://a.example/{}", "x".repeat(382));
        assert_eq!(shorten_urls(fits.as_str().into(), 400, || Instead::Nothing), fits);
    }
}
