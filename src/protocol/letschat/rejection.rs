//! Rejections by Let's Chat or a proxy before it.

use std::fmt;
use std::time::Duration;

/// Why Let's Chat, or a proxy before it, rejected us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetsChatRejection {
    /// The kind of reason.
    pub kind: LetsChatRejectionKind,
    /// An explanation for the administrator, with the remedy.
    pub text: String,
    /// How long we are asked to stay away, if stated.
    pub retry_after: Option<Duration>,
}

/// Kinds of reasons for a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetsChatRejectionKind {
    /// The token or its account is not accepted.
    Account,
    /// A proxy before Let's Chat requires a login of its own.
    ProxyLogin,
    /// Too many connections or requests.
    RateLimited,
}

impl LetsChatRejection {
    /// A rejection of this kind, with this explanation.
    #[must_use]
    pub fn new(kind: LetsChatRejectionKind, text: String) -> Self {
        Self { kind, text, retry_after: None }
    }

    /// The first and the longest delay before reconnecting.
    #[must_use]
    pub fn delays(&self) -> (Duration, Duration) {
        let (first, last) = match self.kind {
            LetsChatRejectionKind::Account => (10, 3_600),
            LetsChatRejectionKind::ProxyLogin => (60, 3_600),
            LetsChatRejectionKind::RateLimited => (30, 600),
        };
        (Duration::from_secs(first), Duration::from_secs(last))
    }
}

impl fmt::Display for LetsChatRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
