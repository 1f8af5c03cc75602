//! Settles the first delivery of a queue: what the remote side says of it.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::{DeliveryProgress, DeliveryQueue};
use crate::domain::{Delivery, DeliveryId, DeliveryState, Sender};
use crate::store::{Store, StoreError};

impl DeliveryQueue {
    /// `InFlight → Queued`: the remote side defers the delivery. Returns whether it was in flight.
    pub(in crate::bridge) fn defer(
        &mut self,
        delivery: DeliveryId,
        store: &mut Store,
    ) -> Result<bool, StoreError> {
        let in_flight = self.is_in_flight(delivery);
        if in_flight {
            self.deferred = true;
            self.requeue(DeliveryState::InFlight, store)?;
        }
        Ok(in_flight)
    }

    /// `InFlight → Queued`: nothing of the rest has arrived. Returns the delivery, if it was in flight.
    pub(in crate::bridge) fn cancel(
        &mut self,
        delivery: DeliveryId,
        store: &mut Store,
    ) -> Result<Option<&Delivery>, StoreError> {
        if !self.is_in_flight(delivery) {
            return Ok(None);
        }
        self.requeue(DeliveryState::InFlight, store)?;
        Ok(self.loaded.front())
    }

    /// A deferred delivery can be retried.
    pub(in crate::bridge) fn resume(&mut self) {
        self.deferred = false;
    }

    /// `InFlight` or `InDoubt → Delivered`, with all merged deliveries. Returns them, if the delivery was the
    /// first.
    pub(in crate::bridge) fn ack(
        &mut self,
        id: DeliveryId,
        remote_id: Option<&str>,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Vec<Delivery>, StoreError> {
        let settled = self.take_head(id);
        for delivery in &settled {
            store.ack_delivery(delivery.id, remote_id_of(delivery, (id, remote_id)), now)?;
        }
        Ok(settled)
    }

    /// The same for a queue of a room: what the bridge's own account has posted there is found again.
    pub(in crate::bridge) fn ack_post(
        &mut self,
        id: DeliveryId,
        post: Option<&str>,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Vec<Delivery>, StoreError> {
        // Those that are merged have the sender of the first, or had another one before.
        if self.head().is_none_or(|first| first.sender != Sender::Bot) {
            return self.ack(id, post, now, store);
        }
        let settled = self.take_head(id);
        for delivery in &settled {
            store.ack_own_post(delivery.id, remote_id_of(delivery, (id, post)), now)?;
        }
        Ok(settled)
    }

    /// `InFlight` or `InDoubt → Rejected`, with all merged deliveries. Returns them, if the delivery was the
    /// first.
    pub(in crate::bridge) fn reject(
        &mut self,
        id: DeliveryId,
        reason: &str,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Vec<Delivery>, StoreError> {
        let rejected = self.take_head(id);
        for delivery in &rejected {
            store.reject_delivery(delivery.id, reason, now)?;
        }
        Ok(rejected)
    }

    /// `Queued` or `InDoubt → Rejected`: the first delivery will never be sent again. Returns it; `None`
    /// while it is in flight.
    pub(in crate::bridge) fn drop_head(
        &mut self,
        reason: &str,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Option<Delivery>, StoreError> {
        if self.loaded.is_empty() {
            self.refill(store)?;
        }
        let Some(delivery) = self.loaded.pop_front_if(|head| head.state != DeliveryState::InFlight)
        else {
            return Ok(None);
        };
        self.release_if_empty();
        self.progress = DeliveryProgress::default();
        store.reject_delivery(delivery.id, reason, now)?;
        Ok(Some(delivery))
    }

    /// A late answer may be for a delivery that is no longer the first.
    fn take_head(&mut self, delivery: DeliveryId) -> Vec<Delivery> {
        if !self.is_in_flight(delivery) {
            return Vec::new();
        }
        self.progress = DeliveryProgress::default();
        let joined = std::mem::take(&mut self.merged);
        let settled = self.loaded.drain(..=joined).collect();
        self.release_if_empty();
        settled
    }

    /// Most queues are empty most of the time: then they keep no memory for what they once held.
    fn release_if_empty(&mut self) {
        if self.loaded.is_empty() {
            self.loaded = VecDeque::new();
        }
    }
}

/// The remote id of a delivery that was settled as part of `whole`: it belongs to one, the others refer to that.
fn remote_id_of<'a>(
    delivery: &Delivery,
    (whole, remote_id): (DeliveryId, Option<&'a str>),
) -> Option<&'a str> {
    remote_id.filter(|_| delivery.id == whole)
}
