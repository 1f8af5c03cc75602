//! Requests in flight, and their timeouts.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::Stay;
use crate::domain::{DeliveryId, EndpointId};

/// Time limit for an ack. The server never answers events that it does not know
/// (docs/letschat-protocol.md, section 4), so every wait needs a limit.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A request that waits for an ack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LetsChatRequest {
    /// `account:whoami`.
    WhoAmI,
    /// `rooms:list`, without the first `skip`.
    ListRooms { skip: usize },
    /// `rooms:join`.
    JoinRoom(EndpointId),
    /// `rooms:leave`.
    LeaveRoom,
    /// `rooms:users`.
    ListUsers(EndpointId),
    /// `rooms:update`.
    SetDescription(EndpointId),
    /// `messages:create`.
    CreatePost { delivery: DeliveryId, endpoint: EndpointId },
    /// `user-messages:create` for a delivery.
    SendDirect { delivery: DeliveryId, endpoint: EndpointId },
    /// `user-messages:create` for a notice, whose outcome does not matter.
    SendDirectNotice,
    /// `user-messages:list`, to find out whether direct messages are enabled.
    ProbeDirectMessages,
    /// One page of `messages:list`.
    ListMessages { endpoint: EndpointId, stay: Stay },
    /// The newest posts by `messages:list`.
    NewestMessage { endpoint: EndpointId, limit: usize, stay: Stay },
}

/// The requests that have not been answered.
#[derive(Debug, Default)]
pub(super) struct PendingRequests {
    last_id: u64,
    pending: HashMap<u64, LetsChatRequest>,
    /// In order of expiry; answered ones stay until then.
    timers: VecDeque<(Instant, u64)>,
}

impl PendingRequests {
    /// Adds a request and returns its ack number.
    pub(super) fn insert(&mut self, call: LetsChatRequest, now: Instant) -> u64 {
        self.last_id += 1;
        self.pending.insert(self.last_id, call);
        self.timers.push_back((now + REQUEST_TIMEOUT, self.last_id));
        self.last_id
    }

    /// The server has answered `number`. `None` if it has timed out.
    pub(super) fn take(&mut self, number: u64) -> Option<LetsChatRequest> {
        let call = self.pending.remove(&number);
        while self.timers.front().is_some_and(|(_, number)| !self.pending.contains_key(number)) {
            self.timers.pop_front();
        }
        call
    }

    /// Forgets the read requests for the room at `endpoint`.
    pub(super) fn remove_reads(&mut self, endpoint: EndpointId) {
        self.pending.retain(|_, call| match call {
            LetsChatRequest::ListMessages { endpoint: of, .. }
            | LetsChatRequest::NewestMessage { endpoint: of, .. } => *of != endpoint,
            _ => true,
        });
    }

    /// Forgets the requests about the room at `endpoint`, except for posts.
    pub(super) fn remove_room(&mut self, endpoint: EndpointId) {
        self.remove_reads(endpoint);
        self.pending.retain(|_, call| match call {
            LetsChatRequest::JoinRoom(of)
            | LetsChatRequest::ListUsers(of)
            | LetsChatRequest::SetDescription(of) => *of != endpoint,
            _ => true,
        });
    }

    /// Takes an overdue request.
    pub(super) fn take_overdue(&mut self, now: Instant) -> Option<LetsChatRequest> {
        let number = self.timers.front().filter(|(due, _)| *due <= now)?.1;
        self.take(number)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.timers.front().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reply_finds_its_request() {
        let now = Instant::now();
        let mut calls = PendingRequests::default();
        let first = calls.insert(LetsChatRequest::WhoAmI, now);
        let second = calls.insert(LetsChatRequest::JoinRoom(EndpointId(1)), now);
        assert_eq!(calls.take(second), Some(LetsChatRequest::JoinRoom(EndpointId(1))));
        assert_eq!(calls.take(second), None);
        assert_eq!(calls.take(first), Some(LetsChatRequest::WhoAmI));
        assert_eq!(calls.deadline(), None);
    }

    #[test]
    fn unanswered_request_times_out() {
        let now = Instant::now();
        let mut calls = PendingRequests::default();
        let number = calls.insert(LetsChatRequest::WhoAmI, now);
        assert_eq!(calls.take_overdue(now), None);
        assert_eq!(calls.take_overdue(now + REQUEST_TIMEOUT), Some(LetsChatRequest::WhoAmI));
        assert_eq!(calls.take_overdue(now + REQUEST_TIMEOUT), None);
        assert_eq!(calls.take(number), None, "too late");
    }
}
