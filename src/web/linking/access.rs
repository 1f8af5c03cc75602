//! Checks at Let's Chat whether a browser has access to an account. The password is passed on and forgotten.

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time;

use super::visits::FoundAccount;
use crate::config::LetsChatSettings;
use crate::domain::{AccountSecrets, LetsChatUserId, Secret};
use crate::net::rest::{AccessError, Credential, RestAccount, RestError, RestServer, SignInError};
use crate::net::tls;

/// How many checks may be made at once: each takes Let's Chat a tenth of a second of its only thread.
const MAX_CHECKS: usize = 2;

/// How long a check may wait for the others.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The configured Let's Chat, where access is checked.
#[derive(Debug)]
pub(in crate::web) struct AccessCheck {
    letschat: LetsChatSettings,
    slots: Semaphore,
}

/// Why there is no access, or it is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum NoAccess {
    /// The user name or the password is wrong.
    WrongPassword,
    /// Too many wrong passwords.
    Locked,
    /// The token is wrong.
    WrongToken,
    /// There was no answer.
    Unreachable,
    /// The answer makes no sense.
    Strange,
    /// Too many others are checked.
    Busy,
}

impl AccessCheck {
    pub(in crate::web) fn new(letschat: LetsChatSettings) -> Self {
        Self { letschat, slots: Semaphore::new(MAX_CHECKS) }
    }

    /// Signs in with a password, and looks whose the session is.
    pub(in crate::web) async fn by_password(
        &self,
        username: &str,
        password: &Secret,
    ) -> Result<FoundAccount, NoAccess> {
        let _slot = self.slot().await?;
        let server = self.server()?;
        let session = server.sign_in(username, password).await.map_err(|error| match error {
            SignInError::Wrong => NoAccess::WrongPassword,
            SignInError::Locked => NoAccess::Locked,
            SignInError::Rest(error) => explain(&error),
        })?;
        match server.account(Credential::Session(&session)).await {
            Ok(account) => {
                let secrets =
                    AccountSecrets { session: Some(session), ..AccountSecrets::default() };
                Ok(found(account, secrets))
            }
            Err(AccessError::Rest(error)) => Err(explain(&error)),
            // It has accepted the password.
            Err(AccessError::Refused) => Err(NoAccess::Strange),
        }
    }

    /// Looks whose a token is.
    pub(super) async fn by_token(&self, token: Secret) -> Result<FoundAccount, NoAccess> {
        let _slot = self.slot().await?;
        match self.server()?.account(Credential::Token(&token)).await {
            Ok(account) => {
                let secrets = AccountSecrets { token: Some(token), ..AccountSecrets::default() };
                Ok(found(account, secrets))
            }
            Err(AccessError::Rest(error)) => Err(explain(&error)),
            Err(AccessError::Refused) => Err(NoAccess::WrongToken),
        }
    }

    /// Ends the session of an account that was not confirmed. Without an answer, it ends by itself after 14 days.
    pub(in crate::web) async fn leave(&self, account: FoundAccount) {
        let Some(session) = account.secrets.session.filter(|_| !account.may_be_linked) else {
            return;
        };
        let Ok(server) = self.server() else { return };
        if let Err(error) = server.sign_out(&session).await {
            tracing::debug!(%error, "a session that was not confirmed has not been ended");
        }
    }

    async fn slot(&self) -> Result<tokio::sync::SemaphorePermit<'_>, NoAccess> {
        let slot = time::timeout(MAX_WAIT, self.slots.acquire()).await;
        slot.ok().and_then(Result::ok).ok_or(NoAccess::Busy)
    }

    fn server(&self) -> Result<RestServer, NoAccess> {
        let tls = tls::client_config(&self.letschat.tls_trust).map_err(|error| {
            tracing::debug!(%error, "no TLS for the page where people link their accounts");
            NoAccess::Unreachable
        })?;
        RestServer::new(&self.letschat.url, &tls).map_err(|error| explain(&error))
    }
}

fn found(account: RestAccount, secrets: AccountSecrets) -> FoundAccount {
    let RestAccount { id, username, display_name } = account;
    let user = LetsChatUserId(id.into());
    FoundAccount { user, username, display_name, secrets, may_be_linked: false }
}

