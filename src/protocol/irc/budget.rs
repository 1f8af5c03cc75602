//! What one server may have us keep, and do. A server that wants more is left, and nobody else notices.

use std::time::{Duration, Instant};

/// How many bytes are kept of what one server tells of people: 100,000 of them, and more.
pub(super) const MOST_KEPT: usize = 32 << 20;

/// How many bytes of what it says of its capabilities are read, in all.
const MOST_CAPS: usize = 256 << 10;

/// How many lines may wait to be said because of what it says.
const MOST_LINES: usize = 20_000;

/// How many names may be listed at once, and then each second: a thousand channels of a thousand people at
/// first.
const MOST_WORK: u64 = 4_000_000;
const WORK_A_SECOND: u64 = 100_000;

/// What a server has had us keep, and do.
#[derive(Debug)]
pub(super) struct Budget {
    /// The server is being left because of it.
    spent: bool,
    caps: usize,
    work: u64,
    since: Instant,
}

impl Budget {
    pub(super) fn new(now: Instant) -> Self {
        Self { spent: false, caps: 0, work: 0, since: now }
    }

    /// So many bytes of capabilities are read.
    pub(super) fn read_caps(&mut self, bytes: usize) {
        // A line without any is one, too.
        self.caps = self.caps.saturating_add(bytes + 1);
    }

    /// So many names are looked at.
    pub(super) fn work(&mut self, names: usize, now: Instant) {
        let rest: Duration = now.saturating_duration_since(self.since);
        self.work = self.work.saturating_sub(rest.as_secs().saturating_mul(WORK_A_SECOND));
        if rest.as_secs() > 0 {
            self.since = now;
        }
        self.work = self.work.saturating_add(names as u64);
    }

    /// Why the server is left, where so many bytes are kept of people and so many lines wait to be said; told
    /// once.
    pub(super) fn overdrawn(&mut self, kept: usize, lines: usize) -> Option<String> {
        if self.spent {
            return None;
        }
        let what = if kept > MOST_KEPT {
            "tells of more people than the bridge can keep in mind"
        } else if self.caps > MOST_CAPS {
            "tells of capabilities without end"
        } else if lines > MOST_LINES {
            "has the bridge answer without end"
        } else if self.work > MOST_WORK {
            "lists who is where without end"
        } else {
            return None;
        };
        self.spent = true;
        Some(format!("the server {what}: the bridge leaves it before others suffer"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_is_within_it_and_what_has_no_end_is_not() {
        let now = Instant::now();
        let mut budget = Budget::new(now);
        for channel in 0..1_000 {
            budget.work(1_000, now + Duration::from_millis(channel));
        }
        budget.read_caps(10_000);
        assert_eq!(budget.overdrawn(MOST_KEPT, MOST_LINES), None);
        for _ in 0..1_000 {
            budget.work(24_000, now);
        }
        budget.work(0, now + Duration::from_secs(1_000));
        assert_eq!(budget.overdrawn(0, 0), None, "it comes back with time");
        for (kept, lines) in [(MOST_KEPT + 1, 0), (0, MOST_LINES + 1)] {
            let mut budget = Budget::new(now);
            assert!(budget.overdrawn(kept, lines).is_some());
            assert!(budget.overdrawn(kept, lines).is_none(), "once");
        }
        let mut budget = Budget::new(now);
        budget.work(5_000_000, now);
        assert!(budget.overdrawn(0, 0).is_some_and(|why| why.contains("who is where")));
        let mut budget = Budget::new(now);
        (0..=MOST_CAPS).for_each(|_| budget.read_caps(0));
        assert!(budget.overdrawn(0, 0).is_some_and(|why| why.contains("capabilities")));
    }
}
