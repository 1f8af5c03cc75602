//! Let's Chat's REST API, for what its socket does not offer: checking a token, downloading files, signing in
//! with a password; and for posting as many accounts, without a socket for each.

mod account;
#[cfg(test)]
pub(crate) mod fake;
mod file;
mod import;
mod person;
mod post;
mod register;
mod rooms;
mod server;
mod server_probe;
mod settings;
mod visible_rooms;

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode, redirect};
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::{WriteGate, connect, proxy, tls};

pub use account::SignInError;
pub use file::{Download, FileError};
pub use import::{RestRoomDetails, ServerVersion};
pub use post::PostError;
pub use register::{NewAccount, RegisterError};
pub use rooms::RestRoom;
pub use server::{AccessError, Credential, RestServer};
pub use server_probe::{RegistrationState, SignInState};
pub use settings::{AccountChange, ChangeError};
pub use visible_rooms::{ListedRoom, RoomAccess};

/// Time limit for one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// Maximum size of a response, in bytes.
const MAX_LEN_RESPONSE: usize = 1024 * 1024;

/// A client for one Let's Chat server, authenticated as one user.
#[derive(Debug, Clone)]
pub struct RestClient {
    base_url: Url,
    http: Client,
    gate: WriteGate,
}

/// The user that a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "WireAccount")]
pub struct RestAccount {
    /// 24 hex digits; never changes.
    pub id: String,
    /// The login and mention name.
    pub username: String,
    /// The displayed name.
    pub display_name: String,
}

/// A [`RestAccount`] as JSON, unvalidated: it may have been edited in the database.
#[derive(Deserialize)]
struct WireAccount {
    id: String,
    #[serde(default)]
    username: serde_json::Value,
    #[serde(default, rename = "displayName")]
    display_name: serde_json::Value,
}

impl From<WireAccount> for RestAccount {
    fn from(WireAccount { id, username, display_name }: WireAccount) -> Self {
        let username = username.as_str().unwrap_or(&id).to_owned();
        let display_name = display_name.as_str().unwrap_or(&username).to_owned();
        Self { id, username, display_name }
    }
}

/// Why a request failed, with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// The token contains invalid characters.
    #[error("the token is malformed: copy it again from Let's Chat's menu \"Auth Tokens\"")]
    InvalidToken,
    /// The server does not know the token; a new one is needed.
    #[error(
        "Let's Chat rejected the token: create one in its menu \"Auth Tokens\" and put it into the token file"
    )]
    Unauthorized,
    /// The server answers like this when the token was revoked
    /// (docs/letschat-protocol.md, section 2); a new one is needed.
    #[error(
        "Let's Chat answers 500, as it does for a revoked token: an account has one token, and \
         creating another revokes it. Create one in its menu \"Auth Tokens\"; if that does not \
         help, see the log of Let's Chat"
    )]
    Revoked,
    /// The address belongs to something other than Let's Chat.
    #[error("not a Let's Chat server ({0}): `url` must be the address of its front page")]
    NotLetsChat(String),
    /// The server redirects elsewhere.
    #[error("the server redirects to {0}: if Let's Chat is there, put it into `url`")]
    Redirected(String),
    /// A proxy reports that Let's Chat is down; worth retrying.
    #[error("Let's Chat is down or overloaded ({0}); retrying later")]
    Unavailable(StatusCode),
    /// There was no answer; worth retrying.
    #[error("cannot reach Let's Chat: {0}")]
    Unreachable(String),
}

