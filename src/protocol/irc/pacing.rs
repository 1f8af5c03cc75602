use std::time::{Duration, Instant};

/// How fast we may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    /// As fast as any network allows a client: five lines at once, then one a second, long lines
    /// counting for more.
    #[default]
    Standard,
    /// As fast as the wire takes it, for a server that trusts us.
    Off,
}

/// How much may be said at once, in seconds of waiting.
const BURST: Duration = Duration::from_secs(5);

/// A token bucket, kept as the moment at which it will be full again.
#[derive(Debug)]
pub(super) struct Pacer {
    pace: Pace,
    full_at: Instant,
}

impl Pacer {
    pub(super) fn new(pace: Pace, now: Instant) -> Self {
        Self { pace, full_at: now }
    }

    /// When a line may be sent; `None`: now.
    pub(super) fn wait(&self, now: Instant) -> Option<Instant> {
        self.free_at().filter(|free| *free > now)
    }

    /// When the next line may be sent, as far as is known.
    pub(super) fn free_at(&self) -> Option<Instant> {
        match self.pace {
            Pace::Off => None,
            Pace::Standard => self.full_at.checked_sub(BURST),
        }
    }

    /// Whether as much may be said at once as ever: nothing else has been said for a while.
    pub(super) fn is_rested(&self, now: Instant) -> bool {
        self.rested_at().is_none_or(|at| at <= now)
    }

    /// When that is, as far as is known.
    pub(super) fn rested_at(&self) -> Option<Instant> {
        (self.pace != Pace::Off).then_some(self.full_at)
    }

    /// A line of `bytes` bytes is sent.
    pub(super) fn spend(&mut self, bytes: usize, now: Instant) {
        // Servers of the ircu and hybrid kind charge a second for every 120 bytes or so beyond.
        let millis = 1_000 + u64::try_from(bytes).unwrap_or(u64::MAX).min(8_192) * 2;
        self.full_at = self.full_at.max(now) + Duration::from_millis(millis);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_followed_by_a_steady_pace() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Pace::Standard, start);
        let mut now = start;
        let mut sent = Vec::new();
        for _ in 0..8 {
            now = pacer.wait(now).unwrap_or(now);
            pacer.spend(0, now);
            sent.push((now - start).as_secs());
        }
        assert_eq!(sent, [0, 0, 0, 0, 0, 0, 1, 2]);
    }

    #[test]
    fn a_trusting_server_is_not_waited_for() {
        let now = Instant::now();
        let mut pacer = Pacer::new(Pace::Off, now);
        (0..100).for_each(|_| pacer.spend(512, now));
        assert_eq!(pacer.wait(now), None);
    }
}
