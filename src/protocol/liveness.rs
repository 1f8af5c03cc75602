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
    every: Duration,
    /// How long the peer may take to answer.
    timeout: Duration,
    ping_at: Instant,
    /// Until when our ping is to be answered.
    answer_by: Option<Instant>,
}

/// What to do about a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// Nothing yet.
    Wait,
    /// Ping it.
    Ping,
    /// Hang up: it is dead.
    Dead,
}

impl Liveness {
    pub(super) fn new(now: Instant, every: Duration, timeout: Duration) -> Self {
        Self { every, timeout, ping_at: now + every, answer_by: None }
    }

    /// The peer has said something: no ping is needed for a while.
    pub(super) fn heard(&mut self, now: Instant) {
        self.answer_by = None;
        self.ping_at = now + self.every;
    }

    /// The same where the peer wants to be pinged however much it says.
    pub(super) fn heard_and_ping_on(&mut self, now: Instant) {
        if self.answer_by.is_some() {
            self.heard(now);
        }
    }

    /// From now on pings are due this long after the last.
    pub(super) fn ping_every(&mut self, every: Duration, now: Instant) {
        self.every = every;
        self.ping_at = now + every;
    }

    /// A ping is sent now, due or not: the peer has all its time to answer that.
    pub(super) fn pinged(&mut self, now: Instant) {
        self.answer_by = Some(now + self.timeout);
    }

    /// Looks what to do now. A ping that it asks for counts as sent.
    pub(super) fn check(&mut self, now: Instant) -> Check {
        match self.answer_by {
            Some(by) if now >= by => Check::Dead,
            None if now >= self.ping_at => {
                self.pinged(now);
                Check::Ping
            }
            _ => Check::Wait,
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.answer_by.unwrap_or(self.ping_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(60);
    const TIMEOUT: Duration = Duration::from_secs(20);

    #[test]
    fn a_peer_has_all_its_time_counted_from_our_ping_however_late_that_is() {
        let start = Instant::now();
        for late in [0, 1, 125, 7_200] {
            let mut liveness = Liveness::new(start, EVERY, TIMEOUT);
            let pinged = start + EVERY + Duration::from_secs(late);
            assert_eq!(liveness.check(pinged), Check::Ping);
            assert_eq!(liveness.deadline(), pinged + TIMEOUT);
            let last = pinged + TIMEOUT - Duration::from_millis(1);
            assert_eq!(liveness.check(last), Check::Wait);
            assert_eq!(liveness.check(pinged + TIMEOUT), Check::Dead);
        }
    }

    #[test]
    fn whatever_a_peer_says_it_lives() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start, EVERY, TIMEOUT);
        assert_eq!(liveness.check(start + EVERY), Check::Ping);
        liveness.heard(start + EVERY + TIMEOUT);
        assert_eq!(liveness.check(start + EVERY + TIMEOUT), Check::Wait);
        assert_eq!(liveness.deadline(), start + EVERY * 2 + TIMEOUT);
    }

    #[test]
    fn one_that_wants_pings_gets_them_however_much_it_says() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start, EVERY, TIMEOUT);
        liveness.heard_and_ping_on(start + EVERY / 2);
        assert_eq!(liveness.check(start + EVERY), Check::Ping);
        liveness.heard_and_ping_on(start + EVERY);
        assert_eq!(liveness.deadline(), start + EVERY * 2);
    }

    #[test]
    fn a_ping_out_of_turn_is_given_all_its_time_too() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start, EVERY, TIMEOUT);
        assert_eq!(liveness.check(start + EVERY), Check::Ping);
        liveness.pinged(start + EVERY + TIMEOUT / 2);
        assert_eq!(liveness.deadline(), start + EVERY + TIMEOUT / 2 + TIMEOUT);
    }
}
