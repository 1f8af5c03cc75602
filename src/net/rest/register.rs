//! Registers accounts.

use reqwest::StatusCode;

use super::person::{WireError, says_taken};
use super::server::RestServer;
use super::{RestError, read_body};
use crate::domain::Secret;

/// What the server says when its database does not work.
const DATABASE_ERROR: &str = "Sorry, we could not process your request";

/// The last name of accounts made by the bridge, since Let's Chat requires one.
const LAST_NAME: &str = "IRC";

/// An account to be registered.
#[derive(Debug, Clone, Copy)]
pub struct NewAccount<'a> {
    /// The user name.
    pub username: &'a str,
    /// The display name.
    pub display_name: &'a str,
    /// The mail address.
    pub email: &'a str,
    /// The password.
    pub password: &'a Secret,
}

/// Why an account was not registered.
#[derive(Debug)]
pub enum RegisterError {
    /// The user name or the mail address belongs to an account already.
    Taken,
    /// The server registers nobody, or has no accounts of its own.
    Closed,
    /// The server does not accept the account.
    Refused(String),
    /// There was no proper answer: the account may exist.
    Rest(RestError),
}

impl From<RestError> for RegisterError {
    fn from(error: RestError) -> Self {
        Self::Rest(error)
    }
}

impl RestServer {
    /// Registers an account: `POST /account/register`.
    ///
    /// # Errors
    /// Any [`RegisterError`].
    pub async fn register(&self, account: NewAccount<'_>) -> Result<(), RegisterError> {
        let password = account.password.expose();
        let fields = [
            ("username", account.username),
            ("email", account.email),
            ("password", password),
            ("password-confirm", password),
            ("firstName", account.display_name),
            ("lastName", LAST_NAME),
            ("displayName", account.display_name),
        ];
        let response = self.visitor.post("account/register", &fields).await?;
        match response.status() {
            StatusCode::CREATED => Ok(()),
            StatusCode::FORBIDDEN => Err(RegisterError::Closed),
            StatusCode::BAD_REQUEST => {
                let text = WireError::parse(&read_body(response).await?).text(password);
                Err(match &*text {
                    DATABASE_ERROR => RestError::Unavailable(StatusCode::BAD_REQUEST).into(),
                    text if says_taken(text) => RegisterError::Taken,
                    "" => RestError::NotLetsChat("status 400 without a reason".to_owned()).into(),
                    _ => RegisterError::Refused(text),
                })
            }
            _ => {
                self.check(&response)?;
                // 200 is no answer to a registration.
                Err(RestError::NotLetsChat("status 200".to_owned()).into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{CertificatePin, TlsTrust};
    use crate::net::rest::fake::{FakeAnswer, FakeServer};
    use crate::net::tls::client_config;

    async fn registered(status: u16, body: &'static str) -> Result<(), RegisterError> {
        let fake = FakeServer::start(move |_| FakeAnswer::json(status, body)).await;
        let tls = client_config(&TlsTrust::Pin(CertificatePin::new([0; 32]))).unwrap();
        let password = Secret::new("secret-word");
        let account = NewAccount {
            username: "ann.irc",
            display_name: "Ann",
            email: "ann@irc.invalid",
            password: &password,
        };
        let outcome = RestServer::new(&fake.url, &tls).unwrap().register(account).await;
        let requests = fake.take_requests();
        assert_eq!(requests[0].line, "POST /account/register");
        assert_eq!(
            requests[0].body,
            "username=ann.irc&email=ann%40irc.invalid&password=secret-word&password-confirm=secret-word\
             &firstName=Ann&lastName=IRC&displayName=Ann"
        );
        outcome
    }

    #[tokio::test]
    async fn answers_to_a_registration_are_distinguished() {
        assert!(registered(201, r#"{"status":"success"}"#).await.is_ok());
        for body in [
            r#"{"status":"error","message":"Expected username to be unique"}"#,
            r#"{"status":"error","message":"Expected username to be unique Expected email to be unique"}"#,
            r#"{"status":"error","message":"Email has already been taken"}"#,
        ] {
            let outcome = registered(400, body).await;
            assert!(matches!(outcome, Err(RegisterError::Taken)), "{outcome:?}");
        }
        let outcome = registered(403, r#"{"message":"Permission denied"}"#).await;
        assert!(matches!(outcome, Err(RegisterError::Closed)), "{outcome:?}");
        let quoted = r#"{"message":"Path `password` is invalid (secret-word). Expected email to be unique"}"#;
        let outcome = registered(400, quoted).await;
        let Err(RegisterError::Refused(reason)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(reason, "Path `password` is invalid (…). Expected email to be unique");
        for (status, body) in [
            (400, r#"{"status":"error","message":"Sorry, we could not process your request"}"#),
            (400, "Bad Request"),
            (500, ""),
            (502, "<html>"),
            (200, "<html>"),
            (404, ""),
        ] {
            let outcome = registered(status, body).await;
            assert!(matches!(outcome, Err(RegisterError::Rest(_))), "{status}: {outcome:?}");
        }
    }
}
