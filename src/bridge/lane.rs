use std::collections::VecDeque;

use jiff::Timestamp;

use crate::domain::{Delivery, PlaceId, State, Ticket};
use crate::store::{Store, StoreError};

/// How many deliveries a lane keeps in memory; those behind them wait in the store.
const AHEAD: u32 = 32;

/// The deliveries to one place, in the order they were heard. One is under way at a time, so none
/// overtakes another, and at most one is ever in doubt: the first.
#[derive(Debug)]
pub(super) struct Lane {
    to: PlaceId,
    open: bool,
    queue: VecDeque<Delivery>,
    /// The last delivery that was in `queue`: what comes next is behind it.
    last: Ticket,
    /// The store holds more than `queue`.
    more: bool,
}

impl Lane {
    /// The lane to `to`, as the last run left it. What was being sent when that ended is in doubt.
    pub(super) fn recover(to: PlaceId, store: &mut Store) -> Result<Self, StoreError> {
        let mut lane =
            Self { to, open: false, queue: VecDeque::new(), last: Ticket(0), more: true };
        lane.refill(store)?;
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

    /// Takes in a delivery that the store has just taken in.
    pub(super) fn push(&mut self, delivery: Delivery) {
        if self.more || self.queue.len() >= AHEAD as usize {
            self.more = true;
        } else {
            self.last = delivery.ticket;
            self.queue.push_back(delivery);
        }
    }

    /// The delivery that was handed to the far end and has not been answered.
    pub(super) fn under_way(&self) -> Option<&Delivery> {
        self.queue.front().filter(|head| matches!(head.state, State::Sending | State::Doubtful))
    }

    /// The delivery that may have arrived or not.
    pub(super) fn in_doubt(&self) -> Option<&Delivery> {
        self.queue.front().filter(|head| head.state == State::Doubtful)
    }

    /// `Queued → Sending`: begins the next delivery, if one may begin.
    pub(super) fn begin(&mut self, store: &mut Store) -> Result<Option<&Delivery>, StoreError> {
        if !self.open {
            return Ok(None);
        }
        if self.queue.is_empty() {
            self.refill(store)?;
        }
        let Some(head) = self.queue.front_mut().filter(|head| head.state == State::Queued) else {
            return Ok(None);
        };
        head.state = State::Sending;
        store.begin(head.ticket)?;
        Ok(Some(head))
    }

    /// `Sending → Doubtful`: nobody will answer any more.
    pub(super) fn doubt(&mut self, store: &mut Store) -> Result<(), StoreError> {
        self.step(State::Sending, State::Doubtful, store)
    }

    /// `Doubtful → Queued`: it has not arrived, or it may arrive twice.
    pub(super) fn again(&mut self, store: &mut Store) -> Result<(), StoreError> {
        self.step(State::Doubtful, State::Queued, store)
    }

    /// `Sending | Doubtful → Delivered`. Says whether it was `ticket`'s turn.
    pub(super) fn settle(
        &mut self,
        ticket: Ticket,
        native: Option<&str>,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<bool, StoreError> {
        let turn = self.take(ticket);
        if turn {
            store.delivered(ticket, native, now)?;
        }
        Ok(turn)
    }

    /// `Sending | Doubtful → Refused`. Says whether it was `ticket`'s turn.
    pub(super) fn refuse(
        &mut self,
        ticket: Ticket,
        why: &str,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<bool, StoreError> {
        let turn = self.take(ticket);
        if turn {
            store.refused(ticket, why, now)?;
        }
        Ok(turn)
    }

    /// An answer may come late, after the delivery was settled otherwise: then it is not its turn.
    fn take(&mut self, ticket: Ticket) -> bool {
        let turn = self.under_way().is_some_and(|head| head.ticket == ticket);
        if turn {
            self.queue.pop_front();
        }
        turn
    }

    fn step(&mut self, from: State, to: State, store: &mut Store) -> Result<(), StoreError> {
        if let Some(head) = self.queue.front_mut().filter(|head| head.state == from) {
            head.state = to;
            store.mark(head.ticket, to)?;
        }
        Ok(())
    }

    fn refill(&mut self, store: &Store) -> Result<(), StoreError> {
        if self.more {
            let found = store.open_deliveries(self.to, self.last, AHEAD)?;
            self.more = found.len() == AHEAD as usize;
            self.last = found.last().map_or(self.last, |delivery| delivery.ticket);
            self.queue.extend(found);
        }
        Ok(())
    }
}
