//! Where the pages are: their addresses below `public_url`, and the form of a code.

use url::Url;

use crate::net::proxy;

/// The length of a code: 128 bits in base64.
const LEN_CODE: usize = 22;

/// The public address of the pages.
#[derive(Debug, Clone)]
pub(in crate::web) struct LinkSite {
    /// The path of `public_url`, which ends with `/`.
    path: String,
    /// What browsers name as the origin of our forms.
    origin: String,
    /// Whether browsers reach us by TLS.
    is_secure: bool,
    /// Whether nobody on the way can read what they send.
    is_confidential: bool,
}

impl LinkSite {
    pub(in crate::web) fn new(public_url: &Url) -> Self {
        let is_secure = public_url.scheme() == "https";
        Self {
            path: format!("{}/", public_url.path().trim_end_matches('/')),
            origin: public_url.origin().ascii_serialization(),
            is_secure,
            is_confidential: is_secure || proxy::is_loopback(public_url),
        }
    }

    /// The path of the page with this code, as browsers see it.
    pub(super) fn page(&self, code: &str) -> String {
        format!("{}link/{code}", self.path)
    }

    /// The path that a form of the page is sent to.
    pub(super) fn form(&self, code: &str, step: &str) -> String {
        format!("{}/{step}", self.page(code))
    }

    /// The path of another page, as browsers see it.
    pub(in crate::web) fn below(&self, rest: &str) -> String {
        format!("{}{rest}", self.path)
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    pub(in crate::web) fn is_secure(&self) -> bool {
        self.is_secure
    }

    pub(in crate::web) fn is_confidential(&self) -> bool {
        self.is_confidential
    }
}

/// Whether the bridge could have made this code.
pub(super) fn is_code(text: &str) -> bool {
    text.len() == LEN_CODE && is_base64url(text)
}

/// Whether the text has only the characters of base64 for addresses.
pub(super) fn is_base64url(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_below_the_public_url() {
        for (url, page, origin, is_secure) in [
            ("https://b.example/", "/link/C", "https://b.example", true),
            ("https://b.example:8443/irc/", "/irc/link/C", "https://b.example:8443", true),
            ("http://b.example/irc", "/irc/link/C", "http://b.example", false),
        ] {
            let site = LinkSite::new(&url.parse().expect("a URL"));
            assert_eq!(site.page("C"), page);
            assert_eq!(site.form("C", "token"), format!("{page}/token"));
            assert_eq!((site.origin(), site.is_secure()), (origin, is_secure));
        }
    }

    #[test]
    fn code_has_22_characters() {
        assert!(is_code("AZaz09-_AZaz09-_AZaz09"));
        for wrong in ["", "short", "AZaz09-_AZaz09-_AZaz0", "AZaz09-_AZaz09-_AZaz09A"] {
            assert!(!is_code(wrong), "{wrong}");
        }
        for wrong in ["AZaz09-_AZaz09-_AZaz0/", "AZaz09-_AZaz09-_AZaz0é", "AZaz09-_AZaz09-_AZaz0 "]
        {
            assert!(!is_code(wrong), "{wrong}");
        }
    }
}
