//! How much waits to be delivered, and who is not heard while that is too much.
//!
//! When a side is down, what the other says waits on disk; without a bound it would fill the disk and
//! then stop everything. At the bound the bridge stops hearing in those places that have filled the
//! outbox, and goes on once a quarter of it is free. A room's next page is not asked for: it is read
//! later, and nothing is lost. A channel is sat in, but what is said there is passed over: not to read
//! the socket would only have the server hang up, with all channels on it. Later the channel is caught
//! up with as after any other absence, from the server's history, or else the room learns what is
//! missing. So what loses the least is left undone first.

use std::collections::HashMap;

use super::catchup::Hearing;
use super::{Bridge, Turn};
use crate::domain::{EndpointId, Message, Network};
use crate::store::StoreError;

/// What a delivery costs beside its text.
const FRAME: u64 = 256;

/// How much waits to be delivered.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// How much may, in bytes; `None` for any amount.
    most: Option<u64>,
    total: u64,
    /// By where it was said.
    from: HashMap<EndpointId, u64>,
}

impl Waiting {
    /// Of which `most` bytes may wait, where so many messages with so many bytes of text do.
    pub(super) fn new(most: Option<u64>, found: Vec<(EndpointId, u64, u64)>) -> Self {
        let from: HashMap<EndpointId, u64> =
            found.into_iter().map(|(place, count, bytes)| (place, bytes + count * FRAME)).collect();
        Self { most, total: from.values().sum(), from }
    }

    /// A delivery of `message` waits from now on.
    pub(super) fn add(&mut self, message: &Message) {
        let weight = weight(message);
        self.total += weight;
        *self.from.entry(message.source).or_default() += weight;
    }

    /// One less does.
    pub(super) fn remove(&mut self, message: &Message) {
        let weight = weight(message);
        self.total = self.total.saturating_sub(weight);
        if let Some(from) = self.from.get_mut(&message.source) {
            *from = from.saturating_sub(weight);
            if *from == 0 {
                self.from.remove(&message.source);
            }
        }
    }

    /// Whether too much waits, and `place` has a good part in that: at least half of what each of the
    /// places has on average. So those of which a little is on its way are heard on, and all of them
    /// together cannot bring more than the bound once again.
    pub(super) fn overflows(&self, place: EndpointId) -> bool {
        let Some(from) = self.from.get(&place) else { return false };
        let places = self.from.len() as u64;
        self.most.is_some_and(|most| self.total >= most) && from * 2 * places >= self.total
    }

    /// Whether there is room again.
    pub(super) fn has_room(&self) -> bool {
        self.most.is_none_or(|most| self.total <= most - most / 4)
    }

    /// How many bytes wait.
    pub(super) fn total(&self) -> u64 {
        self.total
    }
}

fn weight(message: &Message) -> u64 {
    message.body.len() as u64 + FRAME
}

impl Bridge {
    /// Whether a line said in the channel at `place` is to be passed over, since too much waits.
    pub(super) fn is_deaf(
        &mut self,
        place: EndpointId,
        turn: &mut Turn<'_>,
    ) -> Result<bool, StoreError> {
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(false) };
        match &spot.hearing {
            Hearing::Deaf => return Ok(true),
            Hearing::Live(_) if self.waiting.overflows(place) => {
                // What is said from now on is what will have been missed.
                turn.store.touch_channel(place, turn.now)?;
            }
            Hearing::CatchingUp(_) if self.waiting.overflows(place) => {}
            _ => return Ok(false),
        }
        spot.hearing = Hearing::Deaf;
        turn.store.set_paused(place, true)?;
        let waiting = self.waiting.total();
        tracing::error!(place = %spot.place, waiting, "too much waits to be delivered: not heard until it is less");
        Ok(true)
    }

    /// Hears again those who were not heard, once there is room.
    pub(super) fn hear_on(&mut self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        if !self.waiting.has_room() {
            return Ok(());
        }
        let mut deaf: Vec<(EndpointId, Network)> = Vec::new();
        for (place, spot) in &self.spots {
            if let (Hearing::Deaf, Some(network)) = (&spot.hearing, spot.place.network()) {
                deaf.push((*place, network.clone()));
            }
        }
        deaf.sort();
        for (place, network) in deaf {
            let Some(spot) = self.spots.get(&place) else { continue };
            tracing::info!(place = %spot.place, "heard again");
            if let Some(joined) = spot.joined {
                self.catch_up(&network, place, &joined, turn)?;
            }
        }
        Ok(())
    }

    /// How many places are not heard because too much waits.
    #[must_use]
    pub fn unheard(&self) -> usize {
        let unheard =
            |spot: &&super::Spot| matches!(spot.hearing, Hearing::Deaf) || spot.page.is_crowded();
        self.spots.values().filter(unheard).count()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::{Author, MessageKind};

    fn message(place: i64, bytes: usize) -> Message {
        Message {
            source: EndpointId(place),
            author: Author::named("ann"),
            kind: MessageKind::Text,
            body: "x".repeat(bytes),
            sent_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn who_has_filled_it_is_not_heard_and_who_has_a_little_in_it_is() {
        let mut waiting = Waiting::new(Some(10_000), vec![(EndpointId(1), 1, 5_000)]);
        assert!(!waiting.overflows(EndpointId(1)));
        waiting.add(&message(1, 5_000));
        waiting.add(&message(2, 10));
        assert!(waiting.overflows(EndpointId(1)) && !waiting.has_room());
        assert!(!waiting.overflows(EndpointId(2)) && !waiting.overflows(EndpointId(3)));
        waiting.remove(&message(1, 5_000));
        assert!(!waiting.overflows(EndpointId(1)) && waiting.has_room());
    }

    #[test]
    fn without_a_bound_everybody_is_heard() {
        let waiting = Waiting::new(None, vec![(EndpointId(1), 1, u64::MAX / 2)]);
        assert!(!waiting.overflows(EndpointId(1)) && waiting.has_room());
    }
}
