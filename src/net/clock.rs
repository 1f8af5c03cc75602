use std::time::{Duration, Instant};

use tokio::time;

/// How often a clock is looked at, at least, by those who wait.
pub(super) const TICK_INTERVAL: Duration = Duration::from_secs(1);

/// One who comes this late stood still: the program was stopped, the machine asleep or without time for
/// us.
const STALL_THRESHOLD: Duration = Duration::from_secs(1);

/// How long after standing still the runtime may take to tell what was received meanwhile.
const RESUME_DELAY: Duration = Duration::from_millis(250);

/// The time of one conversation, which stands still while we do.
///
/// Whoever waits by it looks at it each second, and so sees when it was not there.
#[derive(Debug)]
pub(super) struct SessionClock {
    /// How long we stood still, all in all.
    stalled_for: Duration,
    read_at: time::Instant,
    /// Until when we come to.
    resuming_until: Option<time::Instant>,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DueEvent {
    /// A deadline has passed.
    Deadline,
    /// We stood still, and are there again.
    Resumed,
}

impl SessionClock {
    pub(super) fn new() -> Self {
        Self { stalled_for: Duration::ZERO, read_at: time::Instant::now(), resuming_until: None }
    }

    /// What the time is.
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

    /// Sleeps until `deadline` or until it is time to look at the clock.
    pub(super) async fn sleep_until(&mut self, deadline: Option<Instant>) {
        self.now();
        let deadline = deadline.map(|at| time::Instant::from_std(at) + self.stalled_for);
        let next = self.resuming_until.or(deadline);
        let beat = self.read_at + TICK_INTERVAL;
        time::sleep_until(next.map_or(beat, |next| next.min(beat))).await;
    }

    /// What is due now, if `deadline` is the next. While we come to, nothing else is.
    pub(super) fn due(&mut self, deadline: Option<Instant>) -> Option<DueEvent> {
        let now = self.now();
        match self.resuming_until {
            Some(until) => (self.read_at >= until).then_some(DueEvent::Resumed),
            None => deadline.filter(|at| *at <= now).map(|_| DueEvent::Deadline),
        }
    }

    /// That we are there again has been told.
    pub(super) fn clear_resumed(&mut self) {
        self.resuming_until = None;
    }
}
