use std::collections::VecDeque;

use jiff::Timestamp;

use crate::domain::{Delivery, DeliveryId, DeliveryState, EndpointId, RenderedMessage, Sender};
use crate::store::{Store, StoreError};

/// How many deliveries a lane keeps in memory; those behind them wait in the store.
const AHEAD: u32 = 32;

/// The deliveries to one place, in the order they were heard. One is under way at a time, so none
/// overtakes another, and at most one is ever in doubt: the first.
#[derive(Debug)]
pub(super) struct Lane {
    to: EndpointId,
    open: bool,
    queue: VecDeque<Delivery>,
    /// The last delivery that was in `queue`: what comes next is behind it.
    last: DeliveryId,
    /// The store holds more than `queue`.
    more: bool,
    /// How many deliveries behind the first are said together with it, once it has begun: whatever
    /// becomes of that becomes of them.
    joined: usize,
    /// How far the first delivery has come.
    progress: Progress,
    /// The far end wants the first delivery later.
    held: bool,
}

/// How far a delivery of several lines has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Progress {
    /// How many bytes of its body have arrived.
    said: usize,
    /// How many had when it was last begun.
    base: usize,
    /// The next of its lines may be there already, and is marked as said again.
    repeated: bool,
    /// What was begun last begins with such a mark.
    marked: bool,
    /// Something of it is on its way.
    speaking: bool,
}

/// A delivery that begins.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) ticket: DeliveryId,
    /// What is left to say of it.
    pub(super) speech: RenderedMessage,
    /// The beginning of that may be there already.
    pub(super) repeated: bool,
    /// How much had arrived before.
    pub(super) base: usize,
    /// By whom.
    pub(super) voice: Sender,
}

impl Lane {
    /// The lane to `to`, to whom nothing is to be said.
    pub(super) fn empty(to: EndpointId) -> Self {
        Self {
            to,
            open: false,
            queue: VecDeque::new(),
            last: DeliveryId(0),
            more: false,
            joined: 0,
            progress: Progress::default(),
            held: false,
        }
    }

    /// The lane to `to`, as the last run left it. What was being sent when that ended is in doubt.
    pub(super) fn recover(to: EndpointId, store: &mut Store) -> Result<Self, StoreError> {
        let mut lane = Self { more: true, ..Self::empty(to) };
        lane.refill(store)?;
        if let Some(head) = lane.queue.front() {
            lane.progress.said = store.progress(head.id)?;
            lane.progress.repeated = store.is_resent(head.id)?;
            lane.joined = store.merged_count(to, head.id)?.min(lane.queue.len() - 1);
        }
        lane.doubt(store)?;
        Ok(lane)
    }

    /// The far end can be spoken to. Says whether it could not before.
    pub(super) fn open(&mut self) -> bool {
        !std::mem::replace(&mut self.open, true)
    }

    /// The far end cannot be spoken to. Says whether it could before.
    pub(super) fn close(&mut self) -> bool {
        std::mem::replace(&mut self.open, false)
    }

    /// Whether what is under way was handed to a puppet.
    pub(super) fn is_with_puppet(&self) -> bool {
        self.under_way().is_some_and(|head| matches!(head.sender, Sender::Puppet(_)))
    }

    /// Takes in a delivery that the store has just taken in.
    pub(super) fn push(&mut self, delivery: Delivery) {
        if self.more || self.queue.len() >= AHEAD as usize {
            self.more = true;
        } else {
            self.last = delivery.id;
            self.queue.push_back(delivery);
        }
    }

    /// The delivery that was handed to the far end and has not been answered.
    pub(super) fn under_way(&self) -> Option<&Delivery> {
        self.queue
            .front()
            .filter(|head| matches!(head.state, DeliveryState::InFlight | DeliveryState::InDoubt))
    }

    /// The delivery that may have arrived or not.
    pub(super) fn in_doubt(&self) -> Option<&Delivery> {
        self.queue.front().filter(|head| head.state == DeliveryState::InDoubt)
    }

    /// Whether the far end can be spoken to.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Whether `ticket` is under way to a far end that can no longer be spoken to.
    pub(super) fn is_shut_upon(&self, ticket: DeliveryId) -> bool {
        !self.open && self.is_under_way(ticket)
    }

    /// Whether the first delivery may begin.
    pub(super) fn ready(&mut self, store: &Store) -> Result<bool, StoreError> {
        if !self.open || self.held {
            return Ok(false);
        }
        // Who is alone may only seem so.
        if self.queue.len() < 2 {
            self.refill(store)?;
        }
        Ok(self.first().is_some_and(|first| first.state == DeliveryState::Queued))
    }

