//! Rejections by Let's Chat or a proxy before it.

use std::fmt;
use std::time::Duration;

/// Why Let's Chat, or a proxy before it, rejected us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnedAway {
    /// The kind of reason.
    pub reason: Reason,
    /// An explanation for the administrator, with the remedy.
    pub words: String,
    /// How long we are asked to stay away, if stated.
    pub wait: Option<Duration>,
}

/// Kinds of reasons for a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The token or its account is not accepted.
    Account,
    /// A proxy before Let's Chat requires a login of its own.
    InFront,
    /// Too many connections or requests.
    TooOften,
}

impl TurnedAway {
    /// A rejection for `reason`, with this explanation.
    #[must_use]
    pub fn new(reason: Reason, words: String) -> Self {
        Self { reason, words, wait: None }
    }

    /// The first and the longest delay before reconnecting.
    #[must_use]
    pub fn waits(&self) -> (Duration, Duration) {
        let (first, last) = match self.reason {
            Reason::Account => (10, 3_600),
            Reason::InFront => (60, 3_600),
            Reason::TooOften => (30, 600),
        };
        (Duration::from_secs(first), Duration::from_secs(last))
    }
}

impl fmt::Display for TurnedAway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}
