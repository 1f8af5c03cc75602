//! What IRC tells us, and what follows from it.

use super::{Bridge, Turn};
use crate::domain::{Message, Network};
use crate::protocol::irc::Event;
use crate::store::StoreError;

impl Bridge {
    pub(super) fn irc(
        &mut self,
        network: &Network,
        event: Event,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        match event {
            Event::Registered { nick } => {
                tracing::info!(%network, nick, "registered");
                Ok(())
            }
            Event::Joined(place) => {
                if let Some(spot) = self.spots.get_mut(&place) {
                    tracing::info!(place = %spot.place, "joined");
                    // Nobody can be asked whether it arrived: said twice is better than not at all.
                    spot.lane.again(turn.store)?;
                    self.open += usize::from(spot.lane.open());
                }
                self.advance(place, turn)
            }
            Event::Closed { place, why } => {
                if let Some(spot) = self.spots.get_mut(&place) {
                    tracing::warn!(place = %spot.place, why, "not in the channel");
                    self.open -= usize::from(spot.lane.close());
                }
                Ok(())
            }
            Event::Heard { place, nick, kind, text, msgid, time } => {
                let said_at = time.unwrap_or(turn.now);
                let message = Message { said_in: place, author: nick, kind, body: text, said_at };
                self.hear(&message, msgid.as_deref(), turn)
            }
            Event::Said { ticket, place } => self.settle(ticket, place, None, turn),
            Event::Refused { ticket, place, why } => self.refuse(ticket, place, &why, turn),
        }
    }
}
