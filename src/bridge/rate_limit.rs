//! Rate limits per user.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{EndpointId, RateLimit, TokenBucket};

/// How many users are remembered before those with a full allowance are forgotten.
const BUCKETS_CAPACITY: usize = 1_000;

/// A token bucket per user.
#[derive(Debug)]
pub(in crate::bridge) struct UserRateLimiter {
    limit: RateLimit,
    /// Each bucket, and whether the user was notified of the limit.
    buckets: HashMap<EndpointId, (TokenBucket<Timestamp>, bool)>,
}

/// The result of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bridge) enum RateDecision {
    /// Allowed.
    Allow,
    /// Denied, and the user must be notified.
    DenyAndNotify,
    /// Denied; the user was notified before.
    Deny,
}

impl UserRateLimiter {
    pub(in crate::bridge) fn new(burst: i32, every: SignedDuration) -> Self {
        let limit = RateLimit { burst: burst.into(), per_second: 1.0 / every.as_secs_f64() };
        Self { limit, buckets: HashMap::new() }
    }

    /// Whether `who` is over the limit and was notified.
    pub(in crate::bridge) fn was_notified(&self, who: EndpointId, now: Timestamp) -> bool {
        let Some((bucket, notified)) = self.buckets.get(&who) else { return false };
        *notified && bucket.check(self.limit, now).is_err()
    }

    /// Uses the allowance of `who`.
    pub(in crate::bridge) fn take(&mut self, who: EndpointId, now: Timestamp) -> RateDecision {
        let limit = self.limit;
        if self.buckets.len() > BUCKETS_CAPACITY {
            self.buckets.retain(|_, (bucket, _)| bucket.used(limit, now) > 0.0);
        }
        let (bucket, notified) = self.buckets.entry(who).or_default();
        if bucket.check(limit, now).is_ok() {
            bucket.take(limit, now);
            *notified = false;
            return RateDecision::Allow;
        }
        if std::mem::replace(notified, true) {
            RateDecision::Deny
        } else {
            RateDecision::DenyAndNotify
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_over_the_limit_is_notified_once() {
        let mut allowance = UserRateLimiter::new(2, SignedDuration::from_secs(3));
        let at = |second| Timestamp::from_second(second).expect("a time");
        let mut take = |second| allowance.take(EndpointId(1), at(second));
        assert_eq!(
            [0, 0, 0, 1].map(&mut take),
            [
                RateDecision::Allow,
                RateDecision::Allow,
                RateDecision::DenyAndNotify,
                RateDecision::Deny
            ]
        );
        assert!(
            allowance.was_notified(EndpointId(1), at(1))
                && !allowance.was_notified(EndpointId(1), at(3))
        );
        let mut take = |second| allowance.take(EndpointId(1), at(second));
        assert_eq!([3, 3].map(&mut take), [RateDecision::Allow, RateDecision::DenyAndNotify]);
        assert_eq!(
            [60, 60, 60].map(&mut take),
            [RateDecision::Allow, RateDecision::Allow, RateDecision::DenyAndNotify]
        );
        assert_eq!(allowance.take(EndpointId(2), at(0)), RateDecision::Allow);
    }
}
