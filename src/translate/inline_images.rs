//! Image URLs: Let's Chat shows a post that consists of one as an image.

use std::sync::LazyLock;

use regex::Regex;
use url::Url;

/// The page's own pattern. Only a query may follow the extension.
static IMAGE_URL: LazyLock<Regex> = LazyLock::new(|| {
    const PATTERN: &str = r##"(?ix)
        ^ \s* (?: https? | ftp ) ://
        [-a-z0-9\u{a1}-\u{ffff}+&@\#/%?=~_|!:,.;'"()]* [-a-z0-9\u{a1}-\u{ffff}+&@\#/%=~_|]
        [.] (?: jpe?g | png | gif ) \s*
        (?: \? [-0-9a-z_]+ (?: = [-0-9a-z_]* )? (?: & [-0-9a-z_]+ (?: = [-0-9a-z_]* )? )* )? \s* $
    "##;
    Regex::new(PATTERN).expect("the pattern is valid")
});

/// Whether a post with just this text is shown as an image.
pub(super) fn is_image_url(text: &str) -> bool {
    text.contains("://") && IMAGE_URL.is_match(text)
}

/// Whether a post with just this text would make browsers request something from `letschat` itself, such as a
/// forged log-out.
pub(super) fn targets_letschat(text: &str, letschat: Option<&Url>) -> bool {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("upload:")) {
        return true;
    }
    if !is_image_url(text) {
        return false;
    }
    let host = |url: &Url| url.host_str().map(|host| host.trim_end_matches('.').to_owned());
    match (Url::parse(text), letschat) {
        (Ok(url), Some(letschat)) => host(&url) == host(letschat),
        // Cannot be parsed, so assume the worst.
        (Err(_), _) => true,
        (Ok(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lone_image_url_counts_as_image() {
        for (text, picture) in [
            ("http://a.example/x.png", true),
            (" https://a.example/x/y.JPEG?size=1&b ", true),
            ("ftp://a.example/x.gif", true),
            ("http://a.example/x.png.html", false),
            ("http://a.example/x.png#top", false),
            ("see http://a.example/x.png", false),
            ("http://a.example/x.png!", false),
            ("http://a.example/x.png http://a.example/y.png", false),
            ("a.example/x.png", false),
            ("upload://x.png", false),
            ("", false),
        ] {
            assert_eq!(is_image_url(text), picture, "{text:?}");
        }
    }

    #[test]
    fn urls_of_the_letschat_server_are_detected() {
        let letschat = Url::parse("https://chat.example.org/").expect("an address");
        for (text, home) in [
            ("http://chat.example.org/logout?x.png", true),
            ("https://CHAT.example.org.:5000/logout?a.png", true),
            ("http://me@chat.example.org/x.png", true),
            ("upload://logout?x.png", true),
            (" UPLOAD://x", true),
            ("http://[::/x.png", false),
            ("http://a.example/chat.example.org/x.png", false),
            ("https://chat.example.org/logout", false),
            ("see upload://x", false),
        ] {
            assert_eq!(targets_letschat(text, Some(&letschat)), home, "{text:?}");
        }
        assert!(targets_letschat("upload://x", None));
        assert!(!targets_letschat("http://a.example/x.png", None));
    }
}
