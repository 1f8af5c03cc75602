//! What goes out: the next delivery of a lane, in the manners of the place that it is bound for.

use jiff::Timestamp;

use super::lane::Begun;
use super::{Bridge, Order, Turn};
use crate::domain::{Delivery, Place, PlaceId, Speech};
use crate::protocol::irc;
use crate::protocol::letschat;
use crate::store::StoreError;
use crate::translate;
use crate::translate::AGAIN;

impl Bridge {
    /// Begins the next delivery to `place`, if one may begin.
    pub(super) fn advance(
        &mut self,
        place: PlaceId,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if self.stopping {
            return Ok(());
        }
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        if !spot.lane.ready(turn.store)? {
            return Ok(());
        }
        let speech = self.render(place, turn.now);
        let (Some(speech), Some(spot)) = (speech, self.spots.get_mut(&place)) else {
            return Ok(());
        };
        let begun = spot.lane.begin(speech, turn.now, turn.store)?;
        let Some(Begun { ticket, speech, repeated }) = begun else { return Ok(()) };
        turn.orders.push(match &spot.place {
            Place::Channel { network, .. } => {
                let Speech { kind, prefix, body } = speech;
                let body = if repeated { format!("{AGAIN}{body}") } else { body };
                Order::Irc(network.clone(), irc::Order::Say { ticket, place, kind, prefix, body })
            }
            Place::Room(_) => {
                Order::LetsChat(letschat::Order::Post { ticket, place, text: speech.whole() })
            }
        });
        Ok(())
    }

    /// As what the next delivery to `place` is to be said.
    fn render(&self, place: PlaceId, now: Timestamp) -> Option<Speech> {
        let spot = self.spots.get(&place)?;
        let Delivery { message, part, .. } = spot.lane.first()?;
        let around = self.around(message.said_in, place)?;
        let manners = self.ways.manners(message.said_in, place);
        Some(match spot.place {
            Place::Channel { .. } => {
                translate::to_irc(message, manners, &around, self.links.as_ref(), now)
            }
            Place::Room(_) => {
                let more = std::iter::empty();
                translate::to_letschat(message, more, *part, manners, &around, now)
            }
        })
    }
}
