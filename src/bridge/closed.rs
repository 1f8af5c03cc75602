//! A place that is closed to us: its conversation is told, once, and again when it is open.
//!
//! A moment's absence is nobody's business: a kick, a restart, a database that stumbles. What the
//! server says of why is in the log, and not for everybody.

use jiff::SignedDuration;

use super::{Bridge, Turn};
use crate::domain::PlaceId;
use crate::store::StoreError;

/// Who is shut out for less than this comes back unnoticed.
const NOTICED: SignedDuration = SignedDuration::from_secs(60);

impl Bridge {
    /// The place is closed, or still closed.
    pub(super) fn is_closed(&mut self, place: PlaceId, turn: &Turn<'_>) {
        if let Some(spot) = self.spots.get_mut(&place) {
            spot.closed.get_or_insert(turn.now);
        }
    }

    /// The place is open. Says whether people were told that it was not.
    pub(super) fn is_open_again(
        &mut self,
        place: PlaceId,
        turn: &mut Turn<'_>,
    ) -> Result<bool, StoreError> {
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(false) };
        spot.closed = None;
        let told = std::mem::take(&mut spot.told_closed);
        if told {
            turn.store.closed(place, false)?;
        }
        Ok(told)
    }

    /// Tells of those places that have been closed for a while.
    pub(super) fn tell_closed(&mut self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let mut noticed = Vec::new();
        for (place, spot) in &mut self.spots {
            let long = spot.closed.is_some_and(|since| turn.now.duration_since(since) >= NOTICED);
            if long && !spot.told_closed {
                spot.told_closed = true;
                noticed.push(*place);
            }
        }
        noticed.sort();
        for place in noticed {
            turn.store.closed(place, true)?;
            let name = self.spelled(place);
            let words =
                format!("{name} is closed to the bridge: what is said here waits until it opens");
            self.announce(place, words, turn)?;
        }
        Ok(())
    }
}
