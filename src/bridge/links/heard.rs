//! When deliveries were queued, to know how long they took.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use crate::domain::DeliveryId;

/// Deliveries that were queued within this time share a mark.
const RESOLUTION: SignedDuration = SignedDuration::from_millis(1);

/// The most marks. With more, they are thinned.
const MAX_MARKS: usize = 8_192;

/// Marks may be apart by their age divided by this.
const ACCURACY: i32 = 100;

/// When deliveries were queued. Their numbers ascend, so some marks suffice: a delivery was queued at the time of the
/// last mark before it, or a little later. The older the marks, the fewer are left, so that the error stays small
/// beside the age, and memory is bounded.
#[derive(Debug, Default)]
pub(super) struct HeardTimes {
    marks: VecDeque<(DeliveryId, Timestamp)>,
}

impl HeardTimes {
    /// This delivery was queued now.
    pub(super) fn mark(&mut self, id: DeliveryId, now: Timestamp) {
        if let Some((_, last)) = self.marks.back()
            && now.duration_since(*last).abs() < RESOLUTION
        {
            return;
        }
        if self.marks.len() >= MAX_MARKS {
            self.thin(now);
        }
        self.marks.push_back((id, now));
    }

    /// Keeps of the marks those that are necessary for the accuracy: about a hundred for each doubling of the age.
    fn thin(&mut self, now: Timestamp) {
        let old = std::mem::take(&mut self.marks);
        let mut following = old.iter().skip(1).map(|(_, at)| *at);
        for (id, at) in &old {
            let next = following.next();
            let is_needed = self.marks.back().zip(next).is_none_or(|((_, kept), next)| {
                next.duration_since(*kept) > now.duration_since(next) / ACCURACY
            });
            if is_needed {
                self.marks.push_back((*id, *at));
            }
        }
        if self.marks.len() > MAX_MARKS / 2 {
            // A clock that was set back.
            let mut is_even = false;
            self.marks.retain(|_| {
                is_even = !is_even;
                is_even
            });
        }
    }

    /// When the delivery was queued; `None` if that was before the bridge started.
    pub(super) fn of(&self, id: DeliveryId) -> Option<Timestamp> {
        let after = self.marks.partition_point(|(first, _)| *first <= id);
        self.marks.get(after.checked_sub(1)?).map(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).expect("a time")
    }

    #[test]
    fn earlier_runs_are_unknown() {
        let mut heard = HeardTimes::default();
        assert_eq!(heard.of(DeliveryId(1)), None);
        heard.mark(DeliveryId(5), at(1_000));
        heard.mark(DeliveryId(6), at(1_000));
        heard.mark(DeliveryId(7), at(2_000));
        let found = [4, 5, 6, 7, 8].map(|id| heard.of(DeliveryId(id)).map(Timestamp::as_second));
        assert_eq!(found, [None, Some(1), Some(1), Some(2), Some(2)]);
    }

    #[test]
    fn error_is_small_beside_the_age_and_memory_is_bounded() {
        let mut heard = HeardTimes::default();
        let last = 300_000;
        for id in 0..=last {
            heard.mark(DeliveryId(id), at(id * 10));
            assert!(heard.marks.len() <= MAX_MARKS);
        }
        for id in (0..=last).step_by(997) {
            let found = heard.of(DeliveryId(id)).expect("known").as_millisecond();
            let (age, error) = ((last - id) * 10, id * 10 - found);
            assert!(error >= 0 && error <= age / 50 + 20, "{id}: {error} of {age}");
        }
    }
    #[test]
    fn clock_that_jumps_does_not_cost_memory() {
        let mut heard = HeardTimes::default();
        for id in 0..50_000_i64 {
            let millis = if id % 20_000 < 10_000 { id * 10 } else { 900_000_000 - id * 10 };
            heard.mark(DeliveryId(id), at(millis));
            assert!(heard.marks.len() <= MAX_MARKS);
        }
        assert!(heard.of(DeliveryId(49_999)).is_some());
    }
}