impl RestClient {
    /// A client for the Let's Chat at `url`, which may have a path behind a reverse proxy.
    ///
    /// It uses the same proxies as the websocket ([`proxy`]). It follows no redirects, since the token is for
    /// this server only.
    ///
    /// # Errors
    /// [`RestError::InvalidToken`]; [`RestError::Unreachable`] if the HTTP client cannot be set up.
    pub fn new(
        url: &Url,
        token: &SecretString,
        tls: &Arc<ClientConfig>,
    ) -> Result<Self, RestError> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| RestError::InvalidToken)?;
        bearer.set_sensitive(true);
        Self::identified(url, Some((AUTHORIZATION, bearer)), tls)
    }

    /// A client that sends the header `identity` with each request.
    fn identified(
        url: &Url,
        identity: Option<(HeaderName, HeaderValue)>,
        tls: &Arc<ClientConfig>,
    ) -> Result<Self, RestError> {
        Self::built(url, client_builder(url, identity, tls))
    }

    /// A client with this HTTP client.
    fn built(url: &Url, builder: ClientBuilder) -> Result<Self, RestError> {
        let client = builder.build().map_err(|error| unreachable_error(&error))?;
        Ok(Self { base_url: base_url(url), http: client, gate: WriteGate::default() })
    }

    /// Sends a request, unless the gate is closed.
    async fn send(&self, request: RequestBuilder) -> Result<Response, RestError> {
        let sent = self.gate.pass(request.send()).await;
        let sent = sent.map_err(|closed| RestError::Unreachable(closed.to_string()))?;
        sent.map_err(|error| unreachable_error(&error))
    }

    /// The user that the token belongs to: `GET /account`.
    ///
    /// # Errors
    /// Any [`RestError`] except [`RestError::InvalidToken`].
    pub async fn account(&self) -> Result<RestAccount, RestError> {
        let response = self.send(self.http.get(self.url("account"))).await?;
        self.check_status(&response)?;
        let read_body = read_body(response).await?;
        serde_json::from_slice(&read_body)
            .map_err(|_| RestError::NotLetsChat(describe_body(&read_body)))
    }

    fn url(&self, path: &str) -> Url {
        let mut address = self.base_url.clone();
        address.set_path(&format!("{}{path}", self.base_url.path()));
        address
    }

    fn check_status(&self, response: &Response) -> Result<(), RestError> {
        let status = response.status();
        match status.as_u16() {
            200 => Ok(()),
            401 => Err(RestError::Unauthorized),
            500 => Err(RestError::Revoked),
            429 | 502 | 503 | 504 => Err(RestError::Unavailable(status)),
            301 | 302 | 303 | 307 | 308 => {
                Err(RestError::Redirected(self.redirect_target(response)))
            }
            _ => Err(RestError::NotLetsChat(format!("status {status}"))),
        }
    }

    /// Where a redirect leads, as a base URL for the configuration.
    fn redirect_target(&self, response: &Response) -> String {
        let location = response.headers().get(LOCATION).map(HeaderValue::as_bytes);
        let location = String::from_utf8_lossy(location.unwrap_or_default());
        match response.url().join(&location) {
            Ok(to) => match to.as_str().strip_suffix("/account") {
                Some(front) => format!("{front}/"),
                None => to.into(),
            },
            Err(_) => location.into_owned(),
        }
    }
}

/// An HTTP client that sends the header `identity` with each request.
fn client_builder(
    url: &Url,
    identity: Option<(HeaderName, HeaderValue)>,
    tls: &Arc<ClientConfig>,
) -> ClientBuilder {
    let accept = (ACCEPT, HeaderValue::from_static("application/json"));
    let headers = HeaderMap::from_iter(identity.into_iter().chain([accept]));
    let builder = Client::builder()
        .tls_backend_preconfigured((**tls).clone())
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .redirect(redirect::Policy::none())
        .timeout(REQUEST_TIMEOUT);
    if proxy::is_loopback(url) { builder.no_proxy() } else { builder }
}

/// The base URL with a trailing slash, without credentials: they would replace the token in the request.
fn base_url(url: &Url) -> Url {
    let mut base = url.clone();
    base.set_query(None);
    base.set_fragment(None);
    base.set_path(&format!("{}/", url.path().trim_end_matches('/')));
    // Fails only for URLs that cannot have a user name, and then there is none.
    let _ = base.set_username("");
    let _ = base.set_password(None);
    base
}

async fn read_body(mut response: Response) -> Result<Vec<u8>, RestError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable_error(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_LEN_RESPONSE {
            return Err(RestError::NotLetsChat("the response is too long".to_owned()));
        }
    }
    Ok(body)
}

/// Describes a response that is not an account.
fn describe_body(body: &[u8]) -> String {
    match body.trim_ascii_start().first() {
        Some(b'<') => "it returned a web page",
        Some(b'{' | b'[') => "it returned JSON of another shape",
        Some(_) => "it returned something other than JSON",
        None => "its response is empty",
    }
    .to_owned()
}

