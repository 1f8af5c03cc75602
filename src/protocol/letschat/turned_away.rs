use std::fmt;
use std::time::Duration;

/// Why Let's Chat, or what stands in front of it, has turned us away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnedAway {
    /// For what.
    pub reason: Reason,
    /// In words for the administrator, with what would mend it.
    pub words: String,
    /// How long we are asked to stay away, where that is said.
    pub wait: Option<Duration>,
}

/// For what somebody is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The token, or its account, is not accepted.
    Account,
    /// Something in front of Let's Chat lets nobody in without a login of its own.
    InFront,
    /// We came too often.
    TooOften,
}

impl TurnedAway {
    /// For `reason`, in these words.
    #[must_use]
    pub fn new(reason: Reason, words: String) -> Self {
        Self { reason, words, wait: None }
    }

    /// How long to stay away at first, and at most.
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
