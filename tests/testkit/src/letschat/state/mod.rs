//! What the server knows: its accounts, its rooms, and who is connected. One lock holds all of it, so
//! that everything happens in one order, as it does in the real server's single thread.

pub(super) mod account;
pub(super) mod file;
pub(super) mod json;
pub(super) mod login;
pub(super) mod post;
pub(super) mod posting;
pub(super) mod room;
pub(super) mod session;
pub(super) mod token;
mod views;

use std::collections::{BTreeMap, HashMap, VecDeque};

use axum::extract::ws::Utf8Bytes;
use jiff::Timestamp;
use tokio::sync::{broadcast, watch};

use super::engineio;
use super::id::{self, Id, IdGenerator};
use super::outbox::Outbox;
use super::setup::{MongooseVersion, NewRoom, NewUser, Setup};
use account::Account;
use file::File;
use login::Logins;
use post::{Post, PublishedPost};
use room::Room;
use session::{Broadcast, Session, SocketId};

/// How many posts wait for a watcher that does not read; older ones are lost to it.
const WATCH_CAPACITY: usize = 1024;

/// Everything the server knows.
#[derive(Debug)]
pub(super) struct ServerState {
    pub mongoose: MongooseVersion,
    pub private_rooms: bool,
    pub files_enabled: bool,
    pub private_messages: bool,
    pub ids: IdGenerator,
    /// In the order of their registration.
    pub accounts: Vec<Account>,
    pub rooms: HashMap<Id, Room>,
    pub files: Vec<File>,
    /// How often one of them was fetched.
    pub downloads: usize,
    /// Each with the username of the one it was for.
    pub sent_private_messages: Vec<(String, Post)>,
    pub sessions: BTreeMap<SocketId, Session>,
    /// The sessions of browsers.
    pub logins: Logins,
    /// Whether people may register.
    pub registration: bool,
    /// How many did.
    pub registrations: usize,
    /// How many requests of each name were handled, over websockets and REST.
    pub requests: HashMap<String, usize>,
    last_socket_id: SocketId,
    /// How many posts of each room are kept, and how many private messages.
    pub max_posts: usize,
    /// How many files are kept.
    pub max_files: usize,
    changed: watch::Sender<u64>,
    published: broadcast::Sender<PublishedPost>,
}

impl ServerState {
    pub(super) fn new(setup: &Setup) -> Self {
        let mut state = Self {
            mongoose: setup.mongoose,
            private_rooms: setup.private_rooms,
            files_enabled: setup.files,
            private_messages: setup.private_messages,
            ids: IdGenerator::new(),
            accounts: Vec::new(),
            rooms: HashMap::new(),
            files: Vec::new(),
            downloads: 0,
            sent_private_messages: Vec::new(),
            sessions: BTreeMap::new(),
            logins: Logins::default(),
            registration: setup.registration,
            registrations: 0,
            requests: HashMap::new(),
            last_socket_id: 0,
            max_posts: setup.max_posts,
            max_files: setup.max_files,
            changed: watch::Sender::new(0),
            published: broadcast::Sender::new(WATCH_CAPACITY),
        };
        for person in &setup.users {
            state.add_account(person.clone());
        }
        for room in &setup.rooms {
            state.add_room(room.clone());
        }
        state
    }

    pub(super) fn add_account(&mut self, person: NewUser) {
        let id = self.ids.next(id::now());
        self.accounts.push(Account::new(id, person));
    }

    /// Makes a room. Its owner is the first account if it names none, and nobody if there is none.
    pub(super) fn add_room(&mut self, new: NewRoom) -> Id {
        let now = id::now();
        let id_of = |name: &String| self.account_named(name).map(|account| account.id.clone());
        let owner = match &new.owner {
            Some(name) => id_of(name),
            None => self.accounts.first().map(|account| account.id.clone()),
        };
        let participants = new.participants.iter().filter_map(id_of).collect();
        let owner = owner.unwrap_or_else(|| "0".repeat(24).into());
        let room = Room {
            id: self.ids.next(now),
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
            held_posts: VecDeque::new(),
            sockets: Vec::new(),
        };
        let id = room.id.clone();
        self.rooms.insert(id.clone(), room);
        id
    }

    /// Gives an account a new token, which ends its old one. Empty if there is no such account.
    pub(super) fn new_token(&mut self, who: &str) -> String {
        let Some(account) = self.accounts.iter_mut().find(|account| *account.id == *who) else {
            return String::new();
        };
        account.secret = Some(account::new_secret());
        account.token().unwrap_or_default()
    }

