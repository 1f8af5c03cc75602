//! What the server knows: its people, its rooms, and who is connected. One lock holds all of it, so
//! that everything happens in one order, as it does in the real server's single thread.

pub(super) mod account;
pub(super) mod file;
pub(super) mod json;
pub(super) mod post;
mod posting;
pub(super) mod room;
pub(super) mod session;
pub(super) mod token;
mod views;

use std::collections::{BTreeMap, HashMap, VecDeque};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::watch;

use super::engineio;
use super::id::{self, Id, Maker};
use super::outbox::Outbox;
use super::setup::{Flavour, NewRoom, Person, Setup};
use account::Account;
use file::File;
use post::Post;
use room::Room;
use session::{News, Seat, Taken};

/// Everything the server knows.
#[derive(Debug)]
pub(super) struct World {
    pub flavour: Flavour,
    pub private_rooms: bool,
    pub files_enabled: bool,
    pub private_messages: bool,
    pub ids: Maker,
    /// In the order of their registration.
    pub people: Vec<Account>,
    pub rooms: HashMap<Id, Room>,
    pub files: Vec<File>,
    /// How often one of them was fetched.
    pub downloads: usize,
    /// Each with the username of the one it was for.
    pub whispers: Vec<(String, Post)>,
    pub seats: BTreeMap<Seat, Taken>,
    next_seat: Seat,
    changed: watch::Sender<u64>,
}

impl World {
    pub(super) fn new(setup: &Setup) -> Self {
        let mut world = Self {
            flavour: setup.flavour,
            private_rooms: setup.private_rooms,
            files_enabled: setup.files,
            private_messages: setup.private_messages,
            ids: Maker::new(),
            people: Vec::new(),
            rooms: HashMap::new(),
            files: Vec::new(),
            downloads: 0,
            whispers: Vec::new(),
            seats: BTreeMap::new(),
            next_seat: 0,
            changed: watch::Sender::new(0),
        };
        for person in &setup.people {
            world.add_person(person.clone());
        }
        for room in &setup.rooms {
            world.add_room(room.clone());
        }
        world
    }

    pub(super) fn add_person(&mut self, person: Person) {
        let id = self.ids.make(id::now());
        self.people.push(Account::new(id, person));
    }

    /// Makes a room. Its owner is the first account if it names none, and nobody if there is none.
    pub(super) fn add_room(&mut self, new: NewRoom) -> Id {
        let now = id::now();
        let id_of = |name: &String| self.named(name).map(|account| account.id.clone());
        let owner = match &new.owner {
            Some(name) => id_of(name),
            None => self.people.first().map(|account| account.id.clone()),
        };
        let participants = new.participants.iter().filter_map(id_of).collect();
        let owner = owner.unwrap_or_else(|| "0".repeat(24).into());
        let room = Room {
            id: self.ids.make(now),
            slug: new.slug,
            name: new.name,
            description: new.description,
            last_active: now,
            created: now,
            owner,
            private: new.private,
            password: new.password,
            participants,
            archived: false,
            posts: Vec::new(),
            held: VecDeque::new(),
            present: Vec::new(),
        };
        let id = room.id.clone();
        self.rooms.insert(id.clone(), room);
        id
    }

    /// Gives an account a new token, which ends its old one. Empty if there is no such account.
    pub(super) fn new_token(&mut self, who: &str) -> String {
        let Some(account) = self.people.iter_mut().find(|account| *account.id == *who) else {
            return String::new();
        };
        account.secret = Some(account::new_secret());
        account.token().unwrap_or_default()
    }

    pub(super) fn account(&self, id: &str) -> Option<&Account> {
        self.people.iter().find(|account| *account.id == *id)
    }

    pub(super) fn named(&self, username: &str) -> Option<&Account> {
        self.people.iter().find(|account| account.username == username)
    }

    pub(super) fn slugged(&self, slug: &str) -> Option<&Room> {
        self.rooms.values().find(|room| room.slug == slug)
    }

