//! Rate limits per user.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::EndpointId;

/// How many users are remembered before those with a full allowance are forgotten.
const BUCKETS_CAPACITY: usize = 1_000;

/// A token bucket per user.
#[derive(Debug)]
pub(in crate::bridge) struct UserRateLimiter {
    burst: i32,
    interval: SignedDuration,
    /// When each bucket is full again, and whether the user was notified of the limit.
    full_at: HashMap<EndpointId, (Timestamp, bool)>,
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
        Self { burst, interval: every, full_at: HashMap::new() }
    }

    /// Whether `who` is over the limit and was notified.
    pub(in crate::bridge) fn is_told(&self, who: EndpointId, now: Timestamp) -> bool {
        let Some((rested_at, told)) = self.full_at.get(&who) else { return false };
        *told && (*rested_at).max(now) + self.interval > now + self.interval * self.burst
    }

    /// Uses the allowance of `who`.
    pub(in crate::bridge) fn take(&mut self, who: EndpointId, now: Timestamp) -> RateDecision {
        if self.full_at.len() > BUCKETS_CAPACITY {
            self.full_at.retain(|_, (rested_at, _)| *rested_at > now);
        }
        let (rested_at, told) = self.full_at.entry(who).or_insert((now, false));
        let tired = (*rested_at).max(now) + self.interval;
        if tired <= now + self.interval * self.burst {
            (*rested_at, *told) = (tired, false);
            return RateDecision::Allow;
        }
        if std::mem::replace(told, true) { RateDecision::Deny } else { RateDecision::DenyAndNotify }
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
            allowance.is_told(EndpointId(1), at(1)) && !allowance.is_told(EndpointId(1), at(3))
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