fn explain(error: &RestError) -> NoAccess {
    tracing::debug!(%error, "Let's Chat did not answer the page where people link their accounts");
    match error {
        RestError::Unavailable(_) | RestError::Unreachable(_) => NoAccess::Unreachable,
        RestError::InvalidToken
        | RestError::Unauthorized
        | RestError::Revoked
        | RestError::NotLetsChat(_)
        | RestError::Redirected(_) => NoAccess::Strange,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::extract::Request;
    use axum::http::{StatusCode, header};
    use axum::response::{IntoResponse, Response};
    use tokio::net::TcpListener;
    use tokio::sync::watch;

    use super::*;
    use crate::config;
    use crate::web::listener;

    /// A Let's Chat that answers each path with a status, and what it was asked.
    struct FakeServer {
        access: AccessCheck,
        asked: Arc<Mutex<Vec<String>>>,
        _stop: watch::Sender<bool>,
    }

    async fn server(login: u16, account: u16) -> FakeServer {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = asked.clone();
        let answer = move |request: Request| {
            let cookie = request.headers().get(header::COOKIE).map(|it| it.to_str().unwrap());
            let line = format!("{} {}", request.uri().path(), cookie.unwrap_or("-"));
            heard.lock().unwrap().push(line);
            let status = match request.uri().path() {
                "/account/login" => login,
                "/account" => account,
                _ => 302,
            };
            std::future::ready(response(status))
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(listener::serve(
            listener,
            Router::new().fallback(answer),
            Vec::new(),
            stopped,
        ));
        FakeServer { access: AccessCheck::new(settings(&address.to_string())), asked, _stop: stop }
    }

    fn response(status: u16) -> Response {
        let body = r#"{"id":"u1","username":"david","displayName":"David"}"#;
        let cookie = [(header::SET_COOKIE, "connect.sid=s1; Path=/; HttpOnly")];
        (StatusCode::from_u16(status).unwrap(), cookie, body).into_response()
    }

    fn settings(address: &str) -> LetsChatSettings {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bridge.toml");
        let toml = format!(
            "[irc.office]\nservers = [\"127.0.0.1:1\"]\ntls = false\nnick = \"b\"\n[letschat]\n\
             url = \"http://{address}\"\ntoken = \"NmI2YjZiNmI2YjZiNmI2YjZiNmI2YjZiOjZhNmE2YTZhNmE2YTZhNmE2YTZhNmE2YTZhNmE2YTZhNmE2YTZhNmE2YTZhNmE2YQ==\"\n[[link]]\nchannel = \"office/#a\"\nroom = \"a\"\n"
        );
        std::fs::write(&path, toml).unwrap();
        config::load(&path, std::iter::empty()).unwrap().0.letschat
    }

    #[tokio::test]
    async fn answers_of_the_server_are_told_apart() {
        let secret = Secret::new("hush");
        for (login, account, by_password, by_token) in [
            (200, 200, None, None),
            (401, 401, Some(NoAccess::WrongPassword), Some(NoAccess::WrongToken)),
            (403, 500, Some(NoAccess::Locked), Some(NoAccess::WrongToken)),
            (400, 404, Some(NoAccess::Strange), Some(NoAccess::Strange)),
            (302, 302, Some(NoAccess::Strange), Some(NoAccess::Strange)),
            (500, 502, Some(NoAccess::Unreachable), Some(NoAccess::Unreachable)),
            (200, 401, Some(NoAccess::Strange), Some(NoAccess::WrongToken)),
            (200, 503, Some(NoAccess::Unreachable), Some(NoAccess::Unreachable)),
        ] {
            let server = server(login, account).await;
            let found = server.access.by_password("david", &secret).await;
            assert_eq!(found.err(), by_password, "{login} {account}");
            let found = server.access.by_token(secret.clone()).await;
            assert_eq!(found.err(), by_token, "{login} {account}");
        }
    }

    #[tokio::test]
    async fn session_that_is_not_used_is_ended() {
        let server = server(200, 200).await;
        let found = server.access.by_password("david", &Secret::new("hush")).await.unwrap();
        assert_eq!((found.username.as_str(), found.display_name.as_str()), ("david", "David"));
        assert!(found.secrets.password.is_none());
        // The bridge may have this one.
        server.access.leave(FoundAccount { may_be_linked: true, ..found.clone() }).await;
        server.access.leave(found).await;
        let asked = server.asked.lock().unwrap().clone();
        assert_eq!(
            asked,
            ["/account/login -", "/account connect.sid=s1", "/logout connect.sid=s1"]
        );
    }
}
