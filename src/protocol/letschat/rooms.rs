//! Joins rooms and keeps track of whether we are in them.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use secrecy::SecretString;

use super::wire_types::WireRoom;
use crate::domain::{EndpointId, is_same_secret};
use crate::protocol::Backoff;

/// Maximum number of joins in flight: the server handles them one by one.
const MAX_JOINS_IN_FLIGHT: usize = 16;

/// A room that the session should be in.
#[derive(Debug, Clone)]
pub struct RoomTarget {
    /// Its endpoint id.
    pub endpoint: EndpointId,
    /// Its slug or id, as configured.
    pub name: String,
    /// Its password, if any.
    pub password: Option<SecretString>,
}

impl RoomTarget {
    /// Whether both have the same password.
    #[must_use]
    pub fn has_same_password(&self, other: &Self) -> bool {
        is_same_secret(self.password.as_ref(), other.password.as_ref())
    }
}

/// Equality ignores the password.
impl PartialEq for RoomTarget {
    fn eq(&self, other: &Self) -> bool {
        (self.endpoint, &self.name) == (other.endpoint, &other.name)
    }
}

impl Eq for RoomTarget {}

/// The state of one room.
///
/// ```text
///           listed            turn             ack
///  NotJoined ─────▶ Queued ─────────▶ Joining ──────▶ Joined
///   ▲                 ▲                 │ rejected      │ archived, unreadable
///   │                 └── after a delay ┤               │
///   └──── not listed ◀──────────────────┴───────────────┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RoomJoinState {
    NotJoined,
    Queued,
    Joining,
    Joined,
}

/// All rooms that the session should be in.
#[derive(Debug)]
pub(super) struct Rooms {
    rooms: HashMap<EndpointId, RoomEntry>,
    by_name: HashMap<String, EndpointId>,
    by_id: HashMap<String, EndpointId>,
    queue: VecDeque<EndpointId>,
    joins_in_flight: usize,
    backoff: Backoff,
    rng: fastrand::Rng,
    /// When to look for the missing rooms again.
    refresh_at: Option<Instant>,
}

#[derive(Debug)]
struct RoomEntry {
    target: RoomTarget,
    id: Option<String>,
    state: RoomJoinState,
    /// The name to keep when changing the description; `None` if the room must not be edited.
    editable_name: Option<String>,
}

impl RoomEntry {
    fn new(target: RoomTarget) -> Self {
        Self { target, id: None, state: RoomJoinState::NotJoined, editable_name: None }
    }
}

impl Rooms {
    pub(super) fn new(targets: Vec<RoomTarget>, seed: u64) -> Self {
        let by_name = targets.iter().map(|target| (target.name.clone(), target.endpoint)).collect();
        let sitting = |target: RoomTarget| (target.endpoint, RoomEntry::new(target));
        Self {
            rooms: targets.into_iter().map(sitting).collect(),
            by_name,
            by_id: HashMap::new(),
            queue: VecDeque::new(),
            joins_in_flight: 0,
            backoff: Backoff::new(Duration::from_secs(10), Duration::from_secs(300)),
            rng: fastrand::Rng::with_seed(seed),
            refresh_at: None,
        }
    }

    /// Adds a room. If it is there already, only its password is changed. Returns whether it is to be looked for
    /// in the list of rooms.
    pub(super) fn add(&mut self, target: RoomTarget) -> bool {
        if let Some(known) = self.rooms.get_mut(&target.endpoint) {
            let is_other = !known.target.has_same_password(&target);
            known.target.password = target.password;
            return is_other && known.state == RoomJoinState::NotJoined;
        }
        self.by_name.insert(target.name.clone(), target.endpoint);
        self.rooms.insert(target.endpoint, RoomEntry::new(target));
        true
    }

    /// The session should not be in this room any more. Returns the room's id if the server may have us in it.
    pub(super) fn remove(&mut self, endpoint: EndpointId) -> Option<String> {
        let removed = self.rooms.remove(&endpoint)?;
        self.by_name.retain(|_, it| *it != endpoint);
        self.by_id.retain(|_, it| *it != endpoint);
        self.queue.retain(|it| *it != endpoint);
        let is_joining = removed.state == RoomJoinState::Joining;
        self.joins_in_flight -= usize::from(is_joining && self.joins_in_flight > 0);
        let may_be_in = is_joining || removed.state == RoomJoinState::Joined;
        removed.id.filter(|_| may_be_in)
    }

