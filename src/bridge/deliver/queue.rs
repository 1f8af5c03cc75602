use std::collections::VecDeque;

use jiff::Timestamp;

use crate::domain::{Delivery, DeliveryId, DeliveryState, EndpointId, RenderedMessage, Sender};
use crate::store::{Store, StoreError};

/// How many deliveries a lane keeps in memory; those behind them wait in the store.
const MAX_LOADED: u32 = 32;

/// The deliveries to one place, in the order they were heard. One is under way at a time, so none
/// overtakes another, and at most one is ever in doubt: the first.
#[derive(Debug)]
pub(in crate::bridge) struct DeliveryQueue {
    to: EndpointId,
    open: bool,
    loaded: VecDeque<Delivery>,
    /// The last delivery that was in `queue`: what comes next is behind it.
    last_loaded: DeliveryId,
    /// The store holds more than `queue`.
    has_more_stored: bool,
    /// How many deliveries behind the first are said together with it, once it has begun: whatever
    /// becomes of that becomes of them.
    merged: usize,
    /// How far the first delivery has come.
    progress: DeliveryProgress,
    /// The far end wants the first delivery later.
    deferred: bool,
}

/// How far a delivery of several lines has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct DeliveryProgress {
    /// How many bytes of its body have arrived.
    acked: usize,
    /// How many had when it was last begun.
    acked_at_start: usize,
    /// The next of its lines may be there already, and is marked as said again.
    resend: bool,
    /// What was begun last begins with such a mark.
    resend_marked: bool,
    /// Something of it is on its way.
    sent: bool,
}

/// A delivery that begins.
#[derive(Debug)]
pub(in crate::bridge) struct StartedDelivery {
    pub(in crate::bridge) id: DeliveryId,
    /// What is left to say of it.
    pub(in crate::bridge) rendered: RenderedMessage,
    /// The beginning of that may be there already.
    pub(in crate::bridge) is_resend: bool,
    /// How much had arrived before.
    pub(in crate::bridge) acked_before: usize,
    /// By whom.
    pub(in crate::bridge) sender: Sender,
}

