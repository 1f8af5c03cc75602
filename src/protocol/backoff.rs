//! Exponential backoff with jitter.

use std::time::Duration;

/// Delays that double from `first` to `last`. Each is randomly shortened by up to half, so that many clients
/// do not reconnect at once.
#[derive(Debug, Clone)]
pub struct Backoff {
    initial: Duration,
    max: Duration,
    tries: u32,
}

impl Backoff {
    /// Delays from `first` to `last`.
    #[must_use]
    pub fn new(first: Duration, last: Duration) -> Self {
        Self { initial: first, max: last, tries: 0 }
    }

    /// The backoff as it is after `tries` failures.
    #[must_use]
    pub fn after_failures(tries: u32, first: Duration, last: Duration) -> Self {
        Self { initial: first, max: last, tries }
    }

    /// The delay after another failure.
    pub fn next_delay(&mut self, chance: &mut fastrand::Rng) -> Duration {
        let whole = self.initial.saturating_mul(1 << self.tries.min(20)).min(self.max);
        self.tries = self.tries.saturating_add(1);
        whole.mul_f64(0.5 + chance.f64() / 2.0)
    }

    /// Starts again at the first delay, after a success.
    pub fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_maximum_and_reset() {
        let mut chance = fastrand::Rng::with_seed(7);
        let mut backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(60));
        for whole in [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] {
            let wait = backoff.next_delay(&mut chance).as_secs_f64();
            assert!((whole / 2.0..=whole).contains(&wait), "{wait} of {whole}");
        }
        backoff.reset();
        assert!(backoff.next_delay(&mut chance) <= Duration::from_secs(2));
        let endless = (0..100).map(|_| backoff.next_delay(&mut chance)).max();
        assert!(endless <= Some(Duration::from_secs(60)));
    }
}