    pub(super) fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| *account.id == *id)
    }

    pub(super) fn account_named(&self, username: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.username == username)
    }

    pub(super) fn room_by_slug(&self, slug: &str) -> Option<&Room> {
        self.rooms.values().find(|room| room.slug == slug)
    }

    /// A room by id or slug that is not archived, as REST paths name it.
    pub(super) fn room_by_path(&self, name: &str) -> Option<&Room> {
        let by_id = id::parse(name).filter(|_| name.len() == 24).and_then(|id| self.rooms.get(&id));
        by_id.or_else(|| self.room_by_slug(name)).filter(|room| !room.archived)
    }

    /// Adds a socket that was let in, by its account's token or by a browser's session.
    pub(super) fn add_session(&mut self, who: Id, outbox: Outbox, uses_token: bool) -> SocketId {
        self.last_socket_id += 1;
        self.sessions.insert(self.last_socket_id, Session { account_id: who, outbox, uses_token });
        self.notify_changed();
        self.last_socket_id
    }

    /// What is sent to a socket from now on is lost.
    pub(super) fn mute(&mut self, socket: SocketId) {
        if let Some(session) = self.sessions.get_mut(&socket) {
            session.outbox = Outbox::new().0;
        }
    }

    /// A socket is gone: it leaves its rooms, and those who stay are told.
    pub(super) fn remove_session(&mut self, socket: SocketId) {
        let rooms: Vec<Id> = self
            .rooms
            .values()
            .filter(|room| room.sockets.contains(&socket))
            .map(|room| room.id.clone())
            .collect();
        let broadcasts: Vec<Broadcast> =
            rooms.iter().flat_map(|room| self.leave(socket, room)).collect();
        self.sessions.remove(&socket);
        self.broadcast(broadcasts);
        self.notify_changed();
    }

    /// `socket` joins the room; a broadcast if its account was not there yet.
    pub(super) fn join(&mut self, socket: SocketId, room: &str) -> Option<Broadcast> {
        let who = self.sessions.get(&socket)?.account_id.clone();
        let known = self.is_present(&who, room);
        let place = self.rooms.get_mut(room)?;
        if !place.sockets.contains(&socket) {
            place.sockets.push(socket);
        }
        self.notify_changed();
        (!known).then(|| self.presence_broadcast("users:join", &who, room)).flatten()
    }

    /// `socket` leaves the room; a broadcast if its account has no other socket there.
    pub(super) fn leave(&mut self, socket: SocketId, room: &str) -> Option<Broadcast> {
        let who = self.sessions.get(&socket)?.account_id.clone();
        let place = self.rooms.get_mut(room)?;
        let before = place.sockets.len();
        place.sockets.retain(|other| *other != socket);
        let left = place.sockets.len() < before;
        self.notify_changed();
        (left && !self.is_present(&who, room))
            .then(|| self.presence_broadcast("users:leave", &who, room))
            .flatten()
    }

    /// Whether an account is in a room with any of its sockets.
    pub(super) fn is_present(&self, who: &str, room: &str) -> bool {
        let sits = |socket: &SocketId| {
            self.sessions.get(socket).is_some_and(|session| *session.account_id == *who)
        };
        self.rooms.get(room).is_some_and(|room| room.sockets.iter().any(sits))
    }

    /// Joins and leaves are broadcast to everyone, in the room or not, unless the room has a password.
    fn presence_broadcast(&self, event: &str, who: &str, room: &str) -> Option<Broadcast> {
        let place = self.rooms.get(room)?;
        let user = json::User { room: Some(room), ..self.account(who)?.as_json() };
        let frame = engineio::event(event, &json::to_string(&user)).into();
        Some(if place.has_password() {
            Broadcast::Room(place.id.clone(), frame)
        } else {
            Broadcast::Everyone(frame)
        })
    }

    /// Sends broadcasts to their recipients.
    pub(super) fn broadcast(&self, broadcasts: impl IntoIterator<Item = Broadcast>) {
        let hand = |socket: &SocketId, frame: Utf8Bytes| {
            if let Some(session) = self.sessions.get(socket) {
                session.outbox.send(frame);
            }
        };
        for broadcasts in broadcasts {
            match broadcasts {
                Broadcast::Everyone(frame) => {
                    self.sessions.keys().for_each(|socket| hand(socket, frame.clone()));
                }
                Broadcast::Sockets(sockets, frame) => {
                    sockets.iter().for_each(|socket| hand(socket, frame.clone()));
                }
                Broadcast::Room(room, frame) => {
                    let present = self.rooms.get(&room).map(|room| room.sockets.as_slice());
                    present
                        .unwrap_or_default()
                        .iter()
                        .for_each(|socket| hand(socket, frame.clone()));
                }
            }
        }
    }

    /// The posts from now on.
    pub(super) fn watch(&self) -> broadcast::Receiver<PublishedPost> {
        self.published.subscribe()
    }

    /// Tells the watchers of a post.
    fn tell_watchers(&self, slug: &str, post: &Post) {
        if self.published.receiver_count() > 0 {
            let (at, room) = (Timestamp::now(), slug.to_owned());
            // The last watcher may just have left.
            let _ = self.published.send(PublishedPost { at, room, post: post.clone() });
        }
    }

    /// Something changed that somebody may be waiting for.
    pub(super) fn notify_changed(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    /// Tells of each change.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}
