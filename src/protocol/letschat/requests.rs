use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::Stay;
use crate::domain::{DeliveryId, EndpointId};

/// How long the server may take to answer a call. It never answers a call that it does not know
/// (WIRE.md, "Transport"), so every wait has a limit.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What we have asked the server, and want to know when it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LetsChatRequest {
    /// `account:whoami`.
    WhoAmI,
    /// `rooms:list`, less the first so many.
    ListRooms { skip: usize },
    /// `rooms:join`.
    JoinRoom(EndpointId),
    /// `rooms:users`.
    ListUsers(EndpointId),
    /// `rooms:update`.
    SetDescription(EndpointId),
    /// `messages:create`.
    CreatePost { delivery: DeliveryId, endpoint: EndpointId },
    /// `user-messages:create`, of which somebody wants to know.
    SendDirect { delivery: DeliveryId, endpoint: EndpointId },
    /// The same, of which nobody does.
    SendDirectNotice,
    /// `user-messages:list`: only whether it is answered.
    ProbeDirectMessages,
    /// `messages:list`, a page.
    ListMessages { place: EndpointId, stay: Stay },
    /// `messages:list`, the newest so many posts.
    NewestMessage { endpoint: EndpointId, limit: usize, stay: Stay },
}

/// The calls that have not been answered.
#[derive(Debug, Default)]
pub(super) struct PendingRequests {
    last_id: u64,
    pending: HashMap<u64, LetsChatRequest>,
    /// In the order in which their time is up; those answered are left in until then.
    timers: VecDeque<(Instant, u64)>,
}

impl PendingRequests {
    /// Notes a call, and gives the number that its answer will carry.
    pub(super) fn insert(&mut self, call: LetsChatRequest, now: Instant) -> u64 {
        self.last_id += 1;
        self.pending.insert(self.last_id, call);
        self.timers.push_back((now + REQUEST_TIMEOUT, self.last_id));
        self.last_id
    }

    /// The server has answered `number`. `None` for an answer that we have stopped waiting for.
    pub(super) fn take(&mut self, number: u64) -> Option<LetsChatRequest> {
        let call = self.pending.remove(&number);
        while self.timers.front().is_some_and(|(_, number)| !self.pending.contains_key(number)) {
            self.timers.pop_front();
        }
        call
    }

    /// What was asked of the room at `place` is not waited for any more.
    pub(super) fn remove_reads(&mut self, place: EndpointId) {
        self.pending.retain(|_, call| match call {
            LetsChatRequest::ListMessages { place: of, .. }
            | LetsChatRequest::NewestMessage { endpoint: of, .. } => *of != place,
            _ => true,
        });
    }

    /// A call whose time is up, if there is one.
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
