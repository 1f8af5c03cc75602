//! One Let's Chat server for many accounts: one HTTP client for all, and the identity with each request.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, COOKIE, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode, retry};
use rustls::ClientConfig;
use url::Url;

use super::{
    RestAccount, RestClient, RestError, SignInError, client_builder, describe_body, read_body,
};
use crate::domain::Secret;
use crate::net::WriteGate;

/// Time limit for connecting. It is shorter than that of a request, so that a request that failed before it was
/// sent is known as such.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an idle connection is kept: less than the 5 seconds after which the server closes it.
const MAX_IDLE_TIME: Duration = Duration::from_secs(3);

/// The maximum number of idle connections over TLS. Without TLS, none is kept: servers of 2016 (Node.js 6) write an
/// answer in two parts, and on a connection that was used before, the second waits 40 ms for the system's delayed
/// acknowledgement of the first.
const MAX_IDLE_CONNECTIONS: usize = 32;

/// A Let's Chat server, for requests as any account. Cloning it is cheap, and the clones share connections.
///
/// No request is sent twice: the HTTP client may only try again what it has not begun to send.
#[derive(Debug, Clone)]
pub struct RestServer {
    pub(super) visitor: RestClient,
}

/// What proves to the server who asks.
#[derive(Debug, Clone, Copy)]
pub enum Credential<'a> {
    /// The cookie of a session.
    Session(&'a Secret),
    /// An API token.
    Token(&'a Secret),
}

/// Why a request as an account failed.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The server does not accept the session or the token.
    #[error("Let's Chat does not accept the session or the token")]
    Refused,
    /// There was no proper answer.
    #[error(transparent)]
    Rest(#[from] RestError),
}

impl RestServer {
    /// The Let's Chat at `url`.
    ///
    /// # Errors
    /// [`RestError::Unreachable`] if the HTTP client cannot be set up.
    pub fn new(url: &Url, tls: &Arc<ClientConfig>) -> Result<Self, RestError> {
        let max_idle = if url.scheme() == "https" { MAX_IDLE_CONNECTIONS } else { 0 };
        Self::with_idle_connections(url, tls, max_idle)
    }

    /// Nothing is requested while `gate` is closed.
    #[must_use]
    pub fn guarded_by(mut self, gate: WriteGate) -> Self {
        self.visitor.gate = gate;
        self
    }

    /// Keeps at most this number of idle connections.
    pub(super) fn with_idle_connections(
        url: &Url,
        tls: &Arc<ClientConfig>,
        max_idle: usize,
    ) -> Result<Self, RestError> {
        let builder = client_builder(url, None, tls)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(MAX_IDLE_TIME)
            .pool_max_idle_per_host(max_idle)
            .retry(retry::never());
        RestClient::built(url, builder).map(|visitor| Self { visitor })
    }

    /// Signs in, and returns the cookie of the session, which lasts for 14 days after the last request with it.
    ///
    /// # Errors
    /// Any [`SignInError`].
    pub async fn sign_in(&self, username: &str, password: &Secret) -> Result<Secret, SignInError> {
        let cookie = self.visitor.log_in(username, password.expose()).await;
        let cookie = cookie.map_err(|error| match error {
            SignInError::Rest(RestError::Revoked) => SignInError::Rest(internal_error()),
            error => error,
        })?;
        let cookie = cookie.to_str().map_err(|_| {
            RestError::NotLetsChat("the cookie of the login is not ASCII".to_owned())
        })?;
        Ok(Secret::new(cookie))
    }

    /// The account of the session or the token: `GET /account`. It prolongs the session.
    ///
    /// # Errors
    /// Any [`AccessError`]. For a token, also status 500 means [`AccessError::Refused`]
    /// (docs/letschat-protocol.md, section 2).
    pub async fn account(&self, credential: Credential<'_>) -> Result<RestAccount, AccessError> {
        let request = self.visitor.http.get(self.visitor.url("account"));
        let response = self.visitor.send(identify(request, credential)?).await?;
        match (response.status(), credential) {
            (StatusCode::UNAUTHORIZED, _)
            | (StatusCode::INTERNAL_SERVER_ERROR, Credential::Token(_)) => {
                return Err(AccessError::Refused);
            }
            _ => self.check(&response)?,
        }
        read_account(response).await
    }

    /// Changes the display name.
    ///
    /// # Errors
    /// Any [`AccessError`].
    pub async fn set_display_name(&self, session: &Secret, name: &str) -> Result<(), AccessError> {
        let fields = [("displayName", name), ("firstName", name)];
        let response = self.post_as(session, "account/profile", &fields).await?;
        match response.status() {
            StatusCode::UNAUTHORIZED => Err(AccessError::Refused),
            _ => read_account(response).await.map(drop),
        }
    }

    /// Ends the session.
    ///
    /// # Errors
    /// Any [`AccessError`] except [`AccessError::Refused`], since that session has ended.
    pub async fn sign_out(&self, session: &Secret) -> Result<(), AccessError> {
        let request = self.visitor.http.get(self.visitor.url("logout"));
        let request = identify(request, Credential::Session(session))?;
        let response = self.visitor.send(request).await?;
        match response.status().as_u16() {
            // The server redirects to its login page.
            302 | 401 => Ok(()),
            _ => Ok(self.check(&response)?),
        }
    }

    /// Sends a form as the account of `session`.
    pub(super) async fn post_as(
        &self,
        session: &Secret,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Result<Response, AccessError> {
        let request = self.visitor.http.post(self.visitor.url(path));
        let request = identify(request, Credential::Session(session))?;
        Ok(self.visitor.send_form(request, fields).await?)
    }

    /// Checks the status of an answer that is not about a token.
    pub(super) fn check(&self, response: &Response) -> Result<(), RestError> {
        self.visitor.check_status(response).map_err(|error| match error {
            RestError::Revoked => internal_error(),
            error => error,
        })
    }
}

/// Adds the identity to a request. A secret that no header can hold is refused as the server would.
pub(super) fn identify(
    request: RequestBuilder,
    credential: Credential<'_>,
) -> Result<RequestBuilder, AccessError> {
    let (name, value) = match credential {
        Credential::Session(cookie) => (COOKIE, HeaderValue::from_str(cookie.expose())),
        Credential::Token(token) => {
            (AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {}", token.expose())))
        }
    };
    let mut value = value.map_err(|_| AccessError::Refused)?;
    value.set_sensitive(true);
    Ok(request.header(name, value))
}

pub(super) async fn read_account(response: Response) -> Result<RestAccount, AccessError> {
    let body = read_body(response).await?;
    let account = serde_json::from_slice(&body);
    Ok(account.map_err(|_| RestError::NotLetsChat(describe_body(&body)))?)
}

fn internal_error() -> RestError {
    RestError::Unavailable(StatusCode::INTERNAL_SERVER_ERROR)
}
