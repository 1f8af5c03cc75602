//! How long the active node may speak without hearing from PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How long the active node may speak after it has sent what PostgreSQL confirmed last.
pub(super) const LEASE: Duration = Duration::from_secs(2);

/// How long a node waits with the lock before it speaks, if the node before has not released it: longer than [`LEASE`],
/// by more than two clocks can differ.
pub(super) const GRACE: Duration = Duration::from_millis(2_250);

/// Never reached by a clock.
const ALWAYS: u64 = u64::MAX;
/// Never valid again.
const ENDED: u64 = u64::MAX - 1;

/// The right to speak on the networks, which only one node has at a time. Ask it right before each write to a network.
///
/// It runs out by itself two seconds after the node has last heard from PostgreSQL, by a clock that goes on while the
/// program is stopped or the machine sleeps; and it is valid again once PostgreSQL has confirmed that no other node has
/// taken over. Clones share it.
#[derive(Debug, Clone)]
pub struct Lease(Arc<AtomicU64>);

impl Lease {
    /// The lease of a bridge that is alone: always valid.
    #[must_use]
    pub fn always() -> Self {
        Self(Arc::new(AtomicU64::new(ALWAYS)))
    }

    /// A lease that is not valid yet.
    pub(super) fn expired() -> Self {
        Self(Arc::new(AtomicU64::new(0)))
    }

    /// Whether this node may speak now.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        match self.0.load(Ordering::Acquire) {
            ALWAYS => true,
            ENDED => false,
            until => now().0 < until,
        }
    }

    /// PostgreSQL has confirmed what was sent at that time.
    pub(super) fn extend(&self, sent: BootTime) {
        let until = sent.0.saturating_add(millis(LEASE));
        let later = |valid: u64| (valid < ENDED).then_some(valid.max(until));
        // Nothing is done if it has ended.
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, later);
    }

    /// This node must not speak any more, whatever is confirmed.
    pub(super) fn end(&self) {
        self.0.store(ENDED, Ordering::Release);
    }
}

/// A time in milliseconds since the machine was started, its sleep included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BootTime(u64);

/// The time now.
pub(super) fn now() -> BootTime {
    let now = clock_gettime(ClockId::Boottime);
    BootTime(now.tv_sec.unsigned_abs() * 1_000 + now.tv_nsec.unsigned_abs() / 1_000_000)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lease_is_valid_for_two_seconds_after_what_was_confirmed() {
        assert!(Lease::always().is_valid());
        let lease = Lease::expired();
        assert!(!lease.is_valid());
        let before = |age| BootTime(now().0.saturating_sub(age));
        lease.extend(before(2_001));
        assert!(!lease.is_valid(), "confirmed too long ago");
        let clone = lease.clone();
        lease.extend(before(0));
        lease.extend(before(5_000));
        assert!(clone.is_valid(), "an older confirmation takes nothing away");
        lease.end();
        lease.extend(before(0));
        assert!(!clone.is_valid(), "it has ended");
        assert!(LEASE < GRACE);
    }
}
