//! Let's Chat's REST interface, for what is asked before its socket is opened: whose token is this?

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, Response, StatusCode, redirect};
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::{connect, proxy, tls};

/// How long one call may take from beginning to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// The most that is read of an answer, in bytes.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// A client of one Let's Chat, in the name of one account.
#[derive(Debug, Clone)]
pub struct Rest {
    base: Url,
    client: Client,
}

/// The account that a token stands for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    /// 24 hex digits, for as long as the account lives.
    pub id: String,
    /// What it logs in with, and what `@` is put before.
    pub username: String,
    /// What others see.
    #[serde(rename = "displayName")]
    pub display_name: String,
}

/// Why a call brought nothing; each says what would mend it.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// The token cannot be sent at all.
    #[error("the token is not one of Let's Chat's: copy it anew from its page, \"Auth tokens\"")]
    NotAToken,
    /// The server does not know the token: another is needed.
    #[error("Let's Chat does not accept the token: make one on its page, \"Auth tokens\"")]
    Unauthorized,
    /// What the server answers to a token that was revoked (WIRE.md): another is needed.
    #[error(
        "Let's Chat answers 500, as it does when a token was revoked: an account has one token, and \
         making another ends the first. Make one on its page, \"Auth tokens\"; if that does not \
         help, its own log says more"
    )]
    Revoked,
    /// Something else answers at the address: the address is wrong.
    #[error("this is no Let's Chat ({0}): `url` must be the address of its front page")]
    NotLetsChat(String),
    /// The server is to be found elsewhere.
    #[error("the server sends us on to {0}: if that is where Let's Chat is, put it into `url`")]
    Redirected(String),
    /// What stands before Let's Chat says that it is down: worth trying later.
    #[error("Let's Chat is not running or has too much to do ({0}): it is tried again later")]
    Unavailable(StatusCode),
    /// There was no answer: worth trying later.
    #[error("Let's Chat cannot be reached: {0}")]
    Unreachable(String),
}

impl Rest {
    /// A client of the Let's Chat at `url`, which may have a path, as behind a reverse proxy.
    ///
    /// Proxies are those of the environment, as for the websocket ([`proxy`]). No redirect is
    /// followed: the token is for this server alone.
    ///
    /// # Errors
    /// [`RestError::NotAToken`]; [`RestError::Unreachable`] where the system gives no client.
    pub fn new(
        url: &Url,
        token: &SecretString,
        tls: &Arc<ClientConfig>,
    ) -> Result<Self, RestError> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| RestError::NotAToken)?;
        bearer.set_sensitive(true);
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, bearer),
            (ACCEPT, HeaderValue::from_static("application/json")),
        ]);
        let builder = Client::builder()
            .tls_backend_preconfigured((**tls).clone())
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(redirect::Policy::none())
            .timeout(PATIENCE);
        let builder = if proxy::is_loopback(url) { builder.no_proxy() } else { builder };
        let client = builder.build().map_err(|error| unreachable(&error))?;
        Ok(Self { base: base(url), client })
    }

    /// Who we are: `GET /account`.
    ///
    /// # Errors
    /// Any [`RestError`] but [`RestError::NotAToken`].
    pub async fn account(&self) -> Result<Account, RestError> {
        let response = self.client.get(self.address("account")).send().await;
        let response = response.map_err(|error| unreachable(&error))?;
        self.judge(&response)?;
        let body = body(response).await?;
        serde_json::from_slice(&body).map_err(|_| RestError::NotLetsChat(described(&body)))
    }

    fn address(&self, path: &str) -> Url {
        let mut address = self.base.clone();
        address.set_path(&format!("{}{path}", self.base.path()));
        address
    }

    fn judge(&self, response: &Response) -> Result<(), RestError> {
        let status = response.status();
        match status.as_u16() {
            200 => Ok(()),
            401 => Err(RestError::Unauthorized),
            500 => Err(RestError::Revoked),
            429 | 502 | 503 | 504 => Err(RestError::Unavailable(status)),
            301 | 302 | 303 | 307 | 308 => Err(RestError::Redirected(self.elsewhere(response))),
            _ => Err(RestError::NotLetsChat(format!("it answers {status}"))),
        }
    }

    /// Where a redirect leads, as it would stand in `url`.
    fn elsewhere(&self, response: &Response) -> String {
        let location = response.headers().get(LOCATION).map(HeaderValue::as_bytes);
        let location = String::from_utf8_lossy(location.unwrap_or_default());
        match response.url().join(&location) {
            Ok(to) => to.as_str().trim_end_matches("account").to_owned(),
            Err(_) => location.into_owned(),
        }
    }
}

/// The front page's address, ending in a slash. A user name in it would take the token's place in
/// the request.
fn base(url: &Url) -> Url {
    let mut base = url.clone();
    base.set_query(None);
    base.set_fragment(None);
    base.set_path(&format!("{}/", url.path().trim_end_matches('/')));
    // Fails only where an address can have none, and then it has none.
    let _ = base.set_username("");
    let _ = base.set_password(None);
    base
}

async fn body(mut response: Response) -> Result<Vec<u8>, RestError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_ANSWER {
            return Err(RestError::NotLetsChat("its answer has no end".to_owned()));
        }
    }
    Ok(body)
}

/// What an answer is that is no account.
fn described(body: &[u8]) -> String {
    match body.trim_ascii_start().first() {
        Some(b'<') => "it answers with a web page",
        Some(b'{' | b'[') => "it answers with JSON, but of another shape",
        Some(_) => "it answers with something else than JSON",
        None => "its answer is empty",
    }
    .to_owned()
}

fn unreachable(error: &reqwest::Error) -> RestError {
    if error.is_timeout() {
        return RestError::Unreachable(format!("no answer within {} s", PATIENCE.as_secs()));
    }
    if let Some(why) = tls::find(error) {
        return RestError::Unreachable(why.to_string());
    }
    // The outer errors say only that a request failed; the innermost says why.
    let mut innermost: &(dyn Error + 'static) = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    RestError::Unreachable(match innermost.downcast_ref::<io::Error>() {
        Some(error) => connect::in_words(error),
        None => innermost.to_string(),
    })
}
