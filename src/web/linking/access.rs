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
