//! By what right somebody uses the API.

/// By what right somebody uses the API. Routes find it in the extensions of a request; over the Unix socket there is
/// [`Access::Socket`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::admin) enum Access {
    /// The permissions of the Unix socket.
    Socket,
    /// No token is configured: everybody on this machine may.
    Anybody,
    /// The token.
    Token,
    /// A browser that has signed in. Its page sends the token with each request that changes something, in the header
    /// `X-CSRF-Token`: a page of another site does not know it.
    Browser {
        /// The token, random for each session.
        csrf_token: String,
    },
    /// None: only for what everybody may know.
    Public,
}

impl Access {
    /// The token that the page must send; `None` if it needs none.
    pub(in crate::admin) fn csrf_token(&self) -> Option<&str> {
        match self {
            Self::Browser { csrf_token } => Some(csrf_token),
            Self::Socket | Self::Anybody | Self::Token | Self::Public => None,
        }
    }

    /// Whether the client may know details.
    pub(in crate::admin) fn may_see_details(&self) -> bool {
        *self != Self::Public
    }
}
