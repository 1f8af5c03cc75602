//! Handles acks and rejections of deliveries.

use crate::bridge::{Bridge, Ctx};
use crate::domain::{DeliveryId, EndpointId};
use crate::store::StoreError;

impl Bridge {
    /// The remote side has acknowledged the delivery.
    pub(in crate::bridge) fn ack(
        &mut self,
        ticket: DeliveryId,
        place: EndpointId,
        native: Option<&str>,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if let Some(spot) = self.endpoints.get_mut(&place) {
            let settled = spot.queue.ack(ticket, native, turn.now, turn.store)?;
            settled.iter().for_each(|delivery| self.queue_quota.remove(&delivery.message));
            self.count_traffic(place, |traffic| traffic.delivered += settled.len() as u64);
        }
        self.schedule(place, turn)
    }

    /// The remote side has rejected the delivery. If it has removed us before reading it, that is no
    /// rejection: once back, we look for it.
    pub(in crate::bridge) fn on_rejected(
        &mut self,
        ticket: DeliveryId,
        place: EndpointId,
        why: &str,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        match self.endpoints.get_mut(&place) {
            Some(spot) if spot.queue.is_in_flight_while_closed(ticket) => {
                spot.queue.mark_in_doubt(turn.store)
            }
            _ => self.reject(ticket, place, why, turn),
        }
    }

    /// Rejects the delivery.
    pub(in crate::bridge) fn reject(
        &mut self,
        ticket: DeliveryId,
        place: EndpointId,
        why: &str,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        self.reject_delivery(ticket, place, why, turn)?;
        self.schedule(place, turn)
    }

    pub(in crate::bridge) fn reject_delivery(
        &mut self,
        ticket: DeliveryId,
        place: EndpointId,
        why: &str,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if let Some(spot) = self.endpoints.get_mut(&place) {
            let name = spot.endpoint.clone();
            for delivery in spot.queue.reject(ticket, why, turn.now, turn.store)? {
                tracing::warn!(endpoint = %name, delivery = delivery.id.0, reason = why, "delivery rejected");
                self.count_traffic(place, |traffic| traffic.rejected += 1);
                self.queue_quota.remove(&delivery.message);
                self.record_failure(&delivery, turn)?;
            }
        }
        Ok(())
    }
}
