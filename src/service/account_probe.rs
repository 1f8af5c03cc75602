//! Which ways to accounts for people of IRC a Let's Chat server offers, and whether the tokens of `[user_map]` work, for
//! `letsbridge check`.

use crate::config::{LetsChatSenderMode, Settings};
use crate::domain::Secret;
use crate::net::rest::{
    AccessError, Credential, RegistrationState, RestError, RestServer, SignInState,
};
use crate::net::tls;
use secrecy::ExposeSecret;

/// What the server offers.
#[derive(Debug)]
pub struct AccountsReport {
    /// Whether it registers accounts; `None` if the configuration asks for none.
    pub registration: Option<Result<RegistrationState, String>>,
    /// Whether accounts can sign in with a password; `None` as above.
    pub sign_in: Option<Result<SignInState, String>>,
    /// The tokens of `[user_map]`, in the order of the file.
    pub tokens: Vec<TokenReport>,
}

/// Whether a token of `[user_map]` works.
#[derive(Debug)]
pub struct TokenReport {
    /// The user name in the configuration.
    pub user: String,
    /// Whose token it is.
    pub result: Result<String, TokenProblem>,
}

/// What is wrong with a token.
#[derive(Debug)]
pub enum TokenProblem {
    /// Let's Chat does not accept it.
    Refused,
    /// It belongs to the account with this user name.
    OfAnother(String),
    /// There was no proper answer, for this reason.
    NoAnswer(String),
}

/// Whether any link or person of `settings` makes the bridge speak by accounts that it makes.
#[must_use]
pub fn makes_accounts(settings: &Settings) -> bool {
    let uses = |mode| mode == LetsChatSenderMode::Accounts;
    settings.links.iter().any(|link| uses(link.letschat_sender_mode))
        || settings.people.iter().any(|person| person.sender_mode.is_some_and(uses))
}

/// Asks the server of `settings`; `None` if the configuration is not about accounts.
pub async fn probe_accounts(settings: &Settings) -> Option<AccountsReport> {
    let makes_accounts = makes_accounts(settings);
    if !makes_accounts && settings.people.iter().all(|person| person.token.is_none()) {
        return None;
    }
    let server = match server(settings) {
        Ok(server) => server,
        Err(reason) => {
            let registration = makes_accounts.then_some(Err(reason));
            return Some(AccountsReport { registration, sign_in: None, tokens: Vec::new() });
        }
    };
    let mut report = AccountsReport { registration: None, sign_in: None, tokens: Vec::new() };
    if makes_accounts {
        let registration = server.registration_state().await;
        report.registration = Some(registration.map_err(|error| error.to_string()));
        let sign_in = server.sign_in_state().await;
        report.sign_in = Some(sign_in.map_err(|error| error.to_string()));
    }
    for person in &settings.people {
        let Some(token) = &person.token else { continue };
        let result = check_token(&server, &person.user, token.expose_secret()).await;
        report.tokens.push(TokenReport { user: person.user.clone(), result });
    }
    Some(report)
}

fn server(settings: &Settings) -> Result<RestServer, String> {
    let letschat = &settings.letschat;
    let tls = tls::client_config(&letschat.tls_trust).map_err(|error| error.to_string())?;
    RestServer::new(&letschat.url, &tls).map_err(|error: RestError| error.to_string())
}

async fn check_token(server: &RestServer, user: &str, token: &str) -> Result<String, TokenProblem> {
    match server.account(Credential::Token(&Secret::new(token))).await {
        Ok(account) if account.username.eq_ignore_ascii_case(user) => Ok(account.username),
        Ok(account) => Err(TokenProblem::OfAnother(account.username)),
        Err(AccessError::Refused) => Err(TokenProblem::Refused),
        Err(AccessError::Rest(error)) => Err(TokenProblem::NoAnswer(error.to_string())),
    }
}
