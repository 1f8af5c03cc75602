use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use secrecy::SecretString;

use super::answer::Room;
use crate::domain::EndpointId;
use crate::protocol::Backoff;

/// How many joins are under way at once: the server does them one by one.
const AT_ONCE: usize = 16;

/// A room that we mean to be in.
#[derive(Debug, Clone)]
pub struct Seat {
    /// Its number.
    pub place: EndpointId,
    /// Its slug or id, as the configuration has it.
    pub name: String,
    /// Its password, where it has one.
    pub password: Option<SecretString>,
}

/// Where we stand with one room.
///
/// ```text
///      listed            turn            ack
///  Out ───────▶ Queued ───────▶ Asked ────────▶ In
///   ▲             ▲               │ refused      │ archived, unreadable
///   │             └── waited ─────┤              │
///   └──── not listed ◀────────────┴──────────────┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Out,
    Queued,
    Asked,
    In,
}

/// The rooms that we mean to be in.
#[derive(Debug)]
pub(super) struct Rooms {
    rooms: HashMap<EndpointId, Sitting>,
    by_name: HashMap<String, EndpointId>,
    by_id: HashMap<String, EndpointId>,
    queue: VecDeque<EndpointId>,
    asked: usize,
    backoff: Backoff,
    chance: fastrand::Rng,
    /// When to look again for the rooms that we are out of.
    look_at: Option<Instant>,
}

#[derive(Debug)]
struct Sitting {
    seat: Seat,
    id: Option<String>,
    state: State,
    /// The name to keep when the room is described anew; `None` where it must be left alone.
    describable: Option<String>,
}

impl Rooms {
    pub(super) fn new(seats: Vec<Seat>, seed: u64) -> Self {
        let by_name = seats.iter().map(|seat| (seat.name.clone(), seat.place)).collect();
        let sitting = |seat: Seat| {
            (seat.place, Sitting { seat, id: None, state: State::Out, describable: None })
        };
        Self {
            rooms: seats.into_iter().map(sitting).collect(),
            by_name,
            by_id: HashMap::new(),
            queue: VecDeque::new(),
            asked: 0,
            backoff: Backoff::new(Duration::from_secs(10), Duration::from_secs(300)),
            chance: fastrand::Rng::with_seed(seed),
            look_at: None,
        }
    }

    /// The place of the room with this id, if we are in it.
    pub(super) fn place(&self, id: &str) -> Option<EndpointId> {
        self.by_id.get(id).copied()
    }

    /// The id of the room at `place`, if the server has told it.
    pub(super) fn id(&self, place: EndpointId) -> Option<&str> {
        self.rooms.get(&place)?.id.as_deref()
    }

    /// The id and the name of the room at `place`, if it may be described anew.
    pub(super) fn describable(&self, place: EndpointId) -> Option<(&str, &str)> {
        let sitting = self.rooms.get(&place)?;
        Some((sitting.id.as_deref()?, sitting.describable.as_deref()?))
    }

    /// The server knows this room. Says which other place of ours is the same room, if one is.
    pub(super) fn listed(&mut self, room: &Room) -> Result<(), (EndpointId, EndpointId)> {
        for name in room.slug.iter().chain([&room.id]) {
            let Some(place) = self.by_name.get(name).copied() else { continue };
            if let Some(other) = self.place(&room.id).filter(|other| *other != place) {
                return Err((place, other));
            }
            self.by_id.insert(room.id.clone(), place);
            let Some(sitting) = self.rooms.get_mut(&place) else { continue };
            sitting.id = Some(room.id.clone());
            let open = !room.private && !room.has_password;
            sitting.describable = room.name.clone().filter(|_| open);
            if sitting.state == State::Out {
                sitting.state = State::Queued;
                self.queue.push_back(place);
            }
        }
        Ok(())
    }

    /// The next room to join, if one may be joined now.
    pub(super) fn next_join(&mut self) -> Option<(&Seat, &str)> {
        if self.asked >= AT_ONCE {
            return None;
        }
        let place = self.queue.pop_front()?;
        let sitting = self.rooms.get_mut(&place)?;
        sitting.state = State::Asked;
        self.asked += 1;
        Some((&sitting.seat, sitting.id.as_deref()?))
    }