    /// The delivery whose turn it is.
    pub(super) fn first(&self) -> Option<&Delivery> {
        self.queue.front()
    }

    /// The deliveries behind the first, as far as they may be said together with it.
    pub(super) fn behind(&self) -> impl Iterator<Item = &Delivery> {
        self.queue.iter().take(AHEAD as usize).skip(1)
    }

    /// `Queued → Sending`: begins the first delivery, said by `voice` as `speech`, together with
    /// so many of those behind it. Gives it with what is left to say.
    pub(super) fn begin(
        &mut self,
        (voice, mut speech): (Sender, RenderedMessage),
        joined: usize,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Option<Begun>, StoreError> {
        let Some(head) = self.queue.front_mut().filter(|head| head.state == DeliveryState::Queued)
        else {
            return Ok(None);
        };
        if self.progress.said > 0
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
        self.progress.base = self.progress.said;
        self.progress.marked = self.progress.repeated;
        self.progress.speaking = false;
        let (ticket, repeated) = (first, self.progress.repeated);
        self.join(first, joined, store)?;
        let rest = self.rest(&speech.body).to_owned();
        let base = speech.body.len() - rest.len();
        let rest = RenderedMessage { body: rest, ..speech.clone() };
        let begun = Begun { ticket, speech: rest, repeated, base, voice };
        if let Some(head) = self.queue.front_mut() {
            head.rendered = Some(speech);
        }
        Ok(Some(begun))
    }

    /// So many deliveries behind `first` are said together with it, and no others.
    fn join(
        &mut self,
        first: DeliveryId,
        joined: usize,
        store: &mut Store,
    ) -> Result<(), StoreError> {
        if joined > 0 || self.joined > 0 {
            let others = self.behind().take(joined).map(|delivery| delivery.id).collect();
            store.merge_deliveries(first, others)?;
        }
        self.joined = joined;
        Ok(())
    }

    /// `Sending → Doubtful`: nobody will answer any more.
    pub(super) fn doubt(&mut self, store: &mut Store) -> Result<(), StoreError> {
        self.step(DeliveryState::InFlight, DeliveryState::InDoubt, store)
    }

    /// `Doubtful → Queued`: it has not arrived.
    pub(super) fn again(&mut self, store: &mut Store) -> Result<(), StoreError> {
        self.requeue(DeliveryState::InDoubt, store)
    }

    /// `Doubtful → Queued`: it may arrive twice, and says so.
    pub(super) fn repeat(&mut self, store: &mut Store) -> Result<(), StoreError> {
        if let Some(ticket) = self.in_doubt().map(|delivery| delivery.id) {
            self.progress.repeated = true;
            store.set_resent(ticket, true)?;
        }
        self.again(store)
    }

    /// `Sending → Doubtful`, or `Sending → Queued` where nothing of it was on its way: the far end
    /// is gone.
    pub(super) fn lose(&mut self, store: &mut Store) -> Result<(), StoreError> {
        self.held = false;
        if self.progress.speaking {
            return self.doubt(store);
        }
        self.requeue(DeliveryState::InFlight, store)
    }

    /// Something of `ticket` is on its way.
    pub(super) fn speak(&mut self, ticket: DeliveryId) {
        self.progress.speaking |= self.is_under_way(ticket);
    }

    /// `end` bytes of what was handed over last have arrived, of which `mark` are no part of the
    /// body; the rest follows.
    pub(super) fn partly(
        &mut self,
        ticket: DeliveryId,
        end: usize,
        mark: usize,
        store: &mut Store,
    ) -> Result<(), StoreError> {
        if !self.is_under_way(ticket) {
            return Ok(());
        }
        let mark = if self.progress.marked { mark } else { 0 };
        self.progress.speaking = false;
        if std::mem::take(&mut self.progress.repeated) {
            store.set_resent(ticket, false)?;
        }
        self.advance(self.progress.base + end.saturating_sub(mark), store)
    }

    /// So many bytes of the first delivery's body have arrived.
    pub(super) fn advance(&mut self, said: usize, store: &mut Store) -> Result<(), StoreError> {
        let Some(head) = self.queue.front() else { return Ok(()) };
        self.progress.said = said;
        store.set_progress(head.id, said)
    }

    /// What was begun carries its mark in the words before each line, and not in what is said.
    pub(super) fn marks_each_line(&mut self) {
        self.progress.marked = false;
    }

    /// What is left to say of `body`.
    pub(super) fn rest<'a>(&self, body: &'a str) -> &'a str {
        body.get(self.progress.said..).unwrap_or(body)
    }

    /// `Sending → Queued`: the far end wants `ticket` later. Says whether it was its turn.
    pub(super) fn put_off(
        &mut self,
        ticket: DeliveryId,
        store: &mut Store,
    ) -> Result<bool, StoreError> {
        let turn = self.is_under_way(ticket);
        if turn {
            self.held = true;
            self.requeue(DeliveryState::InFlight, store)?;
        }
        Ok(turn)
    }

    /// `Sending → Queued`: nothing of what is left of `ticket` has arrived. Gives it, if it was its
    /// turn.
    pub(super) fn take_back(
        &mut self,
        ticket: DeliveryId,
        store: &mut Store,
    ) -> Result<Option<&Delivery>, StoreError> {
        if !self.is_under_way(ticket) {
            return Ok(None);
        }
        self.requeue(DeliveryState::InFlight, store)?;
        Ok(self.queue.front())
    }

    /// What was put off may be tried again.
    pub(super) fn resume(&mut self) {
        self.held = false;
    }

    /// `Sending | Doubtful → Delivered`, with all that was said together with it. Gives all of those, if
    /// it was `ticket`'s turn.
    pub(super) fn settle(
        &mut self,
        ticket: DeliveryId,
        native: Option<&str>,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Vec<Delivery>, StoreError> {
        let settled = self.take(ticket);
        for delivery in &settled {
            // One id is for one delivery; the others are known by which they were said with.
            let native = native.filter(|_| delivery.id == ticket);
            store.ack_delivery(delivery.id, native, now)?;
        }
        Ok(settled)
    }

    /// `Sending | Doubtful → Refused`, with all that was said together with it. Gives all of those, if
    /// it was `ticket`'s turn.
    pub(super) fn refuse(
        &mut self,
        ticket: DeliveryId,
        why: &str,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Vec<Delivery>, StoreError> {
        let refused = self.take(ticket);
        for delivery in &refused {
            store.reject_delivery(delivery.id, why, now)?;
        }
        Ok(refused)
    }

    /// `Queued | Doubtful → Refused`: the first delivery will never be said, whatever has become of it.
    /// Gives it; not one that is still to be answered.
    pub(super) fn give_up(
        &mut self,
        why: &str,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Option<Delivery>, StoreError> {
        if self.queue.is_empty() {
            self.refill(store)?;
        }
        let Some(delivery) = self.queue.pop_front_if(|head| head.state != DeliveryState::InFlight)
        else {
            return Ok(None);
        };
        self.progress = Progress::default();
        store.reject_delivery(delivery.id, why, now)?;
        Ok(Some(delivery))
    }

    /// An answer may come late, after the delivery was settled otherwise: then it is not its turn.
    fn take(&mut self, ticket: DeliveryId) -> Vec<Delivery> {
        if !self.is_under_way(ticket) {
            return Vec::new();
        }
        self.progress = Progress::default();
        let joined = std::mem::take(&mut self.joined);
        self.queue.drain(..=joined).collect()
    }

    fn is_under_way(&self, ticket: DeliveryId) -> bool {
        self.under_way().is_some_and(|head| head.id == ticket)
    }

    /// `from → Queued`. The store keeps what may be there already in doubt: another run must not say
    /// it as if for the first time.
    fn requeue(&mut self, from: DeliveryState, store: &mut Store) -> Result<(), StoreError> {
        let kept =
            if self.progress.repeated { DeliveryState::InDoubt } else { DeliveryState::Queued };
        if let Some(head) = self.queue.front_mut().filter(|head| head.state == from) {
            head.state = DeliveryState::Queued;
            store.set_delivery_state(head.id, kept)?;
        }
        Ok(())
    }

    fn step(
        &mut self,
        from: DeliveryState,
        to: DeliveryState,
        store: &mut Store,
    ) -> Result<(), StoreError> {
        if let Some(head) = self.queue.front_mut().filter(|head| head.state == from) {
            head.state = to;
            store.set_delivery_state(head.id, to)?;
        }
        Ok(())
    }

    fn refill(&mut self, store: &Store) -> Result<(), StoreError> {
        if self.more {
            let found = store.open_deliveries(self.to, self.last, AHEAD)?;
            self.more = found.len() == AHEAD as usize;
            self.last = found.last().map_or(self.last, |delivery| delivery.id);
            self.queue.extend(found);
        }
        Ok(())
    }
}
