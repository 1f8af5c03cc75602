use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::domain::{Casemapping, PlaceId};
use crate::protocol::Backoff;

/// How long the server may take to answer a JOIN.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where we stand with one channel. Being in is what the server says, not what we asked for.
///
/// ```text
///       join               own JOIN echo         end of NAMES
///  Out ───────▶ Asked ────────────────▶ Entering ─────────────▶ In
///   ▲             │ refused, no answer      │ kicked, parted     │
///   └── waited ── Waiting ◀─────────────────┴────────────────────┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Out,
    Asked,
    Entering,
    In,
    Waiting,
}

/// A channel that we mean to be in.
#[derive(Debug, Clone)]
pub struct Seat {
    /// Its number.
    pub place: PlaceId,
    /// Its name.
    pub name: String,
    /// Its key, where it has one.
    pub key: Option<secrecy::SecretString>,
}

#[derive(Debug)]
struct Channel {
    seat: Seat,
    state: State,
    backoff: Backoff,
    /// When to do something about it: ask again, or give the asking up.
    due: Option<Instant>,
    /// When we came in, where the server says so.
    joined: Option<Timestamp>,
}

/// The channels that we mean to be in.
#[derive(Debug)]
pub(super) struct Channels {
    channels: Vec<Channel>,
    by_place: HashMap<PlaceId, usize>,
    by_name: HashMap<String, usize>,
    casemapping: Casemapping,
    due: BTreeSet<(Instant, usize)>,
    chance: fastrand::Rng,
}

impl Channels {
    pub(super) fn new(seats: Vec<Seat>, seed: u64) -> Self {
        let channels: Vec<Channel> = seats
            .into_iter()
            .map(|seat| Channel {
                seat,
                state: State::Out,
                backoff: Backoff::new(Duration::from_secs(5), Duration::from_secs(600)),
                due: None,
                joined: None,
            })
            .collect();
        let by_place = channels.iter().enumerate().map(|(i, c)| (c.seat.place, i)).collect();
        let mut channels = Self {
            channels,
            by_place,
            by_name: HashMap::new(),
            casemapping: Casemapping::default(),
            due: BTreeSet::new(),
            chance: fastrand::Rng::with_seed(seed),
        };
        channels.fold(Casemapping::default());
        channels
    }

    /// The server folds names like this.
    pub(super) fn fold(&mut self, casemapping: Casemapping) {
        self.casemapping = casemapping;
        let names = self.channels.iter().enumerate();
        self.by_name = names.map(|(i, c)| (casemapping.fold(&c.seat.name), i)).collect();
    }

    /// The place that `name` is, if it is one of ours.
    pub(super) fn place(&self, name: &str) -> Option<PlaceId> {
        self.find(name).map(|at| self.channels[at].seat.place)
    }

    /// Whether we are in `name`, as far as the server has said.
    pub(super) fn is_in(&self, name: &str) -> bool {
        self.find(name).is_some_and(|at| self.channels[at].state == State::In)
    }

    /// The name of the channel at `place`, as the configuration spells it.
    pub(super) fn name(&self, place: PlaceId) -> Option<&str> {
        self.by_place.get(&place).map(|at| self.channels[*at].seat.name.as_str())
    }

    /// We ask for every channel that we are out of. Those with a key come first, as JOIN wants it.
    pub(super) fn ask_all(&mut self, now: Instant) -> Vec<&Seat> {
        let out: Vec<usize> =
            (0..self.channels.len()).filter(|at| self.channels[*at].state == State::Out).collect();
        for at in &out {
            self.enter(*at, State::Asked, Some(now + PATIENCE));
        }
        let mut seats: Vec<&Seat> = out.iter().map(|at| &self.channels[*at].seat).collect();
        seats.sort_by_key(|seat| seat.key.is_none());
        seats
    }