    /// The endpoint of the room with this id, if we are in it.
    pub(super) fn endpoint_of(&self, id: &str) -> Option<EndpointId> {
        self.by_id.get(id).copied()
    }

    /// The id of the room at `endpoint`, if known.
    pub(super) fn room_id(&self, endpoint: EndpointId) -> Option<&str> {
        self.rooms.get(&endpoint)?.id.as_deref()
    }

    /// Id and name of the room at `endpoint`, if its description may be changed.
    pub(super) fn editable_room(&self, endpoint: EndpointId) -> Option<(&str, &str)> {
        let sitting = self.rooms.get(&endpoint)?;
        Some((sitting.id.as_deref()?, sitting.editable_name.as_deref()?))
    }

    /// The server lists this room. Fails with both endpoints if another one is the same room.
    pub(super) fn on_listed(&mut self, room: &WireRoom) -> Result<(), (EndpointId, EndpointId)> {
        for name in room.slug.iter().chain([&room.id]) {
            let Some(endpoint) = self.by_name.get(name).copied() else { continue };
            if let Some(other) = self.endpoint_of(&room.id).filter(|other| *other != endpoint) {
                return Err((endpoint, other));
            }
            self.by_id.insert(room.id.clone(), endpoint);
            let Some(sitting) = self.rooms.get_mut(&endpoint) else { continue };
            sitting.id = Some(room.id.clone());
            let open = !room.private && !room.has_password;
            sitting.editable_name = room.name.clone().filter(|_| open);
            if sitting.state == RoomJoinState::NotJoined {
                sitting.state = RoomJoinState::Queued;
                self.queue.push_back(endpoint);
            }
        }
        Ok(())
    }

    /// The next room to join, if one can be joined now.
    pub(super) fn next_join(&mut self) -> Option<(&RoomTarget, &str)> {
        if self.joins_in_flight >= MAX_JOINS_IN_FLIGHT {
            return None;
        }
        let endpoint = self.queue.pop_front()?;
        let sitting = self.rooms.get_mut(&endpoint)?;
        sitting.state = RoomJoinState::Joining;
        self.joins_in_flight += 1;
        Some((&sitting.target, sitting.id.as_deref()?))
    }

    /// The server has answered a join.
    pub(super) fn on_join_reply(&mut self, endpoint: EndpointId, joined: bool, now: Instant) {
        self.joins_in_flight = self.joins_in_flight.saturating_sub(1);
        if let Some(sitting) = self.rooms.get_mut(&endpoint) {
            sitting.state = if joined { RoomJoinState::Joined } else { RoomJoinState::NotJoined };
        }
        if !joined {
            self.schedule_refresh(now);
        } else if self.all_joined() {
            self.backoff.reset();
        }
    }

    /// We are no longer in the room. Returns whether we were.
    pub(super) fn on_left(&mut self, endpoint: EndpointId, now: Instant) -> bool {
        let Some(sitting) = self.rooms.get_mut(&endpoint) else { return false };
        let was_in = sitting.state == RoomJoinState::Joined;
        if was_in {
            sitting.state = RoomJoinState::NotJoined;
            self.schedule_refresh(now);
        }
        was_in
    }

    /// The rooms that the server does not list, with their names.
    pub(super) fn missing(&self) -> impl Iterator<Item = (EndpointId, String)> {
        let out =
            self.rooms.iter().filter(|(_, sitting)| sitting.state == RoomJoinState::NotJoined);
        out.map(|(endpoint, sitting)| (*endpoint, sitting.target.name.clone()))
    }

    /// Schedules the next look for missing rooms, with growing delays.
    pub(super) fn schedule_refresh(&mut self, now: Instant) {
        if self.refresh_at.is_none() {
            self.refresh_at = Some(now + self.backoff.next_delay(&mut self.rng));
        }
    }