fn unreachable_error(error: &reqwest::Error) -> RestError {
    if error.is_timeout() {
        return RestError::Unreachable(format!("no answer within {} s", REQUEST_TIMEOUT.as_secs()));
    }
    if let Some(reason) = tls::find_tls_error(error) {
        return RestError::Unreachable(reason.to_string());
    }
    // Outer errors only say that a request failed; the innermost says why.
    let mut innermost: &(dyn Error + 'static) = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    RestError::Unreachable(match innermost.downcast_ref::<io::Error>() {
        Some(error) => connect::describe_io_error(error),
        None => innermost.to_string(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::{CertificatePin, TlsTrust};
    use crate::net::tls::client_config;

    const ANN: &str = r#"{"id":"6b035acebda4781b8a8cafab","firstName":"Ann","lastName":"Tee",
        "username":"ann","displayName":"Ann Tee","avatar":"e58f","openRooms":[]}"#;

    fn client(url: &str) -> RestClient {
        let tls = client_config(&TlsTrust::Pin(CertificatePin::new([0; 32]))).unwrap();
        RestClient::new(&Url::parse(url).unwrap(), &SecretString::from("t0k3n"), &tls).unwrap()
    }

    /// Sends a request to a server with this fixed answer; returns the request and the result.
    async fn request_of(path: &str, answer: &str) -> (String, Result<RestAccount, RestError>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let rest = client(&format!("http://ann:pw@{}{path}", listener.local_addr().unwrap()));
        let serving = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(request).unwrap()
        };
        tokio::join!(serving, rest.account())
    }

    fn answer(status: &str, headers: &str, body: &str) -> String {
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
    }

    #[tokio::test]
    async fn account_request_has_the_token_and_path_prefix() {
        for (path, line) in [
            ("", "GET /account HTTP/1.1"),
            ("/", "GET /account HTTP/1.1"),
            ("/chat", "GET /chat/account HTTP/1.1"),
            ("/a/chat/?x=1#y", "GET /a/chat/account HTTP/1.1"),
        ] {
            let (request, account) = request_of(path, &answer("200 OK", "", ANN)).await;
            assert_eq!(request.lines().next(), Some(line));
            assert!(
                request.to_lowercase().contains("\nauthorization: bearer t0k3n\r"),
                "{request}"
            );
            let account = account.unwrap();
            assert_eq!(account.id, "6b035acebda4781b8a8cafab");
            assert_eq!((&*account.username, &*account.display_name), ("ann", "Ann Tee"));
        }
    }

    #[tokio::test]
    async fn account_without_names_is_known_by_its_id() {
        for (body, username, display_name) in [
            (r#"{"id":"u1","username":"ann","displayName":null}"#, "ann", "ann"),
            (r#"{"id":"u1","username":null,"displayName":"Ann"}"#, "u1", "Ann"),
            (r#"{"id":"u1"}"#, "u1", "u1"),
            (r#"{"id":"u1","username":7,"displayName":{}}"#, "u1", "u1"),
        ] {
            let account = request_of("", &answer("200 OK", "", body)).await.1.unwrap();
            assert_eq!((&*account.username, &*account.display_name), (username, display_name));
        }
    }

    async fn assert_fails(status: &str, headers: &str, body: &str) -> RestError {
        request_of("", &answer(status, headers, body)).await.1.unwrap_err()
    }

    #[tokio::test]
    async fn token_errors_are_distinguished() {
        let error = assert_fails("401 Unauthorized", "", "Unauthorized").await;
        assert!(matches!(error, RestError::Unauthorized), "{error}");
        let error = assert_fails("500 Internal Server Error", "", "").await;
        assert!(matches!(error, RestError::Revoked), "{error}");
        // The answer to a malformed token is shorter than its Content-Length
        // (docs/letschat-protocol.md, section 2).
        let short = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 99\r\n\r\nUn";
        let error = request_of("", short).await.1.unwrap_err();
        assert!(matches!(error, RestError::Unauthorized), "{error}");
    }

    #[tokio::test]
    async fn other_servers_are_not_taken_for_lets_chat() {
        for (status, body, words) in [
            ("200 OK", "<!DOCTYPE html><html>", "a web page"),
            ("200 OK", r#"{"ok":true}"#, "JSON of another shape"),
            ("200 OK", "[]", "JSON of another shape"),
            ("200 OK", "hello", "something other than JSON"),
            ("200 OK", "", "its response is empty"),
            ("404 Not Found", "", "404 Not Found"),
            ("403 Forbidden", "", "403 Forbidden"),
        ] {
            let error = assert_fails(status, "", body).await;
            assert!(matches!(error, RestError::NotLetsChat(_)), "{error}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[tokio::test]
    async fn redirect_target_fits_the_configuration() {
        for (location, to) in [
            ("https://chat.example/account", "https://chat.example/"),
            ("https://chat.example/tea/account", "https://chat.example/tea/"),
            ("https://chat.example/myaccount", "https://chat.example/myaccount"),
        ] {
            let error = assert_fails("301 Moved", &format!("Location: {location}\r\n"), "").await;
            assert!(matches!(&error, RestError::Redirected(found) if found == to), "{error}");
        }
        let error = assert_fails("302 Found", "Location: /login\r\n", "").await;
        assert!(matches!(&error, RestError::Redirected(to) if to.ends_with("/login")), "{error}");
    }

    #[tokio::test]
    async fn unavailable_server_is_a_temporary_error() {
        for status in ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"] {
            let error = assert_fails(status, "", "<html>").await;
            assert!(matches!(error, RestError::Unavailable(_)), "{error}");
            assert!(error.to_string().contains(status), "{error}");
        }
        let error = request_of("", "").await.1.unwrap_err();
        assert!(matches!(error, RestError::Unreachable(_)), "{error}");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let error = client(&url).account().await.unwrap_err().to_string();
        assert!(error.contains("refused"), "{error}");
    }

    #[test]
    fn invalid_token_is_rejected_and_no_token_is_shown() {
        let tls = client_config(&TlsTrust::Pin(CertificatePin::new([0; 32]))).unwrap();
        let url = Url::parse("https://chat.example").unwrap();
        let error = RestClient::new(&url, &SecretString::from("a\nb"), &tls).unwrap_err();
        assert!(matches!(error, RestError::InvalidToken), "{error}");
        assert!(!format!("{:?}", client("http://chat.example")).contains("t0k3n"));
    }
}
