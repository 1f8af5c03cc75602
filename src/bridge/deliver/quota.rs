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

use crate::bridge::irc::catchup::ChannelState;
use crate::bridge::{Bridge, Ctx};
use crate::domain::{EndpointId, Message, Network};
use crate::store::StoreError;

/// What a delivery costs beside its text.
const MESSAGE_OVERHEAD: u64 = 256;

/// How much waits to be delivered.
#[derive(Debug, Default)]
pub(in crate::bridge) struct QueueQuota {
    /// How much may, in bytes; `None` for any amount.
    max_bytes: Option<u64>,
    queued_bytes: u64,
    /// By where it was said.
    by_source: HashMap<EndpointId, u64>,
}

impl QueueQuota {
    /// Of which `most` bytes may wait, where so many messages with so many bytes of text do.
    pub(in crate::bridge) fn new(most: Option<u64>, found: Vec<(EndpointId, u64, u64)>) -> Self {
        let from: HashMap<EndpointId, u64> = found
            .into_iter()
            .map(|(place, count, bytes)| (place, bytes + count * MESSAGE_OVERHEAD))
            .collect();
        Self { max_bytes: most, queued_bytes: from.values().sum(), by_source: from }
    }

    /// A delivery of `message` waits from now on.
    pub(in crate::bridge) fn add(&mut self, message: &Message) {
        let weight = queued_size(message);
        self.queued_bytes += weight;
        *self.by_source.entry(message.source).or_default() += weight;
    }

    /// One less does.
    pub(in crate::bridge) fn remove(&mut self, message: &Message) {
        let weight = queued_size(message);
        self.queued_bytes = self.queued_bytes.saturating_sub(weight);
        if let Some(from) = self.by_source.get_mut(&message.source) {
            *from = from.saturating_sub(weight);
            if *from == 0 {
                self.by_source.remove(&message.source);
            }
        }
    }

    /// Whether too much waits, and `place` has a good part in that: at least half of what each of the
    /// places has on average. So those of which a little is on its way are heard on, and all of them
    /// together cannot bring more than the bound once again.
    pub(in crate::bridge) fn is_exceeded_by(&self, place: EndpointId) -> bool {
        let Some(from) = self.by_source.get(&place) else { return false };
        let places = self.by_source.len() as u64;
        self.max_bytes.is_some_and(|most| self.queued_bytes >= most)
            && from * 2 * places >= self.queued_bytes
    }

    /// Whether there is room again.
    pub(in crate::bridge) fn has_room(&self) -> bool {
        self.max_bytes.is_none_or(|most| self.queued_bytes <= most - most / 4)
    }

    /// How many bytes wait.
    pub(in crate::bridge) fn queued_bytes(&self) -> u64 {
        self.queued_bytes
    }
}

fn queued_size(message: &Message) -> u64 {
    message.body.len() as u64 + MESSAGE_OVERHEAD
}

impl Bridge {
    /// Whether a line said in the channel at `place` is to be passed over, since too much waits.
    pub(in crate::bridge) fn pause_if_full(
        &mut self,
        place: EndpointId,
        turn: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(false) };
        match &spot.channel_state {
            ChannelState::Paused => return Ok(true),
            ChannelState::Live(_) if self.queue_quota.is_exceeded_by(place) => {
                // What is said from now on is what will have been missed.
                turn.store.touch_channel(place, turn.now)?;
            }
            ChannelState::CatchingUp(_) if self.queue_quota.is_exceeded_by(place) => {}
            _ => return Ok(false),
        }
        spot.channel_state = ChannelState::Paused;
        turn.store.set_paused(place, true)?;
        let waiting = self.queue_quota.queued_bytes();
        tracing::error!(endpoint = %spot.endpoint, queued_bytes = waiting, "queue limit reached; channel paused");
        Ok(true)
    }

    /// Hears again those who were not heard, once there is room.
    pub(in crate::bridge) fn resume_paused(
        &mut self,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if !self.queue_quota.has_room() {
            return Ok(());
        }
        let mut deaf: Vec<(EndpointId, Network)> = Vec::new();
        for (place, spot) in &self.endpoints {
            if let (ChannelState::Paused, Some(network)) =
                (&spot.channel_state, spot.endpoint.network())
            {
                deaf.push((*place, network.clone()));
            }
        }
        deaf.sort();
        for (place, network) in deaf {
            let Some(spot) = self.endpoints.get(&place) else { continue };
            tracing::info!(endpoint = %spot.endpoint, "channel resumed");
            if let Some(joined) = spot.join_info {
                self.start_catchup(&network, place, &joined, turn)?;
            }
        }
        Ok(())
    }

    /// How many places are not heard because too much waits.
    #[must_use]
    pub fn paused(&self) -> usize {
        let unheard = |spot: &&crate::bridge::EndpointState| {
            matches!(spot.channel_state, ChannelState::Paused) || spot.page_size.is_paused()
        };
        self.endpoints.values().filter(unheard).count()
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
    fn only_the_endpoints_that_fill_the_queue_are_paused() {
        let mut waiting = QueueQuota::new(Some(10_000), vec![(EndpointId(1), 1, 5_000)]);
        assert!(!waiting.is_exceeded_by(EndpointId(1)));
        waiting.add(&message(1, 5_000));
        waiting.add(&message(2, 10));
        assert!(waiting.is_exceeded_by(EndpointId(1)) && !waiting.has_room());
        assert!(!waiting.is_exceeded_by(EndpointId(2)) && !waiting.is_exceeded_by(EndpointId(3)));
        waiting.remove(&message(1, 5_000));
        assert!(!waiting.is_exceeded_by(EndpointId(1)) && waiting.has_room());
    }

    #[test]
    fn without_a_limit_nothing_is_paused() {
        let waiting = QueueQuota::new(None, vec![(EndpointId(1), 1, u64::MAX / 2)]);
        assert!(!waiting.is_exceeded_by(EndpointId(1)) && waiting.has_room());
    }
}
