//! Signs in to Let's Chat with a user name and a password, and makes and revokes the token of the account.

use std::sync::Arc;

use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use reqwest::{RequestBuilder, Response};
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::{Url, form_urlencoded};

use super::{RestClient, RestError, describe_body, read_body};

/// Maximum length of the session cookie, in bytes.
const MAX_LEN_COOKIE: usize = 8_192;

/// Why Let's Chat does not let an account in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The user name or the password is wrong.
    #[error("Let's Chat rejected the user name or the password")]
    Wrong,
    /// Too many wrong passwords (docs/letschat-protocol.md, section 11).
    #[error(
        "Let's Chat has locked the account after three wrong passwords: wait some seconds, then try again"
    )]
    Locked,
    /// There was no proper answer.
    #[error(transparent)]
    Rest(#[from] RestError),
}

#[derive(Deserialize)]
struct WireToken {
    token: String,
}

impl RestClient {
    /// Looks whether there is a Let's Chat at `url`, which answers 401 to visitors.
    ///
    /// # Errors
    /// Any [`RestError`].
    pub async fn visit(url: &Url, tls: &Arc<ClientConfig>) -> Result<(), RestError> {
        let visitor = Self::identified(url, None, tls)?;
        let response = visitor.send(visitor.http.get(visitor.url("account"))).await?;
        match response.status().as_u16() {
            401 => Ok(()),
            500 => Err(RestError::NotLetsChat(format!("status {}", response.status()))),
            _ => visitor.check_status(&response),
        }
    }

    /// Signs in at the Let's Chat at `url`, as its login page does. The client is authenticated by the session
    /// that begins.
    ///
    /// # Errors
    /// Any [`SignInError`].
    pub async fn sign_in(
        url: &Url,
        username: &str,
        password: &SecretString,
        tls: &Arc<ClientConfig>,
    ) -> Result<Self, SignInError> {
        let visitor = Self::identified(url, None, tls)?;
        let session = visitor.log_in(username, password.expose_secret()).await?;
        Ok(Self::identified(url, Some((COOKIE, session)), tls)?)
    }

    /// Signs in, and returns the cookie of the session.
    pub(super) async fn log_in(
        &self,
        username: &str,
        password: &str,
    ) -> Result<HeaderValue, SignInError> {
        let fields = [("username", username), ("password", password)];
        let response = self.post("account/login", &fields).await?;
        match response.status().as_u16() {
            401 => return Err(SignInError::Wrong),
            403 => return Err(SignInError::Locked),
            _ => self.check_status(&response)?,
        }
        let session = session_cookie(response.headers());
        Ok(session.ok_or_else(|| RestError::NotLetsChat("the login set no cookie".to_owned()))?)
    }

    /// Makes a token for the account. It revokes the one that the account had.
    ///
    /// # Errors
    /// Any [`RestError`].
    pub async fn generate_token(&self) -> Result<SecretString, RestError> {
        let response = self.post("account/token/generate", &[]).await?;
        self.check_status(&response)?;
        let body = read_body(response).await?;
        let WireToken { token } = serde_json::from_slice(&body)
            .map_err(|_| RestError::NotLetsChat(describe_body(&body)))?;
        Ok(token.into())
    }

    /// Revokes the token of the account.
    ///
    /// # Errors
    /// Any [`RestError`].
    pub async fn revoke_token(&self) -> Result<(), RestError> {
        let response = self.post("account/token/revoke", &[]).await?;
        self.check_status(&response)
    }

    /// Sends a form to `path`.
    pub(super) async fn post(
        &self,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Result<Response, RestError> {
        self.send_form(self.http.post(self.url(path)), fields).await
    }

    pub(super) async fn send_form(
        &self,
        request: RequestBuilder,
        fields: &[(&str, &str)],
    ) -> Result<Response, RestError> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        self.send(request).await
    }
}

/// The cookies that a login sets, as the next requests send them back.
fn session_cookie(headers: &HeaderMap) -> Option<HeaderValue> {
    let pair = |value: &HeaderValue| {
        let pair = value.to_str().ok()?.split(';').next()?.trim().to_owned();
        pair.contains('=').then_some(pair)
    };
    let pairs: Vec<String> = headers.get_all(SET_COOKIE).iter().filter_map(pair).collect();
    let cookie = pairs.join("; ");
    if cookie.is_empty() || cookie.len() > MAX_LEN_COOKIE {
        return None;
    }
    let mut cookie = HeaderValue::from_str(&cookie).ok()?;
    cookie.set_sensitive(true);
    Some(cookie)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn sends_back(set: &[&str], cookie: Option<&str>) {
        let mut headers = HeaderMap::new();
        for set in set {
            headers.append(SET_COOKIE, HeaderValue::from_str(set).unwrap());
        }
        let found = session_cookie(&headers);
        assert_eq!(found.as_ref().map(|found| found.to_str().unwrap()), cookie);
    }

    #[test]
    fn cookies_are_sent_back_without_their_attributes() {
        sends_back(&["connect.sid=s%3Aab.cd; Path=/; HttpOnly"], Some("connect.sid=s%3Aab.cd"));
        sends_back(&["a=1; Path=/", "b=2"], Some("a=1; b=2"));
        sends_back(&[], None);
        sends_back(&["nothing"], None);
        sends_back(&[&format!("a={}", "x".repeat(MAX_LEN_COOKIE))], None);
    }
}
