//! Waits for what is in flight or half done, before the bridge stops.

use std::time::{Duration, Instant};

/// How long to wait for what is half done, such as a catch-up, once nothing is in flight.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(3);

/// How far it is.
#[derive(Debug, Default)]
pub(super) struct Drain {
    /// When nothing was in flight any more.
    since: Option<Instant>,
}

impl Drain {
    /// So many deliveries are in flight. Returns whether to wait no longer: nothing is half done, or not for much longer.
    pub(super) fn check(&mut self, in_flight: usize, is_settled: bool) -> bool {
        if in_flight > 0 {
            return false;
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        is_settled || since.elapsed() >= SETTLE_TIMEOUT
    }
}
