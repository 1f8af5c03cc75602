//! The queue of deliveries to one endpoint.

mod hold;
mod settle;

pub(in crate::bridge) use hold::DropOutcome;

use std::collections::{HashSet, VecDeque};

use jiff::Timestamp;

use crate::domain::{Delivery, DeliveryId, DeliveryState, EndpointId, RenderedMessage, Sender};
use crate::store::{Store, StoreError, WaitingFilter};

/// How many deliveries a queue holds in memory; the rest stays in the store.
const MAX_LOADED: u32 = 32;

/// The deliveries to one endpoint, in the order received. One is in flight at a time, so none overtakes
/// another, and only the first can be in doubt.
#[derive(Debug)]
pub(in crate::bridge) struct DeliveryQueue {
    to: EndpointId,
    open: bool,
    loaded: VecDeque<Delivery>,
    /// The last delivery loaded; the next one comes after it.
    last_loaded: DeliveryId,
    /// The store has more deliveries.
    has_more_stored: bool,
    /// How many deliveries are merged into the first, once started; they share its outcome.
    merged: usize,
    /// The progress of the first delivery.
    progress: DeliveryProgress,
    /// The remote side has deferred the first delivery.
    deferred: bool,
    /// The sources whose deliveries wait in the store, because an administrator has paused a link on their path.
    held: HashSet<EndpointId>,
}

/// The progress of a delivery of several lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct DeliveryProgress {
    /// How many bytes of the body have arrived.
    acked: usize,
    /// How many had arrived when it was last started.
    acked_at_start: usize,
    /// The next line may have arrived already, and is to be marked as resent.
    resend: bool,
    /// What was last started begins with that mark.
    resend_marked: bool,
    /// Something of it has been sent.
    sent: bool,
}

/// A delivery being started.
#[derive(Debug)]
pub(in crate::bridge) struct StartedDelivery {
    pub(in crate::bridge) id: DeliveryId,
    /// The rest to be sent.
    pub(in crate::bridge) rendered: RenderedMessage,
    /// The start of it may have arrived already.
    pub(in crate::bridge) is_resend: bool,
    /// How much had arrived before.
    pub(in crate::bridge) acked_before: usize,
    /// Its sender.
    pub(in crate::bridge) sender: Sender,
}

impl DeliveryQueue {
    /// An empty queue for `to`.
    pub(in crate::bridge) fn new(to: EndpointId) -> Self {
        Self {
            to,
            open: false,
            loaded: VecDeque::new(),
            last_loaded: DeliveryId(0),
            has_more_stored: false,
            merged: 0,
            progress: DeliveryProgress::default(),
            deferred: false,
            held: HashSet::new(),
        }
    }

    /// The queue for `to` as the last run left it. A delivery then in flight is in doubt.
    pub(in crate::bridge) fn recover(
        to: EndpointId,
        store: &mut Store,
    ) -> Result<Self, StoreError> {
        let mut queue = Self { has_more_stored: true, ..Self::new(to) };
        let begun = store.begun_deliveries(to)?;
        if let Some(head) = begun.first() {
            queue.progress.acked = store.progress(head.id)?;
            queue.progress.resend = store.is_resent(head.id)?;
            queue.merged = begun.len() - 1;
        }
        store.unmerge_others(to, begun.first().map(|head| head.id))?;
        queue.loaded.extend(begun);
        queue.refill(store)?;
        queue.mark_in_doubt(store)?;
        Ok(queue)
    }

    /// The endpoint is available. Returns whether it was not before.
    pub(in crate::bridge) fn open(&mut self) -> bool {
        !std::mem::replace(&mut self.open, true)
    }

    /// The endpoint is unavailable. Returns whether it was available before.
    pub(in crate::bridge) fn close(&mut self) -> bool {
        std::mem::replace(&mut self.open, false)
    }

    /// Whether the delivery in flight was sent by a puppet.
    pub(in crate::bridge) fn is_sent_by_puppet(&self) -> bool {
        self.in_flight().is_some_and(|head| matches!(head.sender, Sender::Puppet(_)))
    }

    /// Whether the delivery in flight was sent by an account of Let's Chat. Its answer does not come by the
    /// connection of the bot.
    pub(in crate::bridge) fn is_sent_by_account(&self) -> bool {
        let head = self.in_flight().filter(|head| head.state == DeliveryState::InFlight);
        head.is_some_and(|head| matches!(head.sender, Sender::Account(_)))
    }

    /// Appends a delivery that was just stored.
    pub(in crate::bridge) fn push(&mut self, delivery: Delivery) {
        if self.is_held(delivery.message.source) {
            return;
        }
        if self.has_more_stored || self.loaded.len() >= MAX_LOADED as usize {
            self.has_more_stored = true;
        } else {
            self.last_loaded = delivery.id;
            self.loaded.push_back(delivery);
        }
    }

