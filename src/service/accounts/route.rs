//! What a post of an account is sent with.

use crate::domain::Secret;
use crate::net::rest::Credential;

/// What a post of an account is sent with.
pub(super) enum Route {
    /// A session: by REST, or by a socket while the account is active.
    Session(Secret),
    /// A token: by a socket.
    Token(Secret),
}

impl Route {
    /// What the server is shown.
    pub(super) fn credential(&self) -> Credential<'_> {
        match self {
            Self::Session(session) => Credential::Session(session),
            Self::Token(token) => Credential::Token(token),
        }
    }
}
