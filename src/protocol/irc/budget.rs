//! Limits on the memory and work that one server can cause. A server that exceeds them is disconnected.

use std::time::{Duration, Instant};

/// Maximum bytes stored about users: enough for some 40,000.
pub(super) const MAX_USERS_BYTES: usize = 12 << 20;

/// Maximum total bytes of capability lists read.
const MAX_CAP_BYTES: usize = 256 << 10;

/// Maximum number of lines queued in response to the server.
pub(super) const MAX_QUEUED_LINES: usize = 20_000;

/// Names accepted from NAMES lists at once; refilled every second. Enough to join a thousand channels of a
/// thousand users.
const NAMES_BURST: u64 = 4_000_000;
const NAMES_PER_SECOND: u64 = 100_000;

/// What a server has used of its limits.
#[derive(Debug)]
pub(super) struct ServerQuota {
    /// The server is being disconnected for exceeding them.
    is_exceeded: bool,
    cap_bytes: usize,
    listed_names: u64,
    refilled_at: Instant,
}

impl ServerQuota {
    pub(super) fn new(now: Instant) -> Self {
        Self { is_exceeded: false, cap_bytes: 0, listed_names: 0, refilled_at: now }
    }

    /// Counts bytes of a capability list.
    pub(super) fn count_cap_bytes(&mut self, bytes: usize) {
        // An empty list counts as well.
        self.cap_bytes = self.cap_bytes.saturating_add(bytes + 1);
    }

    /// Counts names of a NAMES list.
    pub(super) fn count_names(&mut self, names: usize, now: Instant) {
        let rest: Duration = now.saturating_duration_since(self.refilled_at);
        self.listed_names =
            self.listed_names.saturating_sub(rest.as_secs().saturating_mul(NAMES_PER_SECOND));
        if rest.as_secs() > 0 {
            self.refilled_at = now;
        }
        self.listed_names = self.listed_names.saturating_add(names as u64);
    }

    /// Returns which limit is exceeded, given the bytes stored about users and the lines queued; only once.
    pub(super) fn take_exceeded(&mut self, user_bytes: usize, lines: usize) -> Option<String> {
        if self.is_exceeded {
            return None;
        }
        let what = if user_bytes > MAX_USERS_BYTES {
            "sent more users than the bridge keeps (32 MiB)"
        } else if self.cap_bytes > MAX_CAP_BYTES {
            "sent too many capabilities (more than 256 KiB)"
        } else if lines > MAX_QUEUED_LINES {
            "makes the bridge send too many lines"
        } else if self.listed_names > NAMES_BURST {
            "sent too many channel member names"
        } else {
            return None;
        };
        self.is_exceeded = true;
        Some(format!("the server {what}: disconnecting to protect the other networks"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quota_is_exceeded_only_by_abuse() {
        let now = Instant::now();
        let mut budget = ServerQuota::new(now);
        for channel in 0..1_000 {
            budget.count_names(1_000, now + Duration::from_millis(channel));
        }
        budget.count_cap_bytes(10_000);
        assert_eq!(budget.take_exceeded(MAX_USERS_BYTES, MAX_QUEUED_LINES), None);
        for _ in 0..1_000 {
            budget.count_names(24_000, now);
        }
        budget.count_names(0, now + Duration::from_secs(1_000));
        assert_eq!(budget.take_exceeded(0, 0), None, "it comes back with time");
        for (kept, lines) in [(MAX_USERS_BYTES + 1, 0), (0, MAX_QUEUED_LINES + 1)] {
            let mut budget = ServerQuota::new(now);
            assert!(budget.take_exceeded(kept, lines).is_some());
            assert!(budget.take_exceeded(kept, lines).is_none(), "once");
        }
        let mut budget = ServerQuota::new(now);
        budget.count_names(5_000_000, now);
        assert!(budget.take_exceeded(0, 0).is_some_and(|reason| reason.contains("member names")));
        let mut budget = ServerQuota::new(now);
        (0..=MAX_CAP_BYTES).for_each(|_| budget.count_cap_bytes(0));
        assert!(budget.take_exceeded(0, 0).is_some_and(|reason| reason.contains("capabilities")));
    }
}