impl DeliveryQueue {
    /// The lane to `to`, to whom nothing is to be said.
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
        }
    }

    /// The lane to `to`, as the last run left it. What was being sent when that ended is in doubt.
    pub(in crate::bridge) fn recover(
        to: EndpointId,
        store: &mut Store,
    ) -> Result<Self, StoreError> {
        let mut lane = Self { has_more_stored: true, ..Self::new(to) };
        lane.refill(store)?;
        if let Some(head) = lane.loaded.front() {
            lane.progress.acked = store.progress(head.id)?;
            lane.progress.resend = store.is_resent(head.id)?;
            lane.merged = store.merged_count(to, head.id)?.min(lane.loaded.len() - 1);
        }
        lane.mark_in_doubt(store)?;
        Ok(lane)
    }

    /// The far end can be spoken to. Says whether it could not before.
    pub(in crate::bridge) fn open(&mut self) -> bool {
        !std::mem::replace(&mut self.open, true)
    }

    /// The far end cannot be spoken to. Says whether it could before.
    pub(in crate::bridge) fn close(&mut self) -> bool {
        std::mem::replace(&mut self.open, false)
    }

    /// Whether what is under way was handed to a puppet.
    pub(in crate::bridge) fn is_sent_by_puppet(&self) -> bool {
        self.in_flight().is_some_and(|head| matches!(head.sender, Sender::Puppet(_)))
    }

    /// Takes in a delivery that the store has just taken in.
    pub(in crate::bridge) fn push(&mut self, delivery: Delivery) {
        if self.has_more_stored || self.loaded.len() >= MAX_LOADED as usize {
            self.has_more_stored = true;
        } else {
            self.last_loaded = delivery.id;
            self.loaded.push_back(delivery);
        }
    }

    /// The delivery that was handed to the far end and has not been answered.
    pub(in crate::bridge) fn in_flight(&self) -> Option<&Delivery> {
        self.loaded
            .front()
            .filter(|head| matches!(head.state, DeliveryState::InFlight | DeliveryState::InDoubt))
    }

    /// The delivery that may have arrived or not.
    pub(in crate::bridge) fn in_doubt(&self) -> Option<&Delivery> {
        self.loaded.front().filter(|head| head.state == DeliveryState::InDoubt)
    }

    /// Whether the far end can be spoken to.
    pub(in crate::bridge) fn is_open(&self) -> bool {
        self.open
    }

    /// Whether `ticket` is under way to a far end that can no longer be spoken to.
    pub(in crate::bridge) fn is_in_flight_while_closed(&self, ticket: DeliveryId) -> bool {
        !self.open && self.is_in_flight(ticket)
    }

    /// Whether the first delivery may begin.
    pub(in crate::bridge) fn check_ready(&mut self, store: &Store) -> Result<bool, StoreError> {
        if !self.open || self.deferred {
            return Ok(false);
        }
        // Who is alone may only seem so.
        if self.loaded.len() < 2 {
            self.refill(store)?;
        }
        Ok(self.head().is_some_and(|first| first.state == DeliveryState::Queued))
    }

    /// The delivery whose turn it is.
    pub(in crate::bridge) fn head(&self) -> Option<&Delivery> {
        self.loaded.front()
    }

    /// The deliveries behind the first, as far as they may be said together with it.
    pub(in crate::bridge) fn followers(&self) -> impl Iterator<Item = &Delivery> {
        self.loaded.iter().take(MAX_LOADED as usize).skip(1)
    }

    /// `Queued → Sending`: begins the first delivery, said by `voice` as `speech`, together with
    /// so many of those behind it. Gives it with what is left to say.
    pub(in crate::bridge) fn start(
        &mut self,
        (voice, mut speech): (Sender, RenderedMessage),
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
            // How much of it has arrived is counted in what was said then.
            speech.body = before.body;
        }
        store.start_delivery(head, (&voice, &speech), now)?;
        let first = head.id;
        head.state = DeliveryState::InFlight;
        head.started_at = Some(now);
        head.sender = voice.clone();
        self.progress.acked_at_start = self.progress.acked;
        self.progress.resend_marked = self.progress.resend;
        self.progress.sent = false;
        let (ticket, repeated) = (first, self.progress.resend);
        self.set_merged(first, joined, store)?;
        let rest = self.remaining(&speech.body).to_owned();
        let base = speech.body.len() - rest.len();
        let rest = RenderedMessage { body: rest, ..speech.clone() };
        let begun = StartedDelivery {
            id: ticket,
            rendered: rest,
            is_resend: repeated,
            acked_before: base,
            sender: voice,
        };
        if let Some(head) = self.loaded.front_mut() {
            head.rendered = Some(speech);
        }
        Ok(Some(begun))
    }

    /// So many deliveries behind `first` are said together with it, and no others.
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

    /// `Sending → Doubtful`: nobody will answer any more.
    pub(in crate::bridge) fn mark_in_doubt(&mut self, store: &mut Store) -> Result<(), StoreError> {
        self.transition(DeliveryState::InFlight, DeliveryState::InDoubt, store)
    }

    /// `Doubtful → Queued`: it has not arrived.
    pub(in crate::bridge) fn retry(&mut self, store: &mut Store) -> Result<(), StoreError> {
        self.requeue(DeliveryState::InDoubt, store)
    }

    /// `Doubtful → Queued`: it may arrive twice, and says so.
    pub(in crate::bridge) fn retry_marked(&mut self, store: &mut Store) -> Result<(), StoreError> {
        if let Some(ticket) = self.in_doubt().map(|delivery| delivery.id) {
            self.progress.resend = true;
            store.set_resent(ticket, true)?;
        }
        self.retry(store)
    }

    /// `Sending → Doubtful`, or `Sending → Queued` where nothing of it was on its way: the far end
    /// is gone.
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

    /// Something of `ticket` is on its way.
    pub(in crate::bridge) fn mark_sent(&mut self, ticket: DeliveryId) {
        self.progress.sent |= self.is_in_flight(ticket);
    }

    /// `end` bytes of what was handed over last have arrived, of which `mark` are no part of the
    /// body; the rest follows.
    pub(in crate::bridge) fn ack_partial(
        &mut self,
        ticket: DeliveryId,
        end: usize,
        mark: usize,
        store: &mut Store,
    ) -> Result<(), StoreError> {
        if !self.is_in_flight(ticket) {
            return Ok(());
        }
        let mark = if self.progress.resend_marked { mark } else { 0 };
        self.progress.sent = false;
        if std::mem::take(&mut self.progress.resend) {
            store.set_resent(ticket, false)?;
        }
        self.set_progress(self.progress.acked_at_start + end.saturating_sub(mark), store)
    }

    /// So many bytes of the first delivery's body have arrived.
    pub(in crate::bridge) fn set_progress(
        &mut self,
        said: usize,
        store: &mut Store,
    ) -> Result<(), StoreError> {
        let Some(head) = self.loaded.front() else { return Ok(()) };
        self.progress.acked = said;
        store.set_progress(head.id, said)
    }

    /// What was begun carries its mark in the words before each line, and not in what is said.
    pub(in crate::bridge) fn set_mark_in_prefix(&mut self) {
        self.progress.resend_marked = false;
    }

    /// What is left to say of `body`.
    pub(in crate::bridge) fn remaining<'a>(&self, body: &'a str) -> &'a str {
        body.get(self.progress.acked..).unwrap_or(body)
    }

    /// `Sending → Queued`: the far end wants `ticket` later. Says whether it was its turn.
    pub(in crate::bridge) fn defer(
        &mut self,
        ticket: DeliveryId,
        store: &mut Store,
    ) -> Result<bool, StoreError> {
        let turn = self.is_in_flight(ticket);
        if turn {
            self.deferred = true;
            self.requeue(DeliveryState::InFlight, store)?;
        }
        Ok(turn)
    }

    /// `Sending → Queued`: nothing of what is left of `ticket` has arrived. Gives it, if it was its
    /// turn.
    pub(in crate::bridge) fn cancel(
        &mut self,
        ticket: DeliveryId,
        store: &mut Store,
    ) -> Result<Option<&Delivery>, StoreError> {
        if !self.is_in_flight(ticket) {
            return Ok(None);
        }
        self.requeue(DeliveryState::InFlight, store)?;
        Ok(self.loaded.front())
    }

    /// What was put off may be tried again.
    pub(in crate::bridge) fn resume(&mut self) {
        self.deferred = false;
    }

    /// `Sending | Doubtful → Delivered`, with all that was said together with it. Gives all of those, if
    /// it was `ticket`'s turn.
    pub(in crate::bridge) fn ack(
        &mut self,
        ticket: DeliveryId,
        native: Option<&str>,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Vec<Delivery>, StoreError> {
        let settled = self.take_head(ticket);
        for delivery in &settled {
            // One id is for one delivery; the others are known by which they were said with.
            let native = native.filter(|_| delivery.id == ticket);
            store.ack_delivery(delivery.id, native, now)?;
        }
        Ok(settled)
    }

    /// `Sending | Doubtful → Refused`, with all that was said together with it. Gives all of those, if
    /// it was `ticket`'s turn.
    pub(in crate::bridge) fn reject(
        &mut self,
        ticket: DeliveryId,
        why: &str,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Vec<Delivery>, StoreError> {
        let refused = self.take_head(ticket);
        for delivery in &refused {
            store.reject_delivery(delivery.id, why, now)?;
        }
        Ok(refused)
    }

    /// `Queued | Doubtful → Refused`: the first delivery will never be said, whatever has become of it.
    /// Gives it; not one that is still to be answered.
    pub(in crate::bridge) fn drop_head(
        &mut self,
        why: &str,
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
        self.progress = DeliveryProgress::default();
        store.reject_delivery(delivery.id, why, now)?;
        Ok(Some(delivery))
    }

    /// An answer may come late, after the delivery was settled otherwise: then it is not its turn.
    fn take_head(&mut self, ticket: DeliveryId) -> Vec<Delivery> {
        if !self.is_in_flight(ticket) {
            return Vec::new();
        }
        self.progress = DeliveryProgress::default();
        let joined = std::mem::take(&mut self.merged);
        self.loaded.drain(..=joined).collect()
    }

    fn is_in_flight(&self, ticket: DeliveryId) -> bool {
        self.in_flight().is_some_and(|head| head.id == ticket)
    }

    /// `from → Queued`. The store keeps what may be there already in doubt: another run must not say
    /// it as if for the first time.
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

    fn refill(&mut self, store: &Store) -> Result<(), StoreError> {
        if self.has_more_stored {
            let found = store.open_deliveries(self.to, self.last_loaded, MAX_LOADED)?;
            self.has_more_stored = found.len() == MAX_LOADED as usize;
            self.last_loaded = found.last().map_or(self.last_loaded, |delivery| delivery.id);
            self.loaded.extend(found);
        }
        Ok(())
    }
}
