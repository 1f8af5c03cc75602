//! The cookie by which a page knows its browser again.

use axum::http::{HeaderMap, HeaderValue, header};
use data_encoding::BASE64URL_NOPAD;

use super::site::{LinkSite, is_base64url};

/// The length of a key in bytes, and in characters.
const LEN_BYTES: usize = 24;
const LEN_TEXT: usize = 32;

/// How long the cookie lasts: as long as a code.
const MAX_AGE_SECONDS: u32 = 15 * 60;

/// The random key of a browser, 192 bits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::web) struct BrowserKey(String);

impl BrowserKey {
    /// A new key.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(in crate::web) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; LEN_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(BASE64URL_NOPAD.encode(&bytes)))
    }

    /// The key that the browser sends. One that we could not have made is none.
    pub(in crate::web) fn from_headers(headers: &HeaderMap, site: &LinkSite) -> Option<Self> {
        let name = cookie_name(site);
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|it| it.split_once('='));
        let values = pairs.filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim());
        let mut keys = values.filter(|it| it.len() == LEN_TEXT && is_base64url(it));
        keys.next().map(|key| Self(key.to_owned()))
    }

    /// The header that gives the key to the browser, for the page with this code only.
    pub(super) fn set_cookie(&self, site: &LinkSite, code: &str) -> Option<HeaderValue> {
        self.set_cookie_for(site, &site.page(code))
    }

    /// The header that gives the key to the browser, for the page at this path and its forms only.
    pub(in crate::web) fn set_cookie_for(
        &self,
        site: &LinkSite,
        path: &str,
    ) -> Option<HeaderValue> {
        self.set_cookie_with(site, path, MAX_AGE_SECONDS, "Strict")
    }

    /// The same for so many seconds, and with this value of `SameSite`.
    pub(in crate::web) fn set_cookie_with(
        &self,
        site: &LinkSite,
        path: &str,
        seconds: u32,
        same_site: &str,
    ) -> Option<HeaderValue> {
        let secure = if site.is_secure() { "; Secure" } else { "" };
        let cookie = format!(
            "{}={}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite={same_site}{secure}",
            cookie_name(site),
            self.0,
        );
        let mut value = HeaderValue::from_str(&cookie).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The prefix keeps servers without TLS from setting the cookie.
fn cookie_name(site: &LinkSite) -> &'static str {
    if site.is_secure() { "__Secure-letsbridge-link" } else { "letsbridge-link" }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const KEY: &str = "AZaz09-_AZaz09-_AZaz09-_AZaz09-_";

    fn site(url: &str) -> LinkSite {
        LinkSite::new(&url.parse().unwrap())
    }

    #[track_caller]
    fn check(cookies: &[&str], key: Option<&str>) {
        let headers: HeaderMap =
            cookies.iter().map(|it| (header::COOKIE, HeaderValue::from_str(it).unwrap())).collect();
        let found = BrowserKey::from_headers(&headers, &site("http://b.example/"));
        assert_eq!(found.as_ref().map(BrowserKey::as_str), key, "{cookies:?}");
    }

    #[test]
    fn only_keys_of_the_right_form_are_accepted() {
        check(&[], None);
        check(&[&format!("letsbridge-link={KEY}")], Some(KEY));
        check(&[&format!("a=1; letsbridge-link={KEY}; b=2")], Some(KEY));
        check(&["a=1", &format!("letsbridge-link={KEY}")], Some(KEY));
        check(&[&format!("letsbridge-link=evil; letsbridge-link={KEY}")], Some(KEY));
        check(&["letsbridge-link=evil"], None);
        check(&["letsbridge-link="], None);
        check(&[&format!("letsbridge-link={KEY}x")], None);
        check(&[&format!("letsbridge-link={}", KEY.replace('-', "."))], None);
        check(&[&format!("xletsbridge-link={KEY}")], None);
        check(&[&format!("__Secure-letsbridge-link={KEY}")], None);
    }

    #[test]
    fn cookie_is_kept_from_scripts_other_sites_and_other_pages() {
        let set = |url: &str| {
            let key = BrowserKey(KEY.to_owned());
            key.set_cookie(&site(url), "CODE").unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(
            set("http://b.example/irc/"),
            format!(
                "letsbridge-link={KEY}; Path=/irc/link/CODE; Max-Age=900; HttpOnly; SameSite=Strict"
            )
        );
        assert_eq!(
            set("https://b.example/"),
            format!(
                "__Secure-letsbridge-link={KEY}; Path=/link/CODE; Max-Age=900; HttpOnly; \
                 SameSite=Strict; Secure"
            )
        );
    }

    #[test]
    fn keys_differ() {
        let [one, other] = [(); 2].map(|()| BrowserKey::random().unwrap());
        assert!(one != other && one.0.len() == LEN_TEXT && is_base64url(&one.0));
    }
}
