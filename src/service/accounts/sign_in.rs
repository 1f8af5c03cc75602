//! Registers an account, signs in, and checks a token: the requests of the slow queue.

use crate::bridge::AccountRegistration;
use crate::domain::Secret;
use crate::net::rest::{
    AccessError, Credential, NewAccount, RegisterError, RestAccount, RestServer, SignInError,
};

/// How often a locked account may be tried whose name is taken and may be ours.
const MAX_LOCKED_TRIES: u32 = 4;

/// The outcome of a task of the slow queue.
#[derive(Debug)]
pub(super) enum SignInOutcome {
    /// The account can be used: with this session, or with its token.
    SignedIn(RestAccount, Option<Secret>),
    /// The user name or the mail address belongs to somebody else.
    NameTaken,
    /// The server registers nobody.
    Closed,
    /// The server does not accept the registration.
    NotMade(String),
    /// The server does not accept the password or the token.
    Refused,
    /// It is to be tried again.
    Failed {
        /// Why it failed.
        reason: String,
        /// The server has locked the account for a while.
        is_locked: bool,
    },
}

impl SignInOutcome {
    pub(super) fn failed(reason: impl ToString) -> Self {
        Self::Failed { reason: reason.to_string(), is_locked: false }
    }
}

impl From<SignInError> for SignInOutcome {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Wrong => Self::Refused,
            SignInError::Locked => Self::Failed { reason: error.to_string(), is_locked: true },
            SignInError::Rest(error) => Self::failed(error),
        }
    }
}

/// Registers an account, and signs in. `tries` is how often that has failed before, `locked` how often because the
/// account was locked.
pub(super) async fn register(
    server: &RestServer,
    registration: &AccountRegistration,
    (tries, locked): (u32, u32),
) -> SignInOutcome {
    let AccountRegistration { username, display_name, email, password, may_exist, .. } =
        registration;
    // The server counts wrong passwords also for names that nobody has, so that this is done once.
    if *may_exist && tries == 0 {
        match server.sign_in(username, password).await {
            Ok(session) => return signed_in(server, session).await,
            Err(SignInError::Wrong | SignInError::Locked) => {}
            Err(SignInError::Rest(error)) => return SignInOutcome::failed(error),
        }
    }
    let account = NewAccount { username, display_name, email, password };
    match server.register(account).await {
        Ok(()) => match sign_in(server, username, password).await {
            SignInOutcome::Refused => SignInOutcome::NotMade(
                "Let's Chat made the account, but does not accept its password".to_owned(),
            ),
            outcome => outcome,
        },
        // The answer to an earlier attempt may have been lost.
        Err(RegisterError::Taken) => match sign_in(server, username, password).await {
            SignInOutcome::Refused => SignInOutcome::NameTaken,
            SignInOutcome::Failed { is_locked: true, .. } if locked >= MAX_LOCKED_TRIES => {
                SignInOutcome::NameTaken
            }
            outcome => outcome,
        },
        Err(RegisterError::Closed) => SignInOutcome::Closed,
        Err(RegisterError::Refused(reason)) => SignInOutcome::NotMade(reason),
        Err(RegisterError::Rest(error)) => SignInOutcome::failed(error),
    }
}

/// Signs in with a password.
pub(super) async fn sign_in(
    server: &RestServer,
    username: &str,
    password: &Secret,
) -> SignInOutcome {
    match server.sign_in(username, password).await {
        Ok(session) => signed_in(server, session).await,
        Err(error) => error.into(),
    }
}

/// Whose session it is.
async fn signed_in(server: &RestServer, session: Secret) -> SignInOutcome {
    match server.account(Credential::Session(&session)).await {
        Ok(account) => SignInOutcome::SignedIn(account, Some(session)),
        Err(error) => SignInOutcome::failed(error),
    }
}

/// Checks a token.
pub(super) async fn check_token(server: &RestServer, token: &Secret) -> SignInOutcome {
    match server.account(Credential::Token(token)).await {
        Ok(account) => SignInOutcome::SignedIn(account, None),
        Err(AccessError::Refused) => SignInOutcome::Refused,
        Err(AccessError::Rest(error)) => SignInOutcome::failed(error),
    }
}
