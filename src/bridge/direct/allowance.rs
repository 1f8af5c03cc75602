use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::EndpointId;

/// How many are remembered before those who have rested are forgotten.
const MANY: usize = 1_000;

/// How often each may do something: so many times at once, and then once in a while.
#[derive(Debug)]
pub(in crate::bridge) struct Allowance {
    burst: i32,
    every: SignedDuration,
    /// When each may do all of it at once again, and whether they were told that it was too much.
    rested_at: HashMap<EndpointId, (Timestamp, bool)>,
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bridge) enum May {
    /// It.
    Do,
    /// Nothing; and they are to be told so.
    BeTold,
    /// Nothing; they were told.
    Nothing,
}

impl Allowance {
    pub(in crate::bridge) fn new(burst: i32, every: SignedDuration) -> Self {
        Self { burst, every, rested_at: HashMap::new() }
    }

    /// Whether `who` may do nothing now, and was told so.
    pub(in crate::bridge) fn is_told(&self, who: EndpointId, now: Timestamp) -> bool {
        let Some((rested_at, told)) = self.rested_at.get(&who) else { return false };
        *told && (*rested_at).max(now) + self.every > now + self.every * self.burst
    }

    /// Whether `who` may do it now.
    pub(in crate::bridge) fn take(&mut self, who: EndpointId, now: Timestamp) -> May {
        if self.rested_at.len() > MANY {
            self.rested_at.retain(|_, (rested_at, _)| *rested_at > now);
        }
        let (rested_at, told) = self.rested_at.entry(who).or_insert((now, false));
        let tired = (*rested_at).max(now) + self.every;
        if tired <= now + self.every * self.burst {
            (*rested_at, *told) = (tired, false);
            return May::Do;
        }
        if std::mem::replace(told, true) { May::Nothing } else { May::BeTold }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_it_too_often_is_told_once() {
        let mut allowance = Allowance::new(2, SignedDuration::from_secs(3));
        let at = |second| Timestamp::from_second(second).expect("a time");
        let mut take = |second| allowance.take(EndpointId(1), at(second));
        assert_eq!([0, 0, 0, 1].map(&mut take), [May::Do, May::Do, May::BeTold, May::Nothing]);
        assert!(
            allowance.is_told(EndpointId(1), at(1)) && !allowance.is_told(EndpointId(1), at(3))
        );
        let mut take = |second| allowance.take(EndpointId(1), at(second));
        assert_eq!([3, 3].map(&mut take), [May::Do, May::BeTold]);
        assert_eq!([60, 60, 60].map(&mut take), [May::Do, May::Do, May::BeTold]);
        assert_eq!(allowance.take(EndpointId(2), at(0)), May::Do);
    }
}
