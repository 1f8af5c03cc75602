//! What is heard goes into the ledger, and into the outbox of every other place of its conversation.

use super::{Bridge, Turn};
use crate::domain::{Delivery, Message, State};
use crate::store::StoreError;

impl Bridge {
    /// Takes in `message`, which its network calls `native`, unless it is known already.
    pub(super) fn hear(
        &mut self,
        message: &Message,
        native: Option<&str>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        self.hear_traced(message, native, None, turn)
    }

    /// The same; `trace` is what else it may be known by, should it be told again without its id.
    pub(super) fn hear_traced(
        &mut self,
        message: &Message,
        native: Option<&str>,
        trace: Option<i64>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.spots.get(&message.said_in) else { return Ok(()) };
        let id = turn.store.hear_traced(message, native, trace)?;
        let Some(id) = id else { return Ok(()) };
        tracing::debug!(place = %spot.place, author = message.author.name, native, "heard");
        for to in spot.mirrors.clone().iter().copied() {
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