    /// The server has answered a join.
    pub(super) fn answered(&mut self, place: EndpointId, joined: bool, now: Instant) {
        self.asked = self.asked.saturating_sub(1);
        if let Some(sitting) = self.rooms.get_mut(&place) {
            sitting.state = if joined { State::In } else { State::Out };
        }
        if !joined {
            self.look_later(now);
        } else if self.all_in() {
            self.backoff.reset();
        }
    }

    /// We are no longer in the room at `place`. Says whether we were.
    pub(super) fn left(&mut self, place: EndpointId, now: Instant) -> bool {
        let Some(sitting) = self.rooms.get_mut(&place) else { return false };
        let was_in = sitting.state == State::In;
        if was_in {
            sitting.state = State::Out;
            self.look_later(now);
        }
        was_in
    }

    /// The rooms that the server does not list, and what they are called.
    pub(super) fn missing(&self) -> impl Iterator<Item = (EndpointId, String)> {
        let out = self.rooms.iter().filter(|(_, sitting)| sitting.state == State::Out);
        out.map(|(place, sitting)| (*place, sitting.seat.name.clone()))
    }

    /// Looks again later, and later each time.
    pub(super) fn look_later(&mut self, now: Instant) {
        if self.look_at.is_none() {
            self.look_at = Some(now + self.backoff.next(&mut self.chance));
        }
    }

    /// Whether it is time to look again.
    pub(super) fn look(&mut self, now: Instant) -> bool {
        let due = self.look_at.is_some_and(|at| at <= now);
        if due {
            self.look_at = None;
        }
        due
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.look_at
    }

    fn all_in(&self) -> bool {
        self.rooms.values().all(|sitting| sitting.state == State::In)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(names: &[&str]) -> Rooms {
        let seat = |(place, name): (i64, &&str)| Seat {
            place: EndpointId(place),
            name: (*name).to_owned(),
            password: None,
        };
        Rooms::new((1..).zip(names).map(seat).collect(), 1)
    }

    fn room(id: &str, slug: &str) -> Room {
        Room {
            id: id.to_owned(),
            slug: Some(slug.to_owned()),
            name: None,
            description: None,
            private: false,
            has_password: false,
        }
    }

    #[test]
    fn a_room_is_found_by_slug_or_id() {
        let mut rooms = rooms(&["tea", "r2"]);
        for (id, slug) in [("r1", "tea"), ("r2", "dev"), ("r3", "ops")] {
            rooms.listed(&room(id, slug)).expect("distinct rooms");
        }
        let joins: Vec<String> =
            std::iter::from_fn(|| rooms.next_join().map(|(_, id)| id.to_owned())).collect();
        assert_eq!(joins, ["r1", "r2"]);
        assert_eq!(rooms.place("r1"), Some(EndpointId(1)));
        assert_eq!(rooms.place("r3"), None);
    }

    #[test]
    fn one_room_under_two_names_is_told() {
        let mut rooms = rooms(&["tea", "r1"]);
        assert_eq!(rooms.listed(&room("r1", "tea")), Err((EndpointId(2), EndpointId(1))));
    }

    #[test]
    fn a_room_that_is_refused_is_looked_for_again() {
        let now = Instant::now();
        let mut rooms = rooms(&["tea"]);
        rooms.listed(&room("r1", "tea")).expect("one room");
        assert!(rooms.next_join().is_some());
        rooms.answered(EndpointId(1), false, now);
        let due = rooms.deadline().expect("a time to look");
        assert!(!rooms.look(now) && rooms.look(due) && !rooms.look(due));
        assert_eq!(rooms.missing().collect::<Vec<_>>(), [(EndpointId(1), "tea".to_owned())]);
    }

    #[test]
    fn joins_are_asked_for_a_few_at_once() {
        let names: Vec<String> = (0..40).map(|n| format!("room{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut rooms = rooms(&names);
        for name in &names {
            rooms.listed(&room(&format!("id-{name}"), name)).expect("distinct rooms");
        }
        let at_once = std::iter::from_fn(|| rooms.next_join().map(drop)).count();
        assert_eq!(at_once, AT_ONCE);
        rooms.answered(EndpointId(1), true, Instant::now());
        assert!(rooms.next_join().is_some() && rooms.next_join().is_none());
    }
}
