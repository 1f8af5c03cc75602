//! A clock for timeouts that does not advance while the process is suspended or starved.

use std::time::{Duration, Instant};

use tokio::time;

/// How often, at least, a waiting task checks the clock.
pub(super) const TICK_INTERVAL: Duration = Duration::from_secs(1);

/// A wake-up this late means a stall: the process was stopped, the machine slept or was overloaded.
const STALL_THRESHOLD: Duration = Duration::from_secs(1);

/// How long after a stall the runtime may take to report what was received meanwhile.
const RESUME_DELAY: Duration = Duration::from_millis(250);

/// The time of one connection, without the time spent in stalls.
///
/// Waiting tasks check it every second, which reveals stalls.
#[derive(Debug)]
pub(super) struct SessionClock {
    /// Total time spent in stalls.
    stalled_for: Duration,
    read_at: time::Instant,
    /// Until when pending input is read after a stall.
    resuming_until: Option<time::Instant>,
}

/// What has become due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DueEvent {
    /// A deadline has passed.
    Deadline,
    /// A stall has ended.
    Resumed,
}

impl SessionClock {
    pub(super) fn new() -> Self {
        Self { stalled_for: Duration::ZERO, read_at: time::Instant::now(), resuming_until: None }
    }

    /// The current time.
    pub(super) fn now(&mut self) -> Instant {
        let now = time::Instant::now();
        let gone = now.saturating_duration_since(self.read_at);
        self.read_at = now;
        if gone > TICK_INTERVAL + STALL_THRESHOLD {
            self.stalled_for += gone;
            self.resuming_until = Some(now + RESUME_DELAY);
        }
        (now - self.stalled_for).into_std()
    }

    /// Sleeps until `deadline` or the next check of the clock.
    pub(super) async fn sleep_until(&mut self, deadline: Option<Instant>) {
        self.now();
        let deadline = deadline.map(|at| time::Instant::from_std(at) + self.stalled_for);
        let next = self.resuming_until.or(deadline);
        let beat = self.read_at + TICK_INTERVAL;
        time::sleep_until(next.map_or(beat, |next| next.min(beat))).await;
    }

    /// What is due now, if `deadline` is the next deadline. Nothing is due while resuming from a stall.
    pub(super) fn due(&mut self, deadline: Option<Instant>) -> Option<DueEvent> {
        let now = self.now();
        match self.resuming_until {
            Some(until) => (self.read_at >= until).then_some(DueEvent::Resumed),
            None => deadline.filter(|at| *at <= now).map(|_| DueEvent::Deadline),
        }
    }

    /// Marks the end of the stall as reported.
    pub(super) fn clear_resumed(&mut self) {
        self.resuming_until = None;
    }
}
