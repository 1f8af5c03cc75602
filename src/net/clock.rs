use std::time::{Duration, Instant};

use tokio::time;

/// How often a clock is looked at, at least, by those who wait.
pub(super) const BEAT: Duration = Duration::from_secs(1);

/// One who comes this late stood still: the program was stopped, the machine asleep or without time for
/// us.
const LATE: Duration = Duration::from_secs(1);

/// How long after standing still the runtime may take to tell what was received meanwhile.
const COMING_TO: Duration = Duration::from_millis(250);

/// The time of one conversation, which stands still while we do.
///
/// Whoever waits by it looks at it each second, and so sees when it was not there.
#[derive(Debug)]
pub(super) struct Clock {
    /// How long we stood still, all in all.
    absent: Duration,
    looked_at: time::Instant,
    /// Until when we come to.
    coming_to: Option<time::Instant>,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// A deadline has passed.
    Deadline,
    /// We stood still, and are there again.
    Resumed,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { absent: Duration::ZERO, looked_at: time::Instant::now(), coming_to: None }
    }

    /// What the time is.
    pub(super) fn now(&mut self) -> Instant {
        let now = time::Instant::now();
        let gone = now.saturating_duration_since(self.looked_at);
        self.looked_at = now;
        if gone > BEAT + LATE {
            self.absent += gone;
            self.coming_to = Some(now + COMING_TO);
        }
        (now - self.absent).into_std()
    }

    /// Sleeps until `deadline` or until it is time to look at the clock.
    pub(super) async fn sleep_until(&mut self, deadline: Option<Instant>) {
        self.now();
        let deadline = deadline.map(|at| time::Instant::from_std(at) + self.absent);
        let next = self.coming_to.or(deadline);
        let beat = self.looked_at + BEAT;
        time::sleep_until(next.map_or(beat, |next| next.min(beat))).await;
    }

    /// What is due now, if `deadline` is the next. While we come to, nothing else is.
    pub(super) fn due(&mut self, deadline: Option<Instant>) -> Option<Due> {
        let now = self.now();
        match self.coming_to {
            Some(until) => (self.looked_at >= until).then_some(Due::Resumed),
            None => deadline.filter(|at| *at <= now).map(|_| Due::Deadline),
        }
    }

    /// That we are there again has been told.
    pub(super) fn resumed(&mut self) {
        self.coming_to = None;
    }
}
