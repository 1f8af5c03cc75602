//! What the bridge itself has to say, on the road that everything else takes.

use std::sync::Arc;

use super::{Bridge, Turn};
use crate::domain::{Author, Kind, Message, PlaceId};
use crate::store::StoreError;

impl Bridge {
    /// Says `words` in every other place of the conversation of `place`, if announcing is wanted.
    pub(super) fn announce(
        &mut self,
        place: PlaceId,
        words: String,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.spots.get(&place) else { return Ok(()) };
        let mirrors = Arc::clone(&spot.mirrors);
        self.say(place, &mirrors, words, turn)
    }

    /// Says `words` about `place` in these places and nowhere else, if announcing is wanted.
    pub(super) fn say(
        &mut self,
        place: PlaceId,
        to: &[PlaceId],
        words: String,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if !self.policy.announce || to.is_empty() {
            return Ok(());
        }
        self.remark(place, to, words, turn)
    }

    /// The same, whether announcing is wanted or not: it was asked for.
    pub(super) fn remark(
        &mut self,
        place: PlaceId,
        to: &[PlaceId],
        words: String,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let message = Message {
            said_in: place,
            author: Author::bridge(),
            kind: Kind::Notice,
            body: words,
            said_at: turn.now,
        };
        let Some(id) = turn.store.hear(&message, None)? else { return Ok(()) };
        self.mirror(id, &message, to, turn)
    }
}
