//! Queries the members of joined channels with WHO, one channel at a time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::domain::EndpointId;

/// Time limit for a WHO reply.
const WHO_TIMEOUT: Duration = Duration::from_secs(60);

/// How long to wait after the server reported that it is busy.
const BUSY_RETRY_INTERVAL: Duration = Duration::from_secs(60);

/// Sends WHO for each newly joined channel, one after the other, when nothing more urgent is queued.
#[derive(Debug, Default)]
pub(in crate::protocol::irc) struct WhoPoll {
    queue: VecDeque<EndpointId>,
    /// The channel being queried, and the deadline for the reply.
    in_flight: Option<(EndpointId, Instant)>,
    /// No queries before this time, at the server's request.
    paused_until: Option<Instant>,
}

impl WhoPoll {
    /// Queues a query for `endpoint`.
    pub(in crate::protocol::irc) fn enqueue(&mut self, endpoint: EndpointId) {
        if !self.queue.contains(&endpoint) {
            self.queue.push_back(endpoint);
        }
    }

    /// Removes `endpoint` from the queue.
    pub(in crate::protocol::irc) fn remove(&mut self, endpoint: EndpointId) {
        self.queue.retain(|other| *other != endpoint);
    }

    /// Whether a query can be sent now.
    pub(in crate::protocol::irc) fn is_ready(&self, now: Instant) -> bool {
        self.in_flight.is_none()
            && !self.queue.is_empty()
            && self.paused_until.is_none_or(|at| at <= now)
    }

    /// Takes the next channel to query.
    pub(in crate::protocol::irc) fn start_next(&mut self, now: Instant) -> Option<EndpointId> {
        if !self.is_ready(now) {
            return None;
        }
        let endpoint = self.queue.pop_front()?;
        self.in_flight = Some((endpoint, now + WHO_TIMEOUT));
        Some(endpoint)
    }

    /// The reply is complete. Returns whether a query was in flight.
    pub(in crate::protocol::irc) fn finish(&mut self) -> bool {
        self.in_flight.take().is_some()
    }

    /// The server is busy.
    pub(in crate::protocol::irc) fn defer(&mut self, now: Instant) {
        if let Some((endpoint, _)) = self.in_flight.take() {
            self.queue.push_back(endpoint);
            self.paused_until = Some(now + BUSY_RETRY_INTERVAL);
        }
    }

    /// Handles timeouts: an overdue reply is no longer awaited.
    pub(in crate::protocol::irc) fn tick(&mut self, now: Instant) {
        self.in_flight = self.in_flight.filter(|(_, until)| now < *until);
        self.paused_until = self.paused_until.filter(|until| now < *until);
    }

    /// When [`Self::tick`] should be called next.
    pub(in crate::protocol::irc) fn deadline(&self) -> Option<Instant> {
        let until = self.in_flight.map(|(_, until)| until);
        let after = self.paused_until.filter(|_| !self.queue.is_empty());
        until.into_iter().chain(after).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEA: EndpointId = EndpointId(1);
    const DEV: EndpointId = EndpointId(2);

    #[test]
    fn one_who_is_in_flight_at_a_time() {
        let now = Instant::now();
        let mut census = WhoPoll::default();
        for endpoint in [TEA, DEV, TEA] {
            census.enqueue(endpoint);
        }
        assert_eq!((census.start_next(now), census.start_next(now)), (Some(TEA), None));
        assert!(census.finish());
        assert_eq!((census.start_next(now), census.start_next(now)), (Some(DEV), None));
        census.tick(now + WHO_TIMEOUT);
        assert!(!census.finish(), "not waited for any longer");
        assert_eq!(census.deadline(), None);
    }

    #[test]
    fn busy_server_pauses_the_poll() {
        let now = Instant::now();
        let mut census = WhoPoll::default();
        census.enqueue(TEA);
        census.start_next(now);
        census.defer(now);
        assert_eq!(
            (census.start_next(now), census.deadline()),
            (None, Some(now + BUSY_RETRY_INTERVAL))
        );
        census.tick(now + BUSY_RETRY_INTERVAL);
        assert_eq!(census.start_next(now + BUSY_RETRY_INTERVAL), Some(TEA));
    }
}
