//! Measures how long a connection was silent and survived it.

use std::time::Duration;

use tokio::time::Instant;

/// Silent periods on a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Silence {
    /// When a frame last went either way.
    active_at: Instant,
    /// The longest silence survived: something was received after it.
    pub(super) survived: Duration,
    /// The longest silence, ended by our own frame, since something was last received.
    broken: Duration,
}

/// A middlebox that drops idle connections may do so when the next frame is sent, and immediately.
const AT_ONCE: Duration = Duration::from_secs(2);

impl Silence {
    pub(super) fn begin(now: Instant) -> Self {
        Self { active_at: now, survived: Duration::ZERO, broken: Duration::ZERO }
    }

    pub(super) fn said(&mut self, now: Instant) {
        self.broken = self.broken.max(now - self.active_at);
        self.active_at = now;
    }

    pub(super) fn heard(&mut self, now: Instant) {
        self.said(now);
        self.survived = self.survived.max(std::mem::take(&mut self.broken));
    }

    /// The length of the silence at the end of the connection.
    pub(super) fn last(&self, now: Instant) -> Duration {
        let silent = now - self.active_at;
        if silent < AT_ONCE { silent.max(self.broken) } else { silent }
    }
}
