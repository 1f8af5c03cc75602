//! A token bucket: allows a burst, and then a steady rate.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Floating-point error that does not count as a missing token.
const ROUNDING: f64 = 1e-9;

/// The limit of a token bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimit {
    /// The size of a burst.
    pub burst: f64,
    /// The steady rate.
    pub per_second: f64,
}

/// A point in time of one of our clocks.
pub trait Moment: Copy + PartialOrd {
    /// The seconds from `earlier` to this.
    fn seconds_since(self, earlier: Self) -> f64;
}

impl Moment for Instant {
    fn seconds_since(self, earlier: Self) -> f64 {
        self.saturating_duration_since(earlier).as_secs_f64()
    }
}

impl Moment for Timestamp {
    fn seconds_since(self, earlier: Self) -> f64 {
        self.duration_since(earlier).as_secs_f64()
    }
}

/// A token bucket. A new one is full, and used tokens come back over time.
#[derive(Debug, Clone, Copy)]
pub struct TokenBucket<T> {
    used: f64,
    updated_at: Option<T>,
}

impl<T> Default for TokenBucket<T> {
    fn default() -> Self {
        Self { used: 0.0, updated_at: None }
    }
}

impl<T: Moment> TokenBucket<T> {
    /// The tokens that are used and not back by `now`.
    pub fn used(&self, limit: RateLimit, now: T) -> f64 {
        let passed = self.updated_at.map_or(0.0, |at| now.seconds_since(at).max(0.0));
        (self.used - passed * limit.per_second).max(0.0)
    }

    /// Checks that there is a token.
    ///
    /// # Errors
    /// The time until there is one.
    pub fn check(&self, limit: RateLimit, now: T) -> Result<(), Duration> {
        let missing = self.used(limit, now) + 1.0 - limit.burst;
        if missing <= ROUNDING {
            return Ok(());
        }
        let wait = missing / limit.per_second;
        Err(Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX))
    }

    /// Uses a token, even if there is none.
    pub fn take(&mut self, limit: RateLimit, now: T) {
        self.used = self.used(limit, now) + 1.0;
        if self.updated_at.is_none_or(|at| at < now) {
            self.updated_at = Some(now);
        }
    }

    /// Gives a token back that was used for nothing.
    pub fn give_back(&mut self) {
        self.used = (self.used - 1.0).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burst_is_allowed_and_then_a_steady_rate() {
        let limit = RateLimit { burst: 3.0, per_second: 0.1 };
        let at = |second| Timestamp::from_second(second).expect("a time");
        let mut bucket = TokenBucket::default();
        for second in [0, 0, 0, 10, 20, 30] {
            bucket.check(limit, at(second)).expect("a token");
            bucket.take(limit, at(second));
            let wait = bucket.check(limit, at(second));
            assert_eq!(wait.is_err(), second > 0 || bucket.used(limit, at(0)) > 2.5, "{second}");
        }
        assert_eq!(bucket.check(limit, at(34)), Err(Duration::from_secs(6)));
        assert_eq!(bucket.check(limit, at(0)), Err(Duration::from_secs(10)), "the clock went back");
        assert!(bucket.used(limit, at(60)) < ROUNDING);
        bucket.take(limit, at(60));
        bucket.give_back();
        bucket.give_back();
        assert!(bucket.used(limit, at(60)) < ROUNDING);
    }
}