    /// Whether it is time to look for missing rooms.
    pub(super) fn take_refresh_due(&mut self, now: Instant) -> bool {
        let due = self.refresh_at.is_some_and(|at| at <= now);
        if due {
            self.refresh_at = None;
        }
        due
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.refresh_at
    }

    fn all_joined(&self) -> bool {
        self.rooms.values().all(|sitting| sitting.state == RoomJoinState::Joined)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(names: &[&str]) -> Rooms {
        let target = |(endpoint, name): (i64, &&str)| RoomTarget {
            endpoint: EndpointId(endpoint),
            name: (*name).to_owned(),
            password: None,
        };
        Rooms::new((1..).zip(names).map(target).collect(), 1)
    }

    fn room(id: &str, slug: &str) -> WireRoom {
        WireRoom {
            id: id.to_owned(),
            slug: Some(slug.to_owned()),
            name: None,
            description: None,
            private: false,
            has_password: false,
        }
    }

    #[test]
    fn room_is_found_by_slug_or_id() {
        let mut rooms = rooms(&["tea", "r2"]);
        for (id, slug) in [("r1", "tea"), ("r2", "dev"), ("r3", "ops")] {
            rooms.on_listed(&room(id, slug)).expect("distinct rooms");
        }
        let joins: Vec<String> =
            std::iter::from_fn(|| rooms.next_join().map(|(_, id)| id.to_owned())).collect();
        assert_eq!(joins, ["r1", "r2"]);
        assert_eq!(rooms.endpoint_of("r1"), Some(EndpointId(1)));
        assert_eq!(rooms.endpoint_of("r3"), None);
    }

    #[test]
    fn room_configured_twice_is_reported() {
        let mut rooms = rooms(&["tea", "r1"]);
        assert_eq!(rooms.on_listed(&room("r1", "tea")), Err((EndpointId(2), EndpointId(1))));
    }

    #[test]
    fn rejected_room_is_retried() {
        let now = Instant::now();
        let mut rooms = rooms(&["tea"]);
        rooms.on_listed(&room("r1", "tea")).expect("one room");
        assert!(rooms.next_join().is_some());
        rooms.on_join_reply(EndpointId(1), false, now);
        let due = rooms.deadline().expect("a time to look");
        assert!(
            !rooms.take_refresh_due(now)
                && rooms.take_refresh_due(due)
                && !rooms.take_refresh_due(due)
        );
        assert_eq!(rooms.missing().collect::<Vec<_>>(), [(EndpointId(1), "tea".to_owned())]);
    }

    #[test]
    fn rooms_come_and_go() {
        let mut rooms = rooms(&["tea"]);
        rooms.on_listed(&room("r1", "tea")).expect("one room");
        assert!(rooms.next_join().is_some());
        let dev = RoomTarget { endpoint: EndpointId(2), name: "dev".to_owned(), password: None };
        assert!(rooms.add(dev.clone()) && !rooms.add(dev.clone()));
        let other = RoomTarget { password: Some("hot".to_owned().into()), ..dev };
        assert!(rooms.add(other.clone()) && !rooms.add(other), "another password");
        assert_eq!(rooms.remove(EndpointId(1)), Some("r1".to_owned()));
        assert_eq!((rooms.remove(EndpointId(1)), rooms.endpoint_of("r1")), (None, None));
        rooms.on_listed(&room("r1", "tea")).expect("not ours");
        rooms.on_listed(&room("r2", "dev")).expect("one room");
        assert_eq!(rooms.next_join().map(|(_, id)| id.to_owned()), Some("r2".to_owned()));
        assert!(rooms.next_join().is_none());
    }

    #[test]
    fn joins_in_flight_are_limited() {
        let names: Vec<String> = (0..40).map(|n| format!("room{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut rooms = rooms(&names);
        for name in &names {
            rooms.on_listed(&room(&format!("id-{name}"), name)).expect("distinct rooms");
        }
        let at_once = std::iter::from_fn(|| rooms.next_join().map(drop)).count();
        assert_eq!(at_once, MAX_JOINS_IN_FLIGHT);
        rooms.on_join_reply(EndpointId(1), true, Instant::now());
        assert!(rooms.next_join().is_some() && rooms.next_join().is_none());
    }
}
