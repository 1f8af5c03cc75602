//! The questions about Let's Chat, answered by signing in.

use url::Url;

use super::arguments::secret_variable;
use super::draft::{Secret, Trust};
use super::files;
use super::terminal::Stop;
use super::wizard::{SecretQuestion, Wizard, read_password};
use crate::net::rest::{RestClient, RestError, SignInError};
use crate::net::{certificate, proxy, tls};

/// An account that was let in.
pub(super) struct SignedIn {
    /// The account, unless it could not be reached and the administrator goes on all the same.
    pub(super) rest: Option<RestClient>,
    pub(super) username: String,
}

/// Who to sign in as.
enum Identity {
    /// The token is in the draft.
    Token,
    Password(String, secrecy::SecretString),
}

enum Next {
    Done(SignedIn),
    TryAgain,
    AskAgain,
}

impl Wizard<'_> {
    /// Asks until the account is let in.
    pub(super) async fn set_up_letschat(&mut self) -> Result<SignedIn, Stop> {
        let mut is_first = true;
        loop {
            self.ask_for_address(is_first).await?;
            let identity = self.ask_for_identity(is_first).await?;
            is_first = false;
            loop {
                match self.try_letschat(&identity).await? {
                    Next::Done(letschat) => return Ok(letschat),
                    Next::TryAgain => {}
                    Next::AskAgain => break,
                }
            }
        }
    }

    async fn ask_for_address(&mut self, is_first: bool) -> Result<(), Stop> {
        let given = self.arguments.letschat_url.clone().filter(|_| is_first);
        self.draft.letschat_trust = Trust::System;
        let default = Some(self.draft.url.clone()).filter(|url| !url.is_empty());
        let question = "Address of Let's Chat (as in the browser)";
        self.answer(given, question, default.as_deref(), |draft, url| draft.url = url).await?;
        if is_first {
            let pin = self.arguments.letschat_pin.as_deref();
            self.draft.letschat_trust = self.trust(pin, self.arguments.letschat_ca_file.as_deref());
        }
        self.settings().map(|_| ())
    }

    async fn ask_for_identity(&mut self, is_first: bool) -> Result<Identity, Stop> {
        self.draft.token = None;
        if is_first && let Some(path) = self.arguments.token_file.clone() {
            self.draft.token = Some(Secret::Existing(self.reference(&path)));
            self.settings()?;
            return Ok(Identity::Token);
        }
        let user = self.arguments.letschat_user.clone().filter(|_| is_first);
        if is_first && user.is_none() && secret_variable("LETSCHAT_TOKEN").is_some() {
            return self.ask_for_token().await;
        }
        let user = match user {
            Some(user) => user,
            None => {
                let question = "User name of the bridge's account there, - to give a token instead";
                self.terminal.ask(question, None).await?
            }
        };
        if user == "-" {
            return self.ask_for_token().await;
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
        Ok(Identity::Password(user, password))
    }

    async fn ask_for_token(&mut self) -> Result<Identity, Stop> {
        loop {
            let token = SecretQuestion {
                given: None,
                variable: Some("LETSCHAT_TOKEN"),
                question: "Token, from Let's Chat's page \"Auth tokens\"".to_owned(),
                file: self.reference(&self.token_path()),
            };
            self.draft.token = Some(self.secret(token).await?);
            match self.settings() {
                Ok(_) => return Ok(Identity::Token),
                Err(Stop::Wrong(words)) if self.terminal.is_interactive() => println!("{words}"),
                Err(stop) => return Err(stop),
            }
        }
    }

    async fn try_letschat(&mut self, identity: &Identity) -> Result<Next, Stop> {
        let url = self.settings()?.letschat.url;
        println!("connecting to {url} …");
        let outcome = self.sign_in(&url, identity).await;
        let error = match outcome {
            Ok(letschat) => {
                println!("letschat: connected as {}", letschat.username);
                return Ok(Next::Done(letschat));
            }
            Err(error) => error,
        };
        let words = format!("letschat: {}", describe(&url, error).await);
        if self.draft.letschat_trust == Trust::System
            && url.scheme() == "https"
            && let Some(certificate) = certificate::untrusted_certificate_of_url(&url).await
        {
            let words = format!("{words}, or with --letschat-pin here");
            if let Some(pin) = self.offers_pin(&certificate, &words).await? {
                self.draft.letschat_trust = pin;
                return Ok(Next::TryAgain);
            }
            return self.give_up_letschat(words, identity);
        }
        self.give_up_letschat(words, identity)
    }

    /// Goes on without Let's Chat, if there is a token to write. Otherwise asks again.
    fn give_up_letschat(&self, words: String, identity: &Identity) -> Result<Next, Stop> {
        if matches!(identity, Identity::Password(..)) && !self.terminal.is_interactive() {
            return Err(Stop::Failed(words));
        }
        let goes_on = self.may_continue(words)? && matches!(identity, Identity::Token);
        let letschat = SignedIn { rest: None, username: String::new() };
        Ok(if goes_on { Next::Done(letschat) } else { Next::AskAgain })
    }

    async fn sign_in(&self, url: &Url, identity: &Identity) -> Result<SignedIn, SignInError> {
        let settings = self.settings().map_err(|_| RestError::InvalidToken)?.letschat;
        let tls = tls::client_config(&settings.tls_trust);
        let tls = tls.map_err(|error| RestError::Unreachable(error.to_string()))?;
        let rest = match identity {
            Identity::Token => RestClient::new(url, &settings.token, &tls)?,
            Identity::Password(user, password) => {
                RestClient::sign_in(url, user, password, &tls).await?
            }
        };
        let account = rest.account().await?;
        Ok(SignedIn { rest: Some(rest), username: account.username })
    }

    /// The draft's secret for a token that was just made.
    pub(super) fn new_token(&self, value: secrecy::SecretString) -> Secret {
        let path = self.token_path();
        debug_assert!(!files::is_taken(&path), "this was checked first");
        Secret::New { file: self.reference(&path), value }
    }
}

/// The error as `check` words it.
async fn describe(url: &Url, error: SignInError) -> String {
    match error {
        SignInError::Rest(RestError::Unreachable(_)) => match proxy::connect_for_url(url).await {
            Err(error) => error.to_string(),
            Ok(_) => error.to_string(),
        },
        error => error.to_string(),
    }
}
