//! Holds back deliveries whose path crosses a paused link: they stay in the store, and others pass them.
//!
//! What has been begun is finished: a delivery that is in flight or in doubt, or of which a part has arrived, with those
//! that are merged into it. When a pause ends, the queue is read from the store again, so that what was held comes in
//! the order received, behind what has been begun.

use std::collections::HashSet;

use jiff::Timestamp;

use super::{DeliveryProgress, DeliveryQueue};
use crate::domain::{Delivery, DeliveryId, DeliveryState, EndpointId};
use crate::store::{Store, StoreError};

/// What became of a request to drop a delivery.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::bridge) enum DropOutcome {
    /// These are dropped: all parts of the message that waited.
    Dropped(Vec<Delivery>),
    /// It has been sent already, at least in part.
    Begun,
    /// It does not wait in this queue.
    NotWaiting,
}

impl DeliveryQueue {
    /// Holds back the deliveries of messages from these sources, and of no others. Returns whether any may be released
    /// by that.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(in crate::bridge) fn set_held(
        &mut self,
        sources: HashSet<EndpointId>,
        store: &mut Store,
    ) -> Result<bool, StoreError> {
        let is_release = self.held.iter().any(|source| !sources.contains(source));
        self.held = sources;
        if is_release {
            let begun = self.begun_count();
            self.forget_begin(store)?;
            self.loaded.truncate(begun);
            self.last_loaded = DeliveryId(0);
            self.has_more_stored = true;
        } else if self.begun_count() > 0 {
            let (begun, held) = (self.begun_count(), &self.held);
            let mut index = 0;
            self.loaded.retain(|delivery| {
                index += 1;
                index <= begun || !held.contains(&delivery.message.source)
            });
        } else {
            self.set_held_aside(store)?;
            self.loaded.retain(|delivery| !self.held.contains(&delivery.message.source));
        }
        Ok(is_release)
    }

    /// Whether deliveries of messages from this source are held back.
    pub(in crate::bridge) fn is_held(&self, source: EndpointId) -> bool {
        self.held.contains(&source)
    }

    /// Whether any deliveries may be held back.
    pub(in crate::bridge) fn has_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether this delivery waits until a pause ends.
    pub(in crate::bridge) fn is_waiting_for_resume(&self, delivery: &Delivery) -> bool {
        let begun = self.loaded.iter().take(self.begun_count());
        self.is_held(delivery.message.source)
            && !begun.into_iter().any(|begun| begun.id == delivery.id)
    }

    /// Whether the remote side has deferred this delivery, which is the first.
    pub(in crate::bridge) fn is_deferred(&self, delivery: DeliveryId) -> bool {
        self.deferred && self.loaded.front().is_some_and(|head| head.id == delivery)
    }

    /// Whether the remote side has deferred the first delivery.
    pub(in crate::bridge) fn has_deferred(&self) -> bool {
        self.deferred && !self.loaded.is_empty()
    }

    /// If the first delivery was begun before its source was held, and can begin anew, it waits like the others.
    pub(super) fn set_held_aside(&mut self, store: &mut Store) -> Result<(), StoreError> {
        let is_held = self.head().is_some_and(|head| self.is_held(head.message.source));
        if !is_held || self.begun_count() > 0 {
            return Ok(());
        }
        self.forget_begin(store)?;
        self.loaded.retain(|delivery| !self.held.contains(&delivery.message.source));
        Ok(())
    }

    /// How many of the first deliveries are sent as one, if something of them may have arrived.
    fn begun_count(&self) -> usize {
        let Some(head) = self.loaded.front() else { return 0 };
        let is_begun =
            head.state != DeliveryState::Queued || self.progress.acked > 0 || self.progress.resend;
        if is_begun { 1 + self.merged } else { 0 }
    }

    /// Nothing remains of an earlier start of the first delivery, unless something of it may have arrived.
    fn forget_begin(&mut self, store: &mut Store) -> Result<(), StoreError> {
        let Some(head) = self.loaded.front().filter(|_| self.begun_count() == 0) else {
            return Ok(());
        };
        let id = head.id;
        self.progress = DeliveryProgress::default();
        self.set_merged(id, 0, store)
    }

    /// `Queued → Rejected`: drops the delivery wherever it waits, with the other parts of its message. A name without
    /// its text says nothing, and a text without its name would seem to be the bridge's.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(in crate::bridge) fn drop_waiting(
        &mut self,
        id: DeliveryId,
        reason: &str,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<DropOutcome, StoreError> {
        let begun = self.begun_count();
        let is_begun = |id| self.loaded.iter().take(begun).any(|begun| begun.id == id);
        if is_begun(id) {
            return Ok(DropOutcome::Begun);
        }
        let mut parts = store.open_parts(self.to, id)?;
        parts.retain(|part| !is_begun(part.id));
        if !parts.iter().any(|part| part.id == id) {
            return Ok(DropOutcome::NotWaiting);
        }
        self.forget_begin(store)?;
        for part in &parts {
            store.reject_delivery(part.id, reason, now)?;
            self.loaded.retain(|loaded| loaded.id != part.id);
        }
        Ok(DropOutcome::Dropped(parts))
    }
}
