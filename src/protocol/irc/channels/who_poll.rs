use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::domain::EndpointId;

/// How long the server may take to say who is in a channel.
const WHO_TIMEOUT: Duration = Duration::from_secs(60);

/// How long to leave a server alone that is too busy to say.
const BUSY_RETRY_INTERVAL: Duration = Duration::from_secs(60);

/// Asks who is in each channel that we have come into, one channel after the other, when there is
/// nothing more pressing to say.
#[derive(Debug, Default)]
pub(in crate::protocol::irc) struct WhoPoll {
    queue: VecDeque<EndpointId>,
    /// Which channel is being told of, and until when that may take.
    in_flight: Option<(EndpointId, Instant)>,
    /// The server wants to be left alone until then.
    paused_until: Option<Instant>,
}

impl WhoPoll {
    /// It is to be asked who is in `place`.
    pub(in crate::protocol::irc) fn enqueue(&mut self, place: EndpointId) {
        if !self.queue.contains(&place) {
            self.queue.push_back(place);
        }
    }

    /// It is of no interest any more.
    pub(in crate::protocol::irc) fn remove(&mut self, place: EndpointId) {
        self.queue.retain(|other| *other != place);
    }

    /// Whether there is something to ask now.
    pub(in crate::protocol::irc) fn is_ready(&self, now: Instant) -> bool {
        self.in_flight.is_none()
            && !self.queue.is_empty()
            && self.paused_until.is_none_or(|at| at <= now)
    }

    /// The channel to ask for now.
    pub(in crate::protocol::irc) fn start_next(&mut self, now: Instant) -> Option<EndpointId> {
        if !self.is_ready(now) {
            return None;
        }
        let place = self.queue.pop_front()?;
        self.in_flight = Some((place, now + WHO_TIMEOUT));
        Some(place)
    }

    /// The server has told all. Says whether it was asked.
    pub(in crate::protocol::irc) fn finish(&mut self) -> bool {
        self.in_flight.take().is_some()
    }

    /// The server is too busy.
    pub(in crate::protocol::irc) fn defer(&mut self, now: Instant) {
        if let Some((place, _)) = self.in_flight.take() {
            self.queue.push_back(place);
            self.paused_until = Some(now + BUSY_RETRY_INTERVAL);
        }
    }

    /// Time has passed: an answer that does not come is not waited for.
    pub(in crate::protocol::irc) fn tick(&mut self, now: Instant) {
        self.in_flight = self.in_flight.filter(|(_, until)| now < *until);
        self.paused_until = self.paused_until.filter(|until| now < *until);
    }

    /// When [`Self::tick`] has something to do.
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
        for place in [TEA, DEV, TEA] {
            census.enqueue(place);
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