    /// A room by id or slug that is not archived, as REST paths name it.
    pub(super) fn addressed(&self, name: &str) -> Option<&Room> {
        let by_id = id::parse(name).filter(|_| name.len() == 24).and_then(|id| self.rooms.get(&id));
        by_id.or_else(|| self.slugged(name)).filter(|room| !room.archived)
    }

    /// Lets a socket in.
    pub(super) fn sit(&mut self, who: Id, outbox: Outbox) -> Seat {
        self.next_seat += 1;
        self.seats.insert(self.next_seat, Taken { who, outbox });
        self.touch();
        self.next_seat
    }

    /// What is told to a socket from now on is lost.
    pub(super) fn mute(&mut self, seat: Seat) {
        if let Some(taken) = self.seats.get_mut(&seat) {
            taken.outbox = Outbox::new().0;
        }
    }

    /// A socket is gone: it leaves its rooms, and those who stay are told.
    pub(super) fn rise(&mut self, seat: Seat) {
        let rooms: Vec<Id> = self
            .rooms
            .values()
            .filter(|room| room.present.contains(&seat))
            .map(|room| room.id.clone())
            .collect();
        let news: Vec<News> = rooms.iter().flat_map(|room| self.leave(seat, room)).collect();
        self.seats.remove(&seat);
        self.tell(news);
        self.touch();
    }

    /// `seat` joins the room; news if its account was not there yet.
    pub(super) fn join(&mut self, seat: Seat, room: &str) -> Option<News> {
        let who = self.seats.get(&seat)?.who.clone();
        let known = self.sits(&who, room);
        let place = self.rooms.get_mut(room)?;
        if !place.present.contains(&seat) {
            place.present.push(seat);
        }
        self.touch();
        (!known).then(|| self.moved("users:join", &who, room)).flatten()
    }

    /// `seat` leaves the room; news if its account has no other seat there.
    pub(super) fn leave(&mut self, seat: Seat, room: &str) -> Option<News> {
        let who = self.seats.get(&seat)?.who.clone();
        let place = self.rooms.get_mut(room)?;
        let before = place.present.len();
        place.present.retain(|other| *other != seat);
        let left = place.present.len() < before;
        self.touch();
        (left && !self.sits(&who, room)).then(|| self.moved("users:leave", &who, room)).flatten()
    }

    /// Whether an account is in a room with any of its sockets.
    pub(super) fn sits(&self, who: &str, room: &str) -> bool {
        let sits = |seat: &Seat| self.seats.get(seat).is_some_and(|taken| *taken.who == *who);
        self.rooms.get(room).is_some_and(|room| room.present.iter().any(sits))
    }

    /// Coming and going is told to everyone, in the room or not, unless the room has a password.
    fn moved(&self, event: &str, who: &str, room: &str) -> Option<News> {
        let place = self.rooms.get(room)?;
        let user = json::User { room: Some(room), ..self.account(who)?.shape() };
        let frame = engineio::event(event, &json::to_string(&user)).into();
        Some(if place.has_password() {
            News::Room(place.id.clone(), frame)
        } else {
            News::Everyone(frame)
        })
    }

    /// Hands the news to those whom it is for.
    pub(super) fn tell(&self, news: impl IntoIterator<Item = News>) {
        let hand = |seat: &Seat, frame: Utf8Bytes| {
            if let Some(taken) = self.seats.get(seat) {
                taken.outbox.say(frame);
            }
        };
        for news in news {
            match news {
                News::Everyone(frame) => {
                    self.seats.keys().for_each(|seat| hand(seat, frame.clone()));
                }
                News::Seats(seats, frame) => {
                    seats.iter().for_each(|seat| hand(seat, frame.clone()));
                }
                News::Room(room, frame) => {
                    let present = self.rooms.get(&room).map(|room| room.present.as_slice());
                    present.unwrap_or_default().iter().for_each(|seat| hand(seat, frame.clone()));
                }
            }
        }
    }

    /// Something changed that somebody may be waiting for.
    pub(super) fn touch(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    /// Tells of each change.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}