    /// The server says that we are entering `name`, at `time`.
    pub(super) fn entering(&mut self, name: &str, time: Option<Timestamp>, now: Instant) {
        if let Some(at) = self.find(name) {
            self.channels[at].joined = time;
            self.enter(at, State::Entering, Some(now + PATIENCE));
        }
    }

    /// The server has listed who is in `name`. Gives the place if we have just come in, and
    /// when that was.
    pub(super) fn listed(&mut self, name: &str) -> Option<(PlaceId, Option<Timestamp>)> {
        let at = self.find(name)?;
        // Not after anything but our own JOIN: a server answers NAMES from outside too.
        if self.channels[at].state != State::Entering {
            return None;
        }
        self.channels[at].backoff.reset();
        self.enter(at, State::In, None);
        Some((self.channels[at].seat.place, self.channels[at].joined))
    }

    /// The server will not let us into `name`, or has put us out of it. Gives the place.
    pub(super) fn out(&mut self, name: &str, now: Instant) -> Option<PlaceId> {
        let at = self.find(name)?;
        let channel = &mut self.channels[at];
        let wait = channel.backoff.next(&mut self.chance);
        self.enter(at, State::Waiting, Some(now + wait));
        Some(self.channels[at].seat.place)
    }

    /// Time has passed: gives the places whose JOIN was not answered, and readies those that have
    /// waited long enough to be asked for again.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<PlaceId> {
        let mut unanswered = Vec::new();
        while let Some((due, at)) = self.due.first().copied().filter(|(due, _)| *due <= now) {
            self.due.remove(&(due, at));
            self.channels[at].due = None;
            if self.channels[at].state == State::Waiting {
                self.enter(at, State::Out, None);
            } else {
                let wait = self.channels[at].backoff.next(&mut self.chance);
                self.enter(at, State::Waiting, Some(now + wait));
                unanswered.push(self.channels[at].seat.place);
            }
        }
        unanswered
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(&self.casemapping.fold(name)).copied()
    }

    fn enter(&mut self, at: usize, state: State, due: Option<Instant>) {
        let channel = &mut self.channels[at];
        if let Some(old) = channel.due.take() {
            self.due.remove(&(old, at));
        }
        channel.state = state;
        channel.due = due;
        self.due.extend(due.map(|due| (due, at)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEA: PlaceId = PlaceId(1);

    fn channels() -> Channels {
        let seat = Seat { place: TEA, name: "#Tea".to_owned(), key: None };
        Channels::new(vec![seat], 1)
    }

    #[test]
    fn being_in_is_what_the_server_says() {
        let now = Instant::now();
        let mut channels = channels();
        assert_eq!(channels.ask_all(now).len(), 1);
        assert!(channels.ask_all(now).is_empty(), "asked once");
        assert_eq!(channels.listed("#tea"), None, "not before our own JOIN");
        let time = Some(Timestamp::UNIX_EPOCH);
        channels.entering("#tea", time, now);
        assert_eq!(channels.listed("#TEA"), Some((TEA, time)));
        assert_eq!(channels.listed("#tea"), None, "only once");
        assert_eq!(channels.deadline(), None);
    }

    #[test]
    fn whoever_is_put_out_comes_back_later_and_later() {
        let mut now = Instant::now();
        let mut channels = channels();
        let mut waits = Vec::new();
        for _ in 0..9 {
            channels.ask_all(now);
            assert_eq!(channels.out("#tea", now), Some(TEA));
            let due = channels.deadline().expect("a wait");
            waits.push((due - now).as_secs());
            now = due;
            assert!(channels.tick(now).is_empty());
        }
        assert!(waits[0] <= 5 && waits[8] >= 300, "{waits:?}");
    }

    #[test]
    fn a_join_that_is_not_answered_is_asked_again() {
        let now = Instant::now();
        let mut channels = channels();
        channels.ask_all(now);
        assert_eq!(channels.tick(now + PATIENCE), [TEA]);
        let due = channels.deadline().expect("a wait");
        assert!(channels.tick(due).is_empty());
        assert_eq!(channels.ask_all(due).len(), 1);
    }
}
