//! What the server says, and what that means for our seats.

use std::time::Instant;

use super::{ROOMS, Session};
use crate::domain::{DeliveryId, EndpointId};
use crate::protocol::Output;
use crate::protocol::letschat::answer::{
    self, Account, PostRef, Room, Visitor, WirePost, WireWhisper,
};
use crate::protocol::letschat::call::Call;
use crate::protocol::letschat::rows::{self, Rows, read_rows};
use crate::protocol::letschat::{Author, Event, PostId, Presence, Stay};

/// How many posts are asked for when the newest makes no sense.
const MORE: usize = 500;

/// How often in a row it is told what makes no sense; then less and less often.
const TOLD: u64 = 10;

impl Session {
    pub(super) fn event(&mut self, now: Instant, name: &str, argument: &str) {
        match name {
            "messages:new" => self.said(argument),
            "user-messages:new" => match answer::read::<WireWhisper>(argument) {
                Ok(whisper) => {
                    self.output.push_back(Output::Event(Event::Whispered(whisper.into())));
                }
                Err(_) => self.odd(name, argument),
            },
            "rooms:archive" => match answer::read::<Room>(argument) {
                Ok(room) => {
                    if let Some(place) = self.rooms.place(&room.id) {
                        self.leave(now, place, "the room was archived");
                    }
                }
                Err(_) => self.odd(name, argument),
            },
            // A room that we look for may just have been made, or opened to us.
            "rooms:new" | "rooms:update" => match answer::read::<Room>(argument) {
                Ok(room) => {
                    self.listed(now, &room);
                    self.join(now);
                    self.about(&room, false);
                }
                Err(_) => self.odd(name, argument),
            },
            "users:join" => {
                self.moved(name, argument, |place, user| Presence::Came { place, user });
            }
            "users:leave" => {
                self.moved(name, argument, |place, user| Presence::Went { place, user });
            }
            "users:update" => {
                let account = answer::read::<Account>(argument).ok();
                match account.and_then(Author::try_from_account) {
                    Some(account) => self.tell(Presence::Renamed(account)),
                    None => self.odd(name, argument),
                }
            }
            _ => {}
        }
    }

    /// Somebody has spoken.
    fn said(&mut self, argument: &str) {
        let read = answer::read::<WirePost>(argument).ok().and_then(WirePost::into_post);
        if let Some((post, Some(room))) = read {
            let place = self.rooms.place(&room);
            self.output.extend(place.map(|place| Output::Event(Event::Heard { place, post })));
            return;
        }
        self.odd("messages:new", argument);
        if let Some(place) = answer::room_of(argument).and_then(|room| self.rooms.place(&room)) {
            let post = rows::id_of(argument).and_then(|id| id.parse().ok());
            self.output.push_back(Output::Event(Event::Unreadable { place, post }));
        }
    }

    fn moved(
        &mut self,
        name: &str,
        argument: &str,
        how: impl FnOnce(EndpointId, Author) -> Presence,
    ) {
        let Ok(Visitor { account, room }) = answer::read::<Visitor>(argument) else {
            return self.odd(name, argument);
        };
        let Some(user) = Author::try_from_account(account) else {
            return self.odd(name, argument);
        };
        if let Some(place) = self.rooms.place(&room) {
            self.tell(how(place, user));
        }
    }

    /// Passes over what makes no sense, and says so.
    fn odd(&mut self, what: &str, json: &str) {
        let id = rows::id_of(json).unwrap_or_else(|| "none".to_owned());
        self.passed_over(what, 1, &id);
    }

    /// The rows that make sense; of the others it is said that they are passed over.
    fn sound<T>(&mut self, what: &str, rows: Rows<T>) -> Vec<T> {
        if !rows.bad.is_empty() {
            self.passed_over(what, rows.bad.len() as u64, &rows.named());
        }
        rows.rows
    }

    fn passed_over(&mut self, what: &str, count: u64, ids: &str) {
        let before = self.oddities;
        self.oddities += count;
        let total = self.oddities;
        if total <= TOLD || before.checked_ilog2() != total.checked_ilog2() {
            tracing::warn!(
                what,
                count,
                ids,
                total,
                "Let's Chat tells what makes no sense: passed over"
            );
        }
    }

    fn tell(&mut self, presence: Presence) {
        self.output.push_back(Output::Event(Event::People(presence)));
    }

