//! Finds out which ways to accounts a server offers, without making one.

use reqwest::{Response, StatusCode};

use super::RestError;
use super::server::RestServer;

/// Whether a server registers accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationState {
    /// It does.
    Open,
    /// It does not: `auth.local.enableRegistration` is off, or it has no accounts of its own.
    Closed,
}

/// Whether a server lets accounts sign in with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInState {
    /// It does.
    Open,
    /// It has no such page.
    Missing,
}

impl RestServer {
    /// Whether the server registers accounts: a registration whose two passwords differ is refused with status 400
    /// where it is open, and with 403 where it is closed (docs/letschat-protocol.md, section 12).
    ///
    /// # Errors
    /// Any [`RestError`].
    pub async fn registration_state(&self) -> Result<RegistrationState, RestError> {
        let fields = [("password", "one"), ("password-confirm", "another")];
        let response = self.visitor.post("account/register", &fields).await?;
        match response.status() {
            StatusCode::BAD_REQUEST => Ok(RegistrationState::Open),
            StatusCode::FORBIDDEN => Ok(RegistrationState::Closed),
            _ => Err(self.unexpected(&response)),
        }
    }

    /// Whether accounts can sign in with a password: a wrong one is refused with status 401.
    ///
    /// # Errors
    /// Any [`RestError`].
    pub async fn sign_in_state(&self) -> Result<SignInState, RestError> {
        // No user name contains a space.
        let fields = [("username", "nobody at all"), ("password", "none")];
        let response = self.visitor.post("account/login", &fields).await?;
        match response.status() {
            // 403 after three attempts within some seconds.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Ok(SignInState::Open),
            StatusCode::NOT_FOUND => Ok(SignInState::Missing),
            _ => Err(self.unexpected(&response)),
        }
    }

    fn unexpected(&self, response: &Response) -> RestError {
        let status = response.status();
        self.check(response)
            .err()
            .unwrap_or_else(|| RestError::NotLetsChat(format!("status {status}")))
    }
}
