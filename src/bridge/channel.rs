//! What IRC tells us, and what follows from it.

use super::{Bridge, Turn};
use crate::domain::{Message, Network, PlaceId};
use crate::protocol::irc::Event;
use crate::store::StoreError;
use crate::translate::AGAIN;

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
                self.decide_doubt(network, place, turn)?;
                if let Some(spot) = self.spots.get_mut(&place) {
                    tracing::info!(place = %spot.place, "joined");
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
            Event::Speaking { ticket, place } => {
                if let Some(spot) = self.spots.get_mut(&place) {
                    spot.lane.speak(ticket);
                }
                Ok(())
            }
            Event::Partly { ticket, place, end, mark: _ } => {
                let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
                spot.lane.partly(ticket, end, AGAIN.len(), turn.store)
            }
            Event::Said { ticket, place, mark } => {
                self.settle(ticket, place, mark.msgid.as_deref(), turn)
            }
            Event::Refused { ticket, place, why } => self.refuse(ticket, place, &why, turn),
            Event::Later { ticket, place, why } => {
                if let Some(spot) = self.spots.get_mut(&place)
                    && spot.lane.put_off(ticket, turn.store)?
                {
                    tracing::info!(place = %spot.place, delivery = ticket.0, why, "put off");
                }
                Ok(())
            }
            Event::Again(place) => {
                if let Some(spot) = self.spots.get_mut(&place) {
                    spot.lane.resume();
                }
                self.advance(place, turn)
            }
        }
    }

    /// Nobody can be asked whether it arrived: it is said again, or left at that.
    fn decide_doubt(
        &mut self,
        network: &Network,
        place: PlaceId,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        let Some(ticket) = spot.lane.in_doubt().map(|delivery| delivery.ticket) else {
            return Ok(());
        };
        if self.dropping.contains(network) {
            let why = "the connection was lost while it was being said: not said again";
            return self.refuse(ticket, place, why, turn);
        }
        spot.lane.repeat(turn.store)
    }
}
