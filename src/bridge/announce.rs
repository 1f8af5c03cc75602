//! What the bridge itself has to say, on the road that everything else takes.

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
        if !self.policy.announce {
            return Ok(());
        }
        let message = Message {
            said_in: place,
            author: Author::bridge(),
            kind: Kind::Notice,
            body: words,
            said_at: turn.now,
        };
        self.hear(&message, None, turn)
    }
}
