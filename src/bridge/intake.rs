//! What is heard goes into the ledger, and into the outbox of every other place of its conversation.

use std::sync::Arc;

use super::{Bridge, Turn};
use crate::domain::{Delivery, Message, PlaceId, State};
use crate::store::{MessageId, StoreError};

impl Bridge {
    /// Takes in `message`, which its network calls `native`, unless it is known already. Says whether
    /// it was not.
    pub(super) fn hear(
        &mut self,
        message: &Message,
        native: Option<&str>,
        turn: &mut Turn<'_>,
    ) -> Result<bool, StoreError> {
        self.hear_traced(message, native, None, turn)
    }

    /// The same; `trace` is what else it may be known by, should it be told again without its id.
    pub(super) fn hear_traced(
        &mut self,
        message: &Message,
        native: Option<&str>,
        trace: Option<i64>,
        turn: &mut Turn<'_>,
    ) -> Result<bool, StoreError> {
        let Some(spot) = self.spots.get(&message.said_in) else { return Ok(false) };
        let mirrors = Arc::clone(&spot.mirrors);
        let Some(id) = turn.store.hear_traced(message, native, trace)? else { return Ok(false) };
        tracing::debug!(place = %spot.place, author = message.author.name, native, "heard");
        self.mirror(id, message, &mirrors, turn)?;
        Ok(true)
    }

    /// Puts `message` into the outbox of each of these places.
    pub(super) fn mirror(
        &mut self,
        id: MessageId,
        message: &Message,
        to: &[PlaceId],
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        for to in to.iter().copied() {
            let ticket = turn.store.enqueue(id, to)?;
            let message = message.clone();
            let state = State::Queued;
            let delivery = Delivery { ticket, to, message, state, begun: None, speech: None };
            if let Some(mirror) = self.spots.get_mut(&to) {
                mirror.lane.push(delivery);
            }
            self.advance(to, turn)?;
        }
        Ok(())
    }
}
