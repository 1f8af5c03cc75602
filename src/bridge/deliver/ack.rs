//! Handles acks and rejections of deliveries.

use crate::bridge::{Bridge, Ctx};
use crate::domain::{DeliveryId, EndpointId};
use crate::store::StoreError;

impl Bridge {
    /// The remote side has acknowledged the delivery.
    pub(in crate::bridge) fn ack(
        &mut self,
        id: DeliveryId,
        endpoint: EndpointId,
        remote_id: Option<&str>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if let Some(state) = self.endpoints.get_mut(&endpoint) {
            let settled = state.queue.ack(id, remote_id, ctx.now, ctx.store)?;
            settled.iter().for_each(|delivery| self.queue_quota.remove(&delivery.message));
            self.count_traffic(endpoint, |traffic| traffic.delivered += settled.len() as u64);
        }
        self.schedule(endpoint, ctx)
    }

    /// The remote side has rejected the delivery. If it has removed us before reading it, that is no
    /// rejection: once back, we look for it.
    pub(in crate::bridge) fn on_rejected(
        &mut self,
        delivery: DeliveryId,
        endpoint: EndpointId,
        reason: &str,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        match self.endpoints.get_mut(&endpoint) {
            Some(state) if state.queue.is_in_flight_while_closed(delivery) => {
                state.queue.mark_in_doubt(ctx.store)
            }
            _ => self.reject(delivery, endpoint, reason, ctx),
        }
    }

    /// Rejects the delivery.
    pub(in crate::bridge) fn reject(
        &mut self,
        delivery: DeliveryId,
        endpoint: EndpointId,
        reason: &str,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        self.reject_delivery(delivery, endpoint, reason, ctx)?;
        self.schedule(endpoint, ctx)
    }

    pub(in crate::bridge) fn reject_delivery(
        &mut self,
        id: DeliveryId,
        endpoint: EndpointId,
        reason: &str,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if let Some(state) = self.endpoints.get_mut(&endpoint) {
            let name = state.endpoint.clone();
            for delivery in state.queue.reject(id, reason, ctx.now, ctx.store)? {
                tracing::warn!(endpoint = %name, delivery = delivery.id.0, reason = reason, "delivery rejected");
                self.count_traffic(endpoint, |traffic| traffic.rejected += 1);
                self.queue_quota.remove(&delivery.message);
                self.record_failure(&delivery, ctx)?;
            }
        }
        Ok(())
    }
}
