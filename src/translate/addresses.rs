//! Addresses that no line of IRC holds.

use std::borrow::Cow;

use super::urls;

/// The longest address in bytes that a line holds, whatever else must stand in it.
const LONGEST: usize = 280;

/// `text` with the link to `whole`, where all of the message can be read, in place of every address that
/// would be broken in two; beside it the host that it leads to.
pub(super) fn short(text: Cow<'_, str>, whole: impl FnOnce() -> Option<String>) -> Cow<'_, str> {
    let long: Vec<_> = match text.len() > LONGEST {
        true => urls::find(&text).filter(|url| url.len() > LONGEST).collect(),
        false => Vec::new(),
    };
    if long.is_empty() {
        return text;
    }
    let Some(link) = whole() else { return text };
    let mut short = String::new();
    let mut done = 0;
    for url in long {
        short.push_str(&text[done..url.start]);
        let address = &text[url.clone()];
        short.push_str(&format!(
            "{link} (to {}…, {} characters)",
            host(address),
            address.chars().count()
        ));
        done = url.end;
    }
    short.push_str(&text[done..]);
    Cow::Owned(short)
}

/// The scheme and the host of `address`, if they are short.
fn host(address: &str) -> &str {
    let behind = address.find("://").map_or(0, |at| at + "://".len());
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
        assert_eq!(short(text.into(), || Some("https://b.example/p/x".to_owned())), shown);
    }

    #[test]
    fn an_address_that_no_line_holds_is_a_link() {
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
        assert_eq!(short(address.as_str().into(), || None), address);
    }
}
