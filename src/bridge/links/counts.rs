//! The figures of one direction of a link.

use std::time::Duration;

use jiff::Timestamp;

use crate::bridge::report::{DirectionReport, NotMirrored, RetryReason};
use crate::domain::DeliveryId;

/// The figures of one direction, kept while deliveries come and go, so that nobody has to count them.
#[derive(Debug, Default)]
pub(in crate::bridge) struct DirectionCounts {
    /// The figures since the bridge started. What waits is filled in by [`DirectionCounts::report`].
    totals: DirectionReport,
    waiting: u64,
    /// The oldest delivery that waits, and when its message was sent; `None` if there is none, or if it is unknown.
    oldest: Option<(DeliveryId, Timestamp)>,
    /// The last one that was the oldest: the next one comes after it.
    last_oldest: Option<DeliveryId>,
}

impl DirectionCounts {
    /// What waits is about to be counted anew.
    pub(super) fn clear_waiting(&mut self) {
        (self.waiting, self.oldest, self.last_oldest) = (0, None, None);
    }

    /// So many deliveries were found to wait.
    pub(super) fn add_found(&mut self, count: u64, oldest: (DeliveryId, Timestamp)) {
        self.waiting += count;
        self.oldest = Some(self.oldest.map_or(oldest, |known| known.min(oldest)));
    }

    pub(super) fn on_queued(&mut self, id: DeliveryId, sent_at: Timestamp) {
        if self.waiting == 0 {
            self.oldest = Some((id, sent_at));
        }
        self.waiting += 1;
    }

    pub(super) fn on_delivered(&mut self, id: DeliveryId, took: Duration) {
        self.settle(id);
        self.totals.delivered += 1;
        self.totals.took = self.totals.took.saturating_add(took);
    }

    pub(super) fn on_rejected(&mut self, id: DeliveryId) {
        self.settle(id);
        self.totals.rejected += 1;
    }

    pub(super) fn on_dropped(&mut self, id: DeliveryId) {
        self.settle(id);
        self.totals.dropped += 1;
    }

    pub(super) fn on_not_mirrored(&mut self, reason: NotMirrored) {
        *match reason {
            NotMirrored::Ignored => &mut self.totals.ignored,
            NotMirrored::Skipped => &mut self.totals.skipped,
            NotMirrored::Unreadable => &mut self.totals.unreadable,
            NotMirrored::Unheard => &mut self.totals.unheard,
        } += 1;
    }

    pub(super) fn on_retry(&mut self, reason: RetryReason) {
        *match reason {
            RetryReason::Unconfirmed => &mut self.totals.resent,
            RetryReason::Deferred => &mut self.totals.deferred,
        } += 1;
    }

    pub(super) fn settle(&mut self, id: DeliveryId) {
        self.waiting = self.waiting.saturating_sub(1);
        if self.waiting == 0 || self.oldest.is_some_and(|(oldest, _)| oldest == id) {
            (self.oldest, self.last_oldest) = (None, self.last_oldest.max(Some(id)));
        }
    }

    /// How many deliveries wait.
    pub(in crate::bridge) fn waiting(&self) -> u64 {
        self.waiting
    }

    /// After which delivery the oldest one is to be looked for, if that is necessary.
    pub(in crate::bridge) fn unknown_oldest_after(&self) -> Option<DeliveryId> {
        (self.waiting > 0 && self.oldest.is_none())
            .then_some(self.last_oldest.unwrap_or(DeliveryId(0)))
    }

    /// The oldest delivery that waits, as found.
    pub(in crate::bridge) fn set_oldest(&mut self, oldest: Option<(DeliveryId, Timestamp)>) {
        self.oldest = oldest;
    }

    pub(super) fn report(&self) -> DirectionReport {
        DirectionReport {
            waiting: self.waiting,
            oldest: self.oldest.map(|(_, sent_at)| sent_at),
            ..self.totals
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oldest_is_looked_for_when_it_is_settled() {
        let mut counts = DirectionCounts::default();
        let at = |second| Timestamp::from_second(second).expect("a time");
        let oldest = |counts: &DirectionCounts| counts.report().oldest.map(Timestamp::as_second);
        assert_eq!((counts.unknown_oldest_after(), oldest(&counts)), (None, None));
        counts.add_found(2, (DeliveryId(3), at(30)));
        counts.add_found(1, (DeliveryId(2), at(20)));
        counts.on_queued(DeliveryId(9), at(90));
        assert_eq!((counts.waiting(), oldest(&counts)), (4, Some(20)));
        counts.on_delivered(DeliveryId(3), Duration::from_millis(5));
        assert_eq!((counts.unknown_oldest_after(), oldest(&counts)), (None, Some(20)));
        counts.on_rejected(DeliveryId(2));
        assert_eq!(counts.unknown_oldest_after(), Some(DeliveryId(2)));
        counts.set_oldest(Some((DeliveryId(4), at(40))));
        counts.on_dropped(DeliveryId(4));
        counts.on_delivered(DeliveryId(9), Duration::from_millis(5));
        assert_eq!((counts.unknown_oldest_after(), oldest(&counts)), (None, None));
        let done = DirectionReport {
            delivered: 2,
            took: Duration::from_millis(10),
            rejected: 1,
            dropped: 1,
            ..Default::default()
        };
        assert_eq!(counts.report(), done);
    }
}
