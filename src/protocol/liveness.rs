//! Detects dead peers with pings.

use std::time::{Duration, Instant};

/// Detects dead peers: a peer is dead if it has not answered our ping in time.
///
/// ```text
///           a ping is due            no input in time
///  Listening ────────────▶ Pinged ───────────────────▶ dead
///      ▲                     │ any input
///      └─────────────────────┘
/// ```
///
/// Time is that of [`Machine::handle_input`](super::Machine::handle_input), which does not advance during stalls.
#[derive(Debug, Clone)]
pub(super) struct Liveness {
    /// How long after the last input a ping is due.
    interval: Duration,
    /// Time limit for the answer.
    timeout: Duration,
    ping_at: Instant,
    /// The deadline for the answer.
    pong_deadline: Option<Instant>,
}

/// What to do about a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LivenessCheck {
    /// Nothing yet.
    Wait,
    /// Send a ping.
    Ping,
    /// Close: the peer is dead.
    Dead,
}

impl Liveness {
    pub(super) fn new(now: Instant, every: Duration, timeout: Duration) -> Self {
        Self { interval: every, timeout, ping_at: now + every, pong_deadline: None }
    }

    /// Input was received: postpones the next ping.
    pub(super) fn on_received(&mut self, now: Instant) {
        self.pong_deadline = None;
        self.ping_at = now + self.interval;
    }

    /// Input was received, from a peer that expects pings regardless.
    pub(super) fn on_received_keep_pinging(&mut self, now: Instant) {
        if self.pong_deadline.is_some() {
            self.on_received(now);
        }
    }

    /// Sets the ping interval, starting now.
    pub(super) fn set_interval(&mut self, every: Duration, now: Instant) {
        self.interval = every;
        self.ping_at = now + every;
    }

    /// A ping is being sent, due or not; its timeout starts now.
    pub(super) fn on_ping_sent(&mut self, now: Instant) {
        self.pong_deadline = Some(now + self.timeout);
    }

    /// Determines what to do now. A requested ping counts as sent.
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

    /// Within which time after an answer the next one is due.
    pub(super) fn answer_period(&self) -> Duration {
        self.interval + self.timeout
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
