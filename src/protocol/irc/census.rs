use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::domain::EndpointId;

/// How long the server may take to say who is in a channel.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long to leave a server alone that is too busy to say.
const LATER: Duration = Duration::from_secs(60);

/// Asks who is in each channel that we have come into, one channel after the other, when there is
/// nothing more pressing to say.
#[derive(Debug, Default)]
pub(super) struct Census {
    waiting: VecDeque<EndpointId>,
    /// Which channel is being told of, and until when that may take.
    asked: Option<(EndpointId, Instant)>,
    /// The server wants to be left alone until then.
    after: Option<Instant>,
}

impl Census {
    /// It is to be asked who is in `place`.
    pub(super) fn wish(&mut self, place: EndpointId) {
        if !self.waiting.contains(&place) {
            self.waiting.push_back(place);
        }
    }

    /// It is of no interest any more.
    pub(super) fn forget(&mut self, place: EndpointId) {
        self.waiting.retain(|other| *other != place);
    }

    /// Whether there is something to ask now.
    pub(super) fn is_ready(&self, now: Instant) -> bool {
        self.asked.is_none() && !self.waiting.is_empty() && self.after.is_none_or(|at| at <= now)
    }

    /// The channel to ask for now.
    pub(super) fn next(&mut self, now: Instant) -> Option<EndpointId> {
        if !self.is_ready(now) {
            return None;
        }
        let place = self.waiting.pop_front()?;
        self.asked = Some((place, now + PATIENCE));
        Some(place)
    }

    /// The server has told all. Says whether it was asked.
    pub(super) fn answered(&mut self) -> bool {
        self.asked.take().is_some()
    }

    /// The server is too busy.
    pub(super) fn put_off(&mut self, now: Instant) {
        if let Some((place, _)) = self.asked.take() {
            self.waiting.push_back(place);
            self.after = Some(now + LATER);
        }
    }

    /// Time has passed: an answer that does not come is not waited for.
    pub(super) fn tick(&mut self, now: Instant) {
        self.asked = self.asked.filter(|(_, until)| now < *until);
        self.after = self.after.filter(|until| now < *until);
    }

    /// When [`Self::tick`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let until = self.asked.map(|(_, until)| until);
        let after = self.after.filter(|_| !self.waiting.is_empty());
        until.into_iter().chain(after).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEA: EndpointId = EndpointId(1);
    const DEV: EndpointId = EndpointId(2);

    #[test]
    fn one_channel_is_asked_for_after_the_other() {
        let now = Instant::now();
        let mut census = Census::default();
        for place in [TEA, DEV, TEA] {
            census.wish(place);
        }
        assert_eq!((census.next(now), census.next(now)), (Some(TEA), None));
        assert!(census.answered());
        assert_eq!((census.next(now), census.next(now)), (Some(DEV), None));
        census.tick(now + PATIENCE);
        assert!(!census.answered(), "not waited for any longer");
        assert_eq!(census.deadline(), None);
    }

    #[test]
    fn a_busy_server_is_left_alone_for_a_while() {
        let now = Instant::now();
        let mut census = Census::default();
        census.wish(TEA);
        census.next(now);
        census.put_off(now);
        assert_eq!((census.next(now), census.deadline()), (None, Some(now + LATER)));
        census.tick(now + LATER);
        assert_eq!(census.next(now + LATER), Some(TEA));
    }
}
