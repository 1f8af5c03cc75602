use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::Stay;
use crate::domain::{DeliveryId, EndpointId};

/// How long the server may take to answer a call. It never answers a call that it does not know
/// (WIRE.md, "Transport"), so every wait has a limit.
const PATIENCE: Duration = Duration::from_secs(30);

/// What we have asked the server, and want to know when it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    /// `account:whoami`.
    WhoAmI,
    /// `rooms:list`, less the first so many.
    Rooms { skip: usize },
    /// `rooms:join`.
    Join(EndpointId),
    /// `rooms:users`.
    People(EndpointId),
    /// `rooms:update`.
    Describe(EndpointId),
    /// `messages:create`.
    Post { ticket: DeliveryId, place: EndpointId },
    /// `user-messages:create`, of which somebody wants to know.
    Whisper { ticket: DeliveryId, place: EndpointId },
    /// The same, of which nobody does.
    Tell,
    /// `user-messages:list`: only whether it is answered.
    Whispers,
    /// `messages:list`, a page.
    List { place: EndpointId, stay: Stay },
    /// `messages:list`, the newest so many posts.
    Newest { place: EndpointId, take: usize, stay: Stay },
}

/// The calls that have not been answered.
#[derive(Debug, Default)]
pub(super) struct Calls {
    last: u64,
    open: HashMap<u64, Call>,
    /// In the order in which their time is up; those answered are left in until then.
    due: VecDeque<(Instant, u64)>,
}

impl Calls {
    /// Notes a call, and gives the number that its answer will carry.
    pub(super) fn begin(&mut self, call: Call, now: Instant) -> u64 {
        self.last += 1;
        self.open.insert(self.last, call);
        self.due.push_back((now + PATIENCE, self.last));
        self.last
    }

    /// The server has answered `number`. `None` for an answer that we have stopped waiting for.
    pub(super) fn end(&mut self, number: u64) -> Option<Call> {
        let call = self.open.remove(&number);
        while self.due.front().is_some_and(|(_, number)| !self.open.contains_key(number)) {
            self.due.pop_front();
        }
        call
    }

    /// What was asked of the room at `place` is not waited for any more.
    pub(super) fn forget(&mut self, place: EndpointId) {
        self.open.retain(|_, call| match call {
            Call::List { place: of, .. } | Call::Newest { place: of, .. } => *of != place,
            _ => true,
        });
    }

    /// A call whose time is up, if there is one.
    pub(super) fn overdue(&mut self, now: Instant) -> Option<Call> {
        let number = self.due.front().filter(|(due, _)| *due <= now)?.1;
        self.end(number)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due.front().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_finds_its_call() {
        let now = Instant::now();
        let mut calls = Calls::default();
        let first = calls.begin(Call::WhoAmI, now);
        let second = calls.begin(Call::Join(EndpointId(1)), now);
        assert_eq!(calls.end(second), Some(Call::Join(EndpointId(1))));
        assert_eq!(calls.end(second), None);
        assert_eq!(calls.end(first), Some(Call::WhoAmI));
        assert_eq!(calls.deadline(), None);
    }

    #[test]
    fn a_call_that_is_not_answered_ends() {
        let now = Instant::now();
        let mut calls = Calls::default();
        let number = calls.begin(Call::WhoAmI, now);
        assert_eq!(calls.overdue(now), None);
        assert_eq!(calls.overdue(now + PATIENCE), Some(Call::WhoAmI));
        assert_eq!(calls.overdue(now + PATIENCE), None);
        assert_eq!(calls.end(number), None, "too late");
    }
}