    /// The delivery that was sent and not answered.
    pub(in crate::bridge) fn in_flight(&self) -> Option<&Delivery> {
        self.loaded
            .front()
            .filter(|head| matches!(head.state, DeliveryState::InFlight | DeliveryState::InDoubt))
    }

    /// The delivery in doubt.
    pub(in crate::bridge) fn in_doubt(&self) -> Option<&Delivery> {
        self.loaded.front().filter(|head| head.state == DeliveryState::InDoubt)
    }

    /// Whether the endpoint is available.
    pub(in crate::bridge) fn is_open(&self) -> bool {
        self.open
    }

    /// Whether the delivery is in flight to an endpoint that is no longer available.
    pub(in crate::bridge) fn is_in_flight_while_closed(&self, delivery: DeliveryId) -> bool {
        !self.open && self.is_in_flight(delivery)
    }

    /// Whether the first delivery can start.
    pub(in crate::bridge) fn check_ready(&mut self, store: &mut Store) -> Result<bool, StoreError> {
        if !self.open || self.deferred {
            return Ok(false);
        }
        self.set_held_aside(store)?;
        // There may be more in the store.
        if self.loaded.len() < 2 {
            self.refill(store)?;
        }
        Ok(self.head().is_some_and(|first| first.state == DeliveryState::Queued))
    }

    /// Looks for deliveries, loaded, stored or held back. Returns whether there are none.
    pub(in crate::bridge) fn check_empty(&mut self, store: &Store) -> Result<bool, StoreError> {
        if self.loaded.is_empty() {
            self.refill(store)?;
        }
        if self.has_held() && self.loaded.is_empty() {
            return Ok(store.open_deliveries(self.to, DeliveryId(0), 1)?.is_empty());
        }
        Ok(self.loaded.is_empty())
    }

    /// The next delivery.
    pub(in crate::bridge) fn head(&self) -> Option<&Delivery> {
        self.loaded.front()
    }

    /// The deliveries after the first, as candidates for merging.
    pub(in crate::bridge) fn followers(&self) -> impl Iterator<Item = &Delivery> {
        self.loaded.iter().take(MAX_LOADED as usize).skip(1)
    }