    pub(super) fn answered(&mut self, now: Instant, call: Call, argument: &str) {
        match call {
            Call::WhoAmI => match answer::read::<Account>(argument) {
                Ok(account) => {
                    self.output
                        .push_back(Output::Event(Event::Welcome(Author::ourselves(account))));
                }
                Err(why) => self.close(format!("the server does not say who we are: {why}")),
            },
            Call::Rooms { skip } => match read_rows::<Room, _>(argument, Some) {
                Ok(rows) => {
                    let count = rows.count();
                    let rooms = self.sound("rooms:list", rows);
                    self.listed_all(now, (skip, count), &rooms);
                }
                Err(why) => self.close(format!("the server does not list its rooms: {why}")),
            },
            Call::Join(place) => match self.joined_room(place, argument) {
                Ok(room) => {
                    self.rooms.answered(place, true, now);
                    self.about(&room, true);
                    self.ask_people(now, place, &room.id);
                    self.output.push_back(Output::Event(Event::Joined { place, room: room.id }));
                    self.join(now);
                }
                Err(why) => {
                    self.rooms.answered(place, false, now);
                    self.closed(place, join_refusal(&why));
                    self.join(now);
                }
            },
            Call::People(place) => {
                match read_rows::<Account, _>(argument, Author::try_from_account) {
                    Ok(rows) => {
                        let users = self.sound("rooms:users", rows);
                        self.tell(Presence::Listed { place, users });
                    }
                    // Those who come, and those who speak, are known without it.
                    Err(why) => {
                        tracing::debug!(%place, why, "the server does not say who is there");
                    }
                }
            }
            Call::Describe(place) => {
                if let Err(why) = answer::read::<Room>(argument) {
                    tracing::warn!(%place, why, "the room keeps its description");
                }
            }
            Call::Post { ticket, place } | Call::Whisper { ticket, place } => {
                self.posted(ticket, place, argument);
            }
            // Nobody waits for it.
            Call::Tell => {}
            // The list itself is broken in the server: always empty.
            Call::Whispers => self.output.push_back(Output::Event(Event::CarriesWhispers(true))),
            Call::List { place, stay } => {
                let post = |it: WirePost| it.into_post().map(|(post, _)| post);
                match read_rows(argument, post) {
                    Ok(rows) => {
                        let id = |id: &Option<String>| id.as_deref().and_then(|id| id.parse().ok());
                        let bad = rows.bad.iter().map(id).collect();
                        let posts = self.sound("messages:list", rows);
                        let bytes = argument.len();
                        let listed = Event::Listed { place, posts, bad, bytes, stay };
                        self.output.push_back(Output::Event(listed));
                    }
                    Err(why) => self.leave(now, place, &format!("the room cannot be read: {why}")),
                }
            }
            Call::Newest { place, take, stay } => {
                match read_rows(argument, |post: PostRef| post.id()) {
                    Ok(rows) => self.newest(now, place, stay, take, rows),
                    Err(why) => self.leave(now, place, &format!("the room cannot be read: {why}")),
                }
            }
        }
    }

    /// The newest posts of a room, of which `take` were asked for, newest first.
    fn newest(
        &mut self,
        now: Instant,
        place: EndpointId,
        stay: Stay,
        take: usize,
        rows: Rows<PostId>,
    ) {
        let count = rows.count();
        let posts = self.sound("messages:list", rows);
        if posts.is_empty() && count > 0 {
            if take < MORE && count >= take {
                return self.ask_newest(now, place, stay, MORE);
            }
            return self.leave(
                now,
                place,
                "its newest posts have no ids: delete them from the database",
            );
        }
        let post = posts.into_iter().next();
        self.output.push_back(Output::Event(Event::Newest { place, post, stay }));
    }

    /// The room that we have joined. One that lacks its id is the one that we asked for.
    fn joined_room(&self, place: EndpointId, argument: &str) -> Result<Room, String> {
        let read = answer::read::<Room>(argument);
        if read.is_err()
            && answer::is_document(argument)
            && let Some(id) = self.rooms.id(place)
        {
            return Ok(Room::nameless(id));
        }
        read
    }

    /// Tells what a room of ours is about, where the server says so.
    fn about(&mut self, room: &Room, fresh: bool) {
        if let (Some(place), Some(description)) = (self.rooms.place(&room.id), &room.description) {
            let description = description.clone();
            self.output.push_back(Output::Event(Event::About { place, description, fresh }));
        }
    }

    fn posted(&mut self, ticket: DeliveryId, place: EndpointId, argument: &str) {
        let event = match answer::read::<PostRef>(argument).map(|post| post.id()) {
            Ok(Some(id)) => Event::Posted { ticket, place, id },
            // Taken, but under no id that we can know it by again: look for it in the room.
            Ok(None) => Event::Unanswered { ticket, place },
            // "Bad Request" is also what it says when its database went away, before or after it
            // had stored the post: it is looked for in the room, and only what is refused again then
            // is refused.
            Err(why) if self.refused.insert(place, ticket) != Some(ticket) => {
                tracing::warn!(why, delivery = ticket.0, "a post is refused: looking in the room");
                Event::Unanswered { ticket, place }
            }
            Err(why) => Event::Refused { ticket, place, why },
        };
        self.output.push_back(Output::Event(event));
    }

    fn listed_all(&mut self, now: Instant, (skip, count): (usize, usize), rooms: &[Room]) {
        for room in rooms {
            self.listed(now, room);
        }
        if count >= ROOMS {
            self.look_on(now, skip + count);
        } else {
            let missing: Vec<(EndpointId, String)> = self.rooms.missing().collect();
            for (place, name) in missing {
                self.closed(place, missing_room(&name, rooms));
                self.rooms.look_later(now);
            }
        }
        self.join(now);
    }

    fn listed(&mut self, now: Instant, room: &Room) {
        if let Err((place, _)) = self.rooms.listed(room) {
            self.closed(
                place,
                format!("the room {} is configured twice, by slug and by id", room.called()),
            );
            self.rooms.look_later(now);
        }
    }

    fn leave(&mut self, now: Instant, place: EndpointId, why: &str) {
        if self.rooms.left(place, now) {
            self.calls.forget(place);
            self.closed(place, why.to_owned());
        }
    }
}

/// Why we may not join, in words for the administrator.
fn join_refusal(why: &str) -> String {
    match why {
        "password required" => {
            "the room wants a password: set room_password for its link".to_owned()
        }
        "Not Found" => {
            "the room is gone, archived, or private without our account in it".to_owned()
        }
        why => format!("Let's Chat refuses: {why}"),
    }
}

/// Why a room is not there, in words for the administrator.
fn missing_room(name: &str, rooms: &[Room]) -> String {
    const SHOWN: usize = 8;
    let mut slugs: Vec<&str> = rooms.iter().map(Room::called).collect();
    slugs.sort_unstable();
    let more = if slugs.len() > SHOWN { ", …" } else { "" };
    slugs.truncate(SHOWN);
    format!("Let's Chat shows our account no room {name:?}; it shows {}{more}", slugs.join(", "))
}
