use std::time::{Duration, Instant};

/// Whether a peer is alive: it is dead only when it has not answered our ping in time, counted from
/// that ping.
///
/// ```text
///            the ping is due            nothing came in time
///  Listening ───────────────▶ Pinged ────────────────────────▶ dead
///      ▲                        │ anything came
///      └────────────────────────┘
/// ```
///
/// The time is that of [`Machine::handle`](super::Machine::handle): it stands still while we do.
#[derive(Debug, Clone)]
pub(super) struct Liveness {
    /// How long after the last sign of life the next ping is due.
    interval: Duration,
    /// How long the peer may take to answer.
    timeout: Duration,
    ping_at: Instant,
    /// Until when our ping is to be answered.
    pong_deadline: Option<Instant>,
}

/// What to do about a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LivenessCheck {
    /// Nothing yet.
    Wait,
    /// Ping it.
    Ping,
    /// Hang up: it is dead.
    Dead,
}

impl Liveness {
    pub(super) fn new(now: Instant, every: Duration, timeout: Duration) -> Self {
        Self { interval: every, timeout, ping_at: now + every, pong_deadline: None }
    }

    /// The peer has said something: no ping is needed for a while.
    pub(super) fn on_received(&mut self, now: Instant) {
        self.pong_deadline = None;
        self.ping_at = now + self.interval;
    }

    /// The same where the peer wants to be pinged however much it says.
    pub(super) fn on_received_keep_pinging(&mut self, now: Instant) {
        if self.pong_deadline.is_some() {
            self.on_received(now);
        }
    }

    /// From now on pings are due this long after the last.
    pub(super) fn set_interval(&mut self, every: Duration, now: Instant) {
        self.interval = every;
        self.ping_at = now + every;
    }

    /// A ping is sent now, due or not: the peer has all its time to answer that.
    pub(super) fn on_ping_sent(&mut self, now: Instant) {
        self.pong_deadline = Some(now + self.timeout);
    }

    /// Looks what to do now. A ping that it asks for counts as sent.
    pub(super) fn check(&mut self, now: Instant) -> LivenessCheck {
        match self.pong_deadline {
            Some(by) if now >= by => LivenessCheck::Dead,
            None if now >= self.ping_at => {
                self.on_ping_sent(now);
                LivenessCheck::Ping
            }
            _ => LivenessCheck::Wait,
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.pong_deadline.unwrap_or(self.ping_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(60);
    const TIMEOUT: Duration = Duration::from_secs(20);

    #[test]
    fn timeout_counts_from_the_ping() {
        let start = Instant::now();
        for late in [0, 1, 125, 7_200] {
            let mut liveness = Liveness::new(start, EVERY, TIMEOUT);
            let pinged = start + EVERY + Duration::from_secs(late);
            assert_eq!(liveness.check(pinged), LivenessCheck::Ping);
            assert_eq!(liveness.deadline(), pinged + TIMEOUT);
            let last = pinged + TIMEOUT - Duration::from_millis(1);
            assert_eq!(liveness.check(last), LivenessCheck::Wait);
            assert_eq!(liveness.check(pinged + TIMEOUT), LivenessCheck::Dead);
        }
    }

    #[test]
    fn any_received_frame_resets_the_timeout() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start, EVERY, TIMEOUT);
        assert_eq!(liveness.check(start + EVERY), LivenessCheck::Ping);
        liveness.on_received(start + EVERY + TIMEOUT);
        assert_eq!(liveness.check(start + EVERY + TIMEOUT), LivenessCheck::Wait);
        assert_eq!(liveness.deadline(), start + EVERY * 2 + TIMEOUT);
    }

    #[test]
    fn peer_that_wants_pings_is_pinged_despite_traffic() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start, EVERY, TIMEOUT);
        liveness.on_received_keep_pinging(start + EVERY / 2);
        assert_eq!(liveness.check(start + EVERY), LivenessCheck::Ping);
        liveness.on_received_keep_pinging(start + EVERY);
        assert_eq!(liveness.deadline(), start + EVERY * 2);
    }

    #[test]
    fn extra_ping_restarts_the_timeout() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start, EVERY, TIMEOUT);
        assert_eq!(liveness.check(start + EVERY), LivenessCheck::Ping);
        liveness.on_ping_sent(start + EVERY + TIMEOUT / 2);
        assert_eq!(liveness.deadline(), start + EVERY + TIMEOUT / 2 + TIMEOUT);
    }
}
