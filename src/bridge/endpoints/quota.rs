//! Limits the size of the queue, by pausing the endpoints that fill it.
//!
//! If one side is down, messages of the other wait on disk. Without a limit, they would fill the disk and
//! stop everything. At the limit, the endpoints that have filled the queue are paused until a quarter of it
//! is free. A paused room requests no further pages; it is read later, and nothing is lost. A paused channel
//! ignores new lines: not reading from the socket would only make the server close it, with all channels.
//! Later, the channel is caught up with from the server's history like after an absence, or a gap is
//! reported. So what loses the least is paused first.

use std::collections::HashMap;

use crate::domain::{EndpointId, Message};

/// The cost of a queued message besides its text.
const MESSAGE_OVERHEAD: u64 = 256;

/// The size of the queue.
#[derive(Debug, Default)]
pub(in crate::bridge) struct QueueQuota {
    /// The limit in bytes; `None` for no limit.
    max_bytes: Option<u64>,
    queued_bytes: u64,
    /// By source endpoint.
    by_source: HashMap<EndpointId, u64>,
}

impl QueueQuota {
    /// A quota of `most` bytes, with the current queue sizes: endpoint, messages, bytes of text.
    pub(in crate::bridge) fn new(most: Option<u64>, found: Vec<(EndpointId, u64, u64)>) -> Self {
        let from: HashMap<EndpointId, u64> = found
            .into_iter()
            .map(|(endpoint, count, bytes)| (endpoint, bytes + count * MESSAGE_OVERHEAD))
            .collect();
        Self { max_bytes: most, queued_bytes: from.values().sum(), by_source: from }
    }

    /// The limit is this many bytes from now on; `None` for no limit.
    pub(in crate::bridge) fn set_limit(&mut self, max_bytes: Option<u64>) {
        self.max_bytes = max_bytes;
    }

    /// A delivery of `message` was queued.
    pub(in crate::bridge) fn add(&mut self, message: &Message) {
        let weight = queued_size(message);
        self.queued_bytes += weight;
        *self.by_source.entry(message.source).or_default() += weight;
    }

    /// A delivery of `message` is done.
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

    /// Whether the limit is reached and the endpoint has at least half of the average share. So endpoints
    /// with little in the queue are not paused, and together they cannot add more than the limit again.
    pub(in crate::bridge) fn is_exceeded_by(&self, endpoint: EndpointId) -> bool {
        let Some(from) = self.by_source.get(&endpoint) else { return false };
        let endpoints = self.by_source.len() as u64;
        self.max_bytes.is_some_and(|most| self.queued_bytes >= most)
            && from * 2 * endpoints >= self.queued_bytes
    }

    /// Whether there is room again.
    pub(in crate::bridge) fn has_room(&self) -> bool {
        self.max_bytes.is_none_or(|most| self.queued_bytes <= most - most / 4)
    }

    /// The number of bytes queued.
    pub(in crate::bridge) fn queued_bytes(&self) -> u64 {
        self.queued_bytes
    }
}

fn queued_size(message: &Message) -> u64 {
    message.body.len() as u64 + MESSAGE_OVERHEAD
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::{Author, MessageKind};

    fn message(endpoint: i64, bytes: usize) -> Message {
        Message {
            source: EndpointId(endpoint),
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
