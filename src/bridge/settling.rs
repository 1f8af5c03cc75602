//! What the far end has answered for a delivery.

use super::{Bridge, Turn};
use crate::domain::{DeliveryId, EndpointId};
use crate::store::StoreError;

impl Bridge {
    /// The far end has answered for `ticket`.
    pub(super) fn settle(
        &mut self,
        ticket: DeliveryId,
        place: EndpointId,
        native: Option<&str>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if let Some(spot) = self.spots.get_mut(&place) {
            let settled = spot.lane.settle(ticket, native, turn.now, turn.store)?;
            settled.iter().for_each(|delivery| self.waiting.remove(&delivery.message));
            self.count(place, |traffic| traffic.delivered += settled.len() as u64);
        }
        self.advance(place, turn)
    }

    /// The far end objects to `ticket`. One that has put us out before it read what we said there has
    /// nothing against what was said: back in, we look for it.
    pub(super) fn objected(
        &mut self,
        ticket: DeliveryId,
        place: EndpointId,
        why: &str,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        match self.spots.get_mut(&place) {
            Some(spot) if spot.lane.is_shut_upon(ticket) => spot.lane.doubt(turn.store),
            _ => self.refuse(ticket, place, why, turn),
        }
    }

    /// The far end will not have `ticket`.
    pub(super) fn refuse(
        &mut self,
        ticket: DeliveryId,
        place: EndpointId,
        why: &str,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        self.refused(ticket, place, why, turn)?;
        self.advance(place, turn)
    }

    pub(super) fn refused(
        &mut self,
        ticket: DeliveryId,
        place: EndpointId,
        why: &str,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if let Some(spot) = self.spots.get_mut(&place) {
            let name = spot.place.clone();
            for delivery in spot.lane.refuse(ticket, why, turn.now, turn.store)? {
                tracing::warn!(place = %name, delivery = delivery.id.0, why, "refused");
                self.count(place, |traffic| traffic.refused += 1);
                self.waiting.remove(&delivery.message);
                self.is_refused(&delivery, turn)?;
            }
        }
        Ok(())
    }
}
