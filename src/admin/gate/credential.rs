//! What a request shows to be let in: the token, or the cookie of a browser that has signed in.

use axum::http::{HeaderMap, header};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;

use super::sessions::COOKIE;

/// The maximum length of a token that is looked at, in bytes.
const MAX_TOKEN_LENGTH: usize = 1_024;

/// What a request shows.
pub(super) enum ShownCredential {
    /// The header `Authorization: Bearer`.
    Token(SecretString),
    /// The cookie.
    Session(String),
    /// An `Authorization` header of another kind.
    Unreadable,
    /// Nothing.
    None,
}

impl ShownCredential {
    /// What these headers show. A token counts more than a cookie.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        if let Some(value) = headers.get(header::AUTHORIZATION) {
            let token = value.to_str().ok().and_then(bearer_token);
            return token.map_or(Self::Unreadable, |token| Self::Token(token.into()));
        }
        let cookies =
            headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|value| value.split(';')).filter_map(|it| it.split_once('='));
        match pairs.find(|(name, _)| name.trim() == COOKIE) {
            Some((_, id)) => Self::Session(id.trim().to_owned()),
            None => Self::None,
        }
    }
}

fn bearer_token(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    let is_ours = scheme.eq_ignore_ascii_case("bearer");
    (is_ours && !token.is_empty() && token.len() <= MAX_TOKEN_LENGTH).then_some(token)
}

/// Makes digests of tokens, so that comparing them takes as long for any wrong one. It lasts as long as the program.
#[derive(Debug)]
pub(super) struct TokenKey(SecretBox<[u8; 32]>);

/// The digest of a token, which only [`TokenKey`] can compare.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct TokenDigest([u8; 32]);

impl TokenKey {
    pub(super) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = Box::new([0; 32]);
        getrandom::fill(&mut *bytes)?;
        Ok(Self(SecretBox::new(bytes)))
    }

    pub(super) fn digest(&self, token: &SecretString) -> TokenDigest {
        TokenDigest(self.mac(token).finalize().into_bytes().into())
    }

    /// Whether a token is the one with this digest.
    pub(super) fn matches(&self, given: &SecretString, right: &TokenDigest) -> bool {
        self.mac(given).verify_slice(&right.0).is_ok()
    }

    fn mac(&self, token: &SecretString) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret());
        let mut mac = mac.expect("HMAC accepts keys of any length");
        mac.update(token.expose_secret().as_bytes());
        mac
    }
}

impl std::fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenDigest")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shown(headers: &[(&str, &str)]) -> String {
        let headers = headers.iter().map(|(name, value)| {
            let name: axum::http::HeaderName = name.parse().unwrap();
            (name, value.parse().unwrap())
        });
        match ShownCredential::of(&headers.collect()) {
            ShownCredential::Token(token) => format!("token {}", token.expose_secret()),
            ShownCredential::Session(id) => format!("session {id}"),
            ShownCredential::Unreadable => "unreadable".to_owned(),
            ShownCredential::None => "none".to_owned(),
        }
    }

    #[test]
    fn token_or_cookie_is_found() {
        let cookie = ("cookie", "a=b; letsbridge-admin=xyz; c=d");
        for (headers, found) in [
            (vec![("authorization", "Bearer abc")], "token abc"),
            (vec![("authorization", "bearer  abc ")], "token abc"),
            (vec![("authorization", "Basic abc")], "unreadable"),
            (vec![("authorization", "Bearer ")], "unreadable"),
            (vec![cookie], "session xyz"),
            (vec![cookie, ("authorization", "Bearer abc")], "token abc"),
            (vec![("cookie", "xletsbridge-admin=xyz")], "none"),
            (vec![], "none"),
        ] {
            assert_eq!(shown(&headers), found, "{headers:?}");
        }
        let long = format!("Bearer {}", "a".repeat(MAX_TOKEN_LENGTH + 1));
        assert_eq!(shown(&[("authorization", &long)]), "unreadable");
    }

    #[test]
    fn only_the_right_token_matches() {
        let key = TokenKey::random().unwrap();
        let right = key.digest(&"right".into());
        assert!(key.matches(&"right".into(), &right));
        for wrong in ["", "righ", "right ", "Right"] {
            assert!(!key.matches(&wrong.into(), &right), "{wrong:?}");
        }
        assert!(!TokenKey::random().unwrap().matches(&"right".into(), &right));
    }
}
