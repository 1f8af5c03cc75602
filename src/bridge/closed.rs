//! A place that is closed to us: its conversation is told, once, and again when it is open.
//!
//! A moment's absence is nobody's business: a kick, a restart, a database that stumbles.

use jiff::{SignedDuration, Timestamp};

use super::{Bridge, Turn};
use crate::domain::EndpointId;
use crate::store::StoreError;

/// Who is shut out for less than this comes back unnoticed.
const NOTICED: SignedDuration = SignedDuration::from_secs(60);

/// Where people were told this long ago or less, they are told again only of what lasts longer: nobody
/// wants to hear of every jolt of a bad line.
const RECENTLY: SignedDuration = SignedDuration::from_hours(1);
const LONGER: SignedDuration = SignedDuration::from_mins(10);

/// That a place is closed to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closed {
    since: Timestamp,
    /// Why, in words for people, where that is known.
    why: Option<String>,
}

/// What people were told of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    /// That it is closed, and not yet that it is open.
    pub(super) closed: bool,
    /// When they were last told that, in this run.
    at: Option<Timestamp>,
}

impl Told {
    /// What an earlier run has told.
    pub(super) fn before(closed: bool) -> Self {
        Self { closed, at: None }
    }

    /// How long a place must be closed now to be told of.
    fn patience(self, now: Timestamp) -> SignedDuration {
        let recently = self.at.is_some_and(|at| now.duration_since(at) < RECENTLY);
        if recently { LONGER } else { NOTICED }
    }
}

impl Bridge {
    /// The place is closed, or still closed; `why` is what is known of it now.
    pub(super) fn is_closed(&mut self, place: EndpointId, why: Option<&str>, now: Timestamp) {
        if let Some(spot) = self.spots.get_mut(&place) {
            let closed = spot.closed.get_or_insert(Closed { since: now, why: None });
            closed.why = why.map(str::to_owned).or(closed.why.take());
        }
    }

    /// The place is open. Says whether people were told that it was not.
    pub(super) fn is_open_again(
        &mut self,
        place: EndpointId,
        turn: &mut Turn<'_>,
    ) -> Result<bool, StoreError> {
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(false) };
        if let Some(Closed { since, .. }) = spot.closed.take() {
            self.counters.losses.count += 1;
            let seconds = turn.now.duration_since(since).as_secs();
            self.counters.losses.seconds += seconds.unsigned_abs();
        }
        let told = std::mem::take(&mut spot.told.closed);
        if told {
            turn.store.set_outage_announced(place, false)?;
        }
        Ok(told)
    }

    /// Tells of those places that have been closed for a while.
    pub(super) fn tell_closed(&mut self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let mut noticed = Vec::new();
        for (place, spot) in &mut self.spots {
            let Some(closed) = spot.closed.as_ref().filter(|_| !spot.told.closed) else { continue };
            if turn.now.duration_since(closed.since) >= spot.told.patience(turn.now) {
                spot.told = Told { closed: true, at: Some(turn.now) };
                noticed.push((*place, closed.why.clone()));
            }
        }
        noticed.sort();
        for (place, why) in noticed {
            turn.store.set_outage_announced(place, true)?;
            let name = self.spelled(place);
            let why = why.map(|why| format!(", for {}", why.trim_end_matches('.')));
            let why = why.unwrap_or_default();
            let words = format!(
                "{name} is closed to the bridge{why}: what is said here waits until it opens"
            );
            self.announce(place, words, turn)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_one_absence_the_next_must_be_longer() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(Told::before(true).patience(now), NOTICED);
        let told = Told { closed: false, at: Some(now) };
        assert_eq!(told.patience(now + RECENTLY / 2), LONGER);
        assert_eq!(told.patience(now + RECENTLY), NOTICED);
    }
}
