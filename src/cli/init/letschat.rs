//! The questions about Let's Chat, answered by visiting it and by signing in.

use std::sync::Arc;

use rustls::ClientConfig;
use secrecy::SecretString;

use super::arguments::secret_variable;
use super::draft::{SecretFile, Trust};
use super::terminal::InitError;
use super::wizard::{SecretQuestion, Wizard, read_password};
use crate::config::{CertificatePin, LetsChatSettings, TlsTrust};
use crate::net::rest::{RestClient, RestError, SignInError};
use crate::net::tls::RejectedCert;
use crate::net::{certificate, tls};
use crate::service;

/// An account that was let in.
pub(super) struct SignedIn {
    /// The account, unless it could not be reached and the administrator goes on all the same.
    pub(super) rest: Option<RestClient>,
    pub(super) username: String,
}

/// Who to sign in as.
enum Credentials {
    /// The token is in the draft.
    Token,
    Password(String, SecretString),
}

impl Wizard<'_> {
    /// Asks for the address and the account, until the account is let in.
    pub(super) async fn set_up_letschat(&mut self) -> Result<SignedIn, InitError> {
        self.set_up_address(self.arguments.letschat_url.clone()).await?;
        let mut username = None;
        let mut is_first = true;
        loop {
            let credentials = self.ask_for_credentials(is_first, username.as_deref()).await?;
            is_first = false;
            let error = match self.sign_in(&credentials).await {
                Ok(letschat) => {
                    println!("letschat: connected as {}", letschat.username);
                    return Ok(letschat);
                }
                Err(error) => error,
            };
            let words = format!("letschat: {error}");
            match credentials {
                // Without a token there is nothing to write.
                Credentials::Password(..) if !self.terminal.is_interactive() => {
                    return Err(InitError::Failed(words));
                }
                Credentials::Password(user, _) => {
                    println!("{words}");
                    username = Some(user);
                }
                Credentials::Token => {
                    if self.may_continue(words)? {
                        return Ok(SignedIn { rest: None, username: String::new() });
                    }
                }
            }
            if is_about_address(&error) {
                self.set_up_address(None).await?;
            }
        }
    }

    /// Asks for the address, until Let's Chat answers there.
    async fn set_up_address(&mut self, given: Option<String>) -> Result<(), InitError> {
        self.ask_for_address(given).await?;
        while !self.reaches_letschat().await? {
            self.draft.letschat_trust = Trust::System;
            self.ask_for_address(None).await?;
        }
        Ok(())
    }

    async fn ask_for_address(&mut self, given: Option<String>) -> Result<(), InitError> {
        let is_first = self.draft.url.is_empty();
        let default = Some(self.draft.url.clone()).filter(|url| !url.is_empty());
        let question = "Address of Let's Chat (as in the browser)";
        self.answer(given, question, default.as_deref(), |draft, url| {
            let (page, fragment) = front_page(&url);
            if !fragment.is_empty() {
                println!("letschat: \"{fragment}\" was left out of the address");
            }
            draft.url = page;
        })
        .await?;
        if is_first {
            let pin = self.arguments.letschat_pin.as_deref();
            self.draft.letschat_trust = self.trust(pin, self.arguments.letschat_ca_file.as_deref());
        }
        self.settings().map(|_| ())
    }

    /// Visits Let's Chat. Returns `false` if the address is to be asked for again.
    async fn reaches_letschat(&mut self) -> Result<bool, InitError> {
        loop {
            let settings = self.settings()?.letschat;
            println!("connecting to {} …", settings.url);
            let Err(words) = visit(&settings).await else { return Ok(true) };
            let words = format!("letschat: {words}");
            let Some(certificate) = untrusted_certificate(&settings).await else {
                return self.may_continue(words);
            };
            match self.offer_pin(&certificate, &words).await? {
                Some(pin) => self.draft.letschat_trust = pin,
                None => return self.may_continue(format!("{words}, or with --letschat-pin here")),
            }
        }
    }

    /// Asks for a user name and a password, or for a token. What is given counts the first time only.
    async fn ask_for_credentials(
        &mut self,
        is_first: bool,
        before: Option<&str>,
    ) -> Result<Credentials, InitError> {
        self.draft.token = None;
        if is_first && let Some(path) = self.arguments.token_file.clone() {
            self.draft.token = Some(SecretFile::Existing(self.reference(&path)));
            self.settings()?;
            return Ok(Credentials::Token);
        }
        let user = self.arguments.letschat_user.clone().filter(|_| is_first);
        if is_first && user.is_none() && secret_variable("LETSCHAT_TOKEN").is_some() {
            return self.ask_for_token(is_first).await;
        }
        let user = match user {
            Some(user) => user,
            None => {
                let question = "User name of the bridge's account there, - to give a token instead";
                self.terminal.ask(question, before).await?
            }
        };
        if user == "-" {
            return self.ask_for_token(is_first).await;
        }
        let file = self.arguments.letschat_password_file.as_deref().filter(|_| is_first);
        let variable = secret_variable("LETSCHAT_PASSWORD").filter(|_| is_first);
        let password = match (file, variable) {
            (Some(file), _) => read_password(file)?,
            (None, Some(password)) => password.into(),
            (None, None) => {
                self.terminal.ask_secret(&format!("Password of the account {user}")).await?
            }
        };
        Ok(Credentials::Password(user, password))
    }

    async fn ask_for_token(&mut self, is_first: bool) -> Result<Credentials, InitError> {
        let mut variable = is_first.then_some("LETSCHAT_TOKEN");
        loop {
            let token = SecretQuestion {
                given: None,
                variable: variable.take(),
                question: "Token, from Let's Chat's menu \"Auth Tokens\"".to_owned(),
                file: self.reference(&self.token_path()),
            };
            self.draft.token = Some(self.secret(token).await?);
            match self.settings() {
                Ok(_) => return Ok(Credentials::Token),
                Err(InitError::Usage(words)) if self.terminal.is_interactive() => {
                    println!("{words}");
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn sign_in(&self, credentials: &Credentials) -> Result<SignedIn, SignInError> {
        let settings = self.settings().map_err(|_| RestError::InvalidToken)?.letschat;
        let (url, tls) = (&settings.url, tls_config(&settings)?);
        let rest = match credentials {
            Credentials::Token => RestClient::new(url, &settings.token, &tls)?,
            Credentials::Password(user, password) => {
                RestClient::sign_in(url, user, password, &tls).await?
            }
        };
        let account = rest.account().await?;
        Ok(SignedIn { rest: Some(rest), username: account.username })
    }

    /// The draft's secret for a token that was just made.
    pub(super) fn new_token(&self, value: SecretString) -> SecretFile {
        SecretFile::New { file: self.reference(&self.token_path()), value }
    }
}

/// Looks whether Let's Chat answers; otherwise says why not, as `check` does.
async fn visit(settings: &LetsChatSettings) -> Result<(), String> {
    let tls = tls_config(settings).map_err(|error| error.to_string())?;
    match RestClient::visit(&settings.url, &tls).await {
        Ok(()) => Ok(()),
        // The websocket finds out more.
        Err(error @ RestError::Unreachable(_)) => {
            let report = service::probe_letschat_login(settings).await;
            let reason = report.and_then(|report| report.login?.err());
            Err(reason.unwrap_or_else(|| error.to_string()))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// The address without its fragment, which the browser shows for a room; and the fragment.
pub(super) fn front_page(url: &str) -> (String, String) {
    let (page, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
    let fragment = fragment.chars().filter(|c| !c.is_control()).collect();
    (page.to_owned(), fragment)
}

/// Whether an error concerns the address, and not the account.
fn is_about_address(error: &SignInError) -> bool {
    match error {
        SignInError::Wrong | SignInError::Locked => false,
        SignInError::Rest(error) => {
            !matches!(error, RestError::InvalidToken | RestError::Unauthorized | RestError::Revoked)
        }
    }
}

fn tls_config(settings: &LetsChatSettings) -> Result<Arc<ClientConfig>, RestError> {
    // Without TLS, a machine needs no authorities.
    let nothing = TlsTrust::Pin(CertificatePin::new([0; 32]));
    let trust = if settings.url.scheme() == "http" { &nothing } else { &settings.tls_trust };
    tls::client_config(trust).map_err(|error| RestError::Unreachable(error.to_string()))
}

async fn untrusted_certificate(settings: &LetsChatSettings) -> Option<RejectedCert> {
    let is_default = settings.tls_trust == TlsTrust::System;
    if !is_default || settings.url.scheme() != "https" {
        return None;
    }
    certificate::untrusted_certificate_of_url(&settings.url).await
}
