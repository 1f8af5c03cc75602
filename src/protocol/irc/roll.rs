use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crate::domain::EndpointId;

/// How often the server is asked where we are.
const OFTEN: Duration = Duration::from_secs(600);

/// How often it is asked whether we are in one channel, at most.
const DOUBT_AGAIN: Duration = Duration::from_secs(60);

/// Calls the roll: whether we are where we think we are is asked of the server once in a while, and
/// whenever it says something that makes us doubt it.
#[derive(Debug)]
pub(super) struct Roll {
    due: Instant,
    /// Where we are by the answer that is coming in; `None` while none is.
    seen: Option<BTreeSet<EndpointId>>,
    /// The channels of which the server is asked whether we are in it, since when.
    doubts: HashMap<EndpointId, Doubt>,
}

#[derive(Debug)]
struct Doubt {
    since: Instant,
    open: bool,
}

impl Roll {
    pub(super) fn new(now: Instant) -> Self {
        Self { due: now + OFTEN, seen: None, doubts: HashMap::new() }
    }

    /// Whether it is time to ask where we are.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let due = now >= self.due;
        if due {
            self.due = now + OFTEN;
            self.seen = Some(BTreeSet::new());
        }
        due
    }

    pub(super) fn deadline(&self) -> Instant {
        self.due
    }

    /// The server sees us in `place`.
    pub(super) fn see(&mut self, place: EndpointId) {
        if let Some(seen) = &mut self.seen {
            seen.insert(place);
        }
    }

    /// Where the server has seen us; `None` where we have not asked.
    pub(super) fn seen(&mut self) -> Option<BTreeSet<EndpointId>> {
        self.seen.take()
    }

    /// Something makes us doubt that we are in `place`. Says whether to ask.
    pub(super) fn doubt(&mut self, place: EndpointId, now: Instant) -> bool {
        let doubted = self.doubts.get(&place).map(|doubt| doubt.since);
        if doubted.is_some_and(|since| now.duration_since(since) < DOUBT_AGAIN) {
            return false;
        }
        self.doubts.insert(place, Doubt { since: now, open: true });
        true
    }

    /// The server has listed who is in `place`. Says whether that was in doubt.
    pub(super) fn settle(&mut self, place: EndpointId) -> bool {
        self.doubts.get_mut(&place).is_some_and(|doubt| std::mem::take(&mut doubt.open))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_doubt_is_one_question_for_a_while() {
        let now = Instant::now();
        let tea = EndpointId(1);
        let mut roll = Roll::new(now);
        assert!(!roll.settle(tea));
        assert!(roll.doubt(tea, now) && !roll.doubt(tea, now));
        assert!(roll.settle(tea) && !roll.settle(tea));
        assert!(!roll.doubt(tea, now));
        assert!(roll.doubt(tea, now + DOUBT_AGAIN));
    }

    #[test]
    fn what_was_not_asked_is_not_believed() {
        let now = Instant::now();
        let mut roll = Roll::new(now);
        roll.see(EndpointId(1));
        assert_eq!(roll.seen(), None);
        assert!(!roll.is_due(now) && roll.is_due(now + OFTEN) && !roll.is_due(now + OFTEN));
        roll.see(EndpointId(1));
        assert_eq!(roll.seen(), Some([EndpointId(1)].into()));
    }
}