    /// `Queued → InFlight`: starts the first delivery as `rendered` by `sender`, with this many followers
    /// merged. Returns it with the rest to be sent.
    pub(in crate::bridge) fn start(
        &mut self,
        (sender, mut rendered): (Sender, RenderedMessage),
        joined: usize,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Option<StartedDelivery>, StoreError> {
        let Some(head) = self.loaded.front_mut().filter(|head| head.state == DeliveryState::Queued)
        else {
            return Ok(None);
        };
        if self.progress.acked > 0
            && let Some(before) = head.rendered.take()
        {
            // Progress is counted in bytes of the earlier rendering.
            rendered.body = before.body;
        }
        store.start_delivery(head, (&sender, &rendered), now)?;
        let first = head.id;
        head.state = DeliveryState::InFlight;
        head.started_at = Some(now);
        head.sender = sender.clone();
        self.progress.acked_at_start = self.progress.acked;
        self.progress.resend_marked = self.progress.resend;
        self.progress.sent = false;
        let (delivery, resend) = (first, self.progress.resend);
        self.set_merged(first, joined, store)?;
        let rest = self.remaining(&rendered.body).to_owned();
        let base = rendered.body.len() - rest.len();
        let rest = RenderedMessage { body: rest, ..rendered.clone() };
        let started = StartedDelivery {
            id: delivery,
            rendered: rest,
            is_resend: resend,
            acked_before: base,
            sender,
        };
        if let Some(head) = self.loaded.front_mut() {
            head.rendered = Some(rendered);
        }
        Ok(Some(started))
    }

    /// Merges exactly this many followers into `first`.
    fn set_merged(
        &mut self,
        first: DeliveryId,
        joined: usize,
        store: &mut Store,
    ) -> Result<(), StoreError> {
        if joined > 0 || self.merged > 0 {
            let others = self.followers().take(joined).map(|delivery| delivery.id).collect();
            store.merge_deliveries(first, others)?;
        }
        self.merged = joined;
        Ok(())
    }

    /// `InFlight → InDoubt`: there will be no answer.
    pub(in crate::bridge) fn mark_in_doubt(&mut self, store: &mut Store) -> Result<(), StoreError> {
        self.transition(DeliveryState::InFlight, DeliveryState::InDoubt, store)
    }

    /// `InDoubt → Queued`: it has not arrived.
    pub(in crate::bridge) fn retry(&mut self, store: &mut Store) -> Result<(), StoreError> {
        self.requeue(DeliveryState::InDoubt, store)
    }

    /// `InDoubt → Queued`: it may arrive twice, and is marked as resent.
    pub(in crate::bridge) fn retry_marked(&mut self, store: &mut Store) -> Result<(), StoreError> {
        if let Some(id) = self.in_doubt().map(|delivery| delivery.id) {
            self.progress.resend = true;
            store.set_resent(id, true)?;
        }
        self.retry(store)
    }

    /// `InFlight → InDoubt`, or `InFlight → Queued` if nothing was sent: the connection was lost.
    pub(in crate::bridge) fn connection_lost(
        &mut self,
        store: &mut Store,
    ) -> Result<(), StoreError> {
        self.deferred = false;
        if self.progress.sent {
            return self.mark_in_doubt(store);
        }
        self.requeue(DeliveryState::InFlight, store)
    }

    /// Something of the delivery has been sent.
    pub(in crate::bridge) fn mark_sent(&mut self, delivery: DeliveryId) {
        self.progress.sent |= self.is_in_flight(delivery);
    }

    /// `end` bytes of what was last started have arrived, including `mark_len` bytes that are not part of the
    /// body; the rest follows.
    pub(in crate::bridge) fn ack_partial(
        &mut self,
        delivery: DeliveryId,
        end: usize,
        mark_len: usize,
        store: &mut Store,
    ) -> Result<(), StoreError> {
        if !self.is_in_flight(delivery) {
            return Ok(());
        }
        let mark_len = if self.progress.resend_marked { mark_len } else { 0 };
        self.progress.sent = false;
        if std::mem::take(&mut self.progress.resend) {
            store.set_resent(delivery, false)?;
        }
        self.set_progress(self.progress.acked_at_start + end.saturating_sub(mark_len), store)
    }

    /// This many bytes of the first delivery's body have arrived.
    pub(in crate::bridge) fn set_progress(
        &mut self,
        said: usize,
        store: &mut Store,
    ) -> Result<(), StoreError> {
        let Some(head) = self.loaded.front() else { return Ok(()) };
        self.progress.acked = said;
        store.set_progress((head.id, head.to), said)
    }

    /// The mark is in the prefix of each line, not in the body.
    pub(in crate::bridge) fn set_mark_in_prefix(&mut self) {
        self.progress.resend_marked = false;
    }

    /// The part of `body` still to be sent.
    pub(in crate::bridge) fn remaining<'a>(&self, body: &'a str) -> &'a str {
        body.get(self.progress.acked..).unwrap_or(body)
    }

    fn is_in_flight(&self, delivery: DeliveryId) -> bool {
        self.in_flight().is_some_and(|head| head.id == delivery)
    }

    /// `from → Queued`. In the store, it stays in doubt if it may have arrived: another run must not send it
    /// unmarked.
    fn requeue(&mut self, from: DeliveryState, store: &mut Store) -> Result<(), StoreError> {
        let kept =
            if self.progress.resend { DeliveryState::InDoubt } else { DeliveryState::Queued };
        if let Some(head) = self.loaded.front_mut().filter(|head| head.state == from) {
            head.state = DeliveryState::Queued;
            store.set_delivery_state(head.id, kept)?;
        }
        Ok(())
    }

    fn transition(
        &mut self,
        from: DeliveryState,
        to: DeliveryState,
        store: &mut Store,
    ) -> Result<(), StoreError> {
        if let Some(head) = self.loaded.front_mut().filter(|head| head.state == from) {
            head.state = to;
            store.set_delivery_state(head.id, to)?;
        }
        Ok(())
    }

    /// The next deliveries in the store that are not held back.
    fn find_more(&self, store: &Store) -> Result<Vec<Delivery>, StoreError> {
        if self.held.is_empty() {
            return store.open_deliveries(self.to, self.last_loaded, MAX_LOADED);
        }
        let sources: Vec<EndpointId> = self.held.iter().copied().collect();
        let (to, after) = (self.to, self.last_loaded);
        let filter = WaitingFilter { to, sources: &sources, is_exclusion: true, after };
        store.waiting_deliveries(filter, MAX_LOADED as usize)
    }

    fn refill(&mut self, store: &Store) -> Result<(), StoreError> {
        while self.has_more_stored {
            let found = self.find_more(store)?;
            self.has_more_stored = found.len() == MAX_LOADED as usize;
            self.last_loaded = found.last().map_or(self.last_loaded, |delivery| delivery.id);
            for delivery in found {
                // The first ones may have been begun before older ones came back.
                let is_loaded = self.loaded.iter().any(|loaded| loaded.id == delivery.id);
                if !is_loaded {
                    self.loaded.push_back(delivery);
                }
            }
            if self.loaded.len() >= 2 {
                break;
            }
        }
        Ok(())
    }
}
