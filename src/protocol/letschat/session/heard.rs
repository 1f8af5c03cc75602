//! What the server says, and what that means for our seats.

use std::time::Instant;

use super::{ROOMS, Session};
use crate::domain::{PlaceId, Ticket};
use crate::protocol::Output;
use crate::protocol::letschat::answer::{
    self, Account, PostRef, Room, Visitor, WirePost, WireWhisper,
};
use crate::protocol::letschat::call::Call;
use crate::protocol::letschat::{Author, Event, Presence};

impl Session {
    pub(super) fn event(&mut self, now: Instant, name: &str, argument: &str) {
        match name {
            "messages:new" => match answer::read::<WirePost>(argument).map(WirePost::into_post) {
                Ok(Some((post, Some(room)))) => {
                    let place = self.rooms.place(&room);
                    self.output
                        .extend(place.map(|place| Output::Event(Event::Heard { place, post })));
                }
                Ok(_) => tracing::warn!("a post without an id or a room"),
                Err(error) => tracing::warn!(error, "a post that makes no sense"),
            },
            "user-messages:new" if self.whispers => match answer::read::<WireWhisper>(argument) {
                Ok(whisper) => {
                    self.output.push_back(Output::Event(Event::Whispered(whisper.into())));
                }
                Err(error) => tracing::warn!(error, "a private message that makes no sense"),
            },
            "rooms:archive" => {
                if let Ok(room) = answer::read::<Room>(argument)
                    && let Some(place) = self.rooms.place(&room.id)
                {
                    self.leave(now, place, "the room was archived");
                }
            }
            // A room that we look for may just have been made, or opened to us.
            "rooms:new" | "rooms:update" => {
                if let Ok(room) = answer::read::<Room>(argument) {
                    self.listed(now, &room);
                    self.join(now);
                    self.about(&room, false);
                }
            }
            "users:join" => self.moved(argument, |place, user| Presence::Came { place, user }),
            "users:leave" => self.moved(argument, |place, user| Presence::Went { place, user }),
            "users:update" => {
                if let Ok(account) = answer::read::<Account>(argument) {
                    self.tell(Presence::Renamed(account.into()));
                }
            }
            _ => {}
        }
    }

    fn moved(&mut self, argument: &str, how: impl FnOnce(PlaceId, Author) -> Presence) {
        if let Ok(Visitor { account, room }) = answer::read::<Visitor>(argument)
            && let Some(place) = self.rooms.place(&room)
        {
            self.tell(how(place, account.into()));
        }
    }

    fn tell(&mut self, presence: Presence) {
        self.output.push_back(Output::Event(Event::People(presence)));
    }

    pub(super) fn answered(&mut self, now: Instant, call: Call, argument: &str) {
        match call {
            Call::WhoAmI => match answer::read::<Account>(argument) {
                Ok(account) => self.output.push_back(Output::Event(Event::Welcome(account.into()))),
                Err(why) => self.close(format!("the server does not say who we are: {why}")),
            },
            Call::Rooms { skip } => match answer::read::<Vec<Room>>(argument) {
                Ok(rooms) => self.listed_all(now, skip, &rooms),
                Err(why) => self.close(format!("the server does not list its rooms: {why}")),
            },
            Call::Join(place) => match answer::read::<Room>(argument) {
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
            Call::People(place) => match answer::read::<Vec<Account>>(argument) {
                Ok(users) => {
                    let users = users.into_iter().map(Author::from).collect();
                    self.tell(Presence::Listed { place, users });
                }
                // Those who come, and those who speak, are known without it.
                Err(why) => tracing::debug!(%place, why, "the server does not say who is there"),
            },
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
            Call::List(place) => match answer::read::<Vec<WirePost>>(argument) {
                Ok(posts) => {
                    let posts = posts.into_iter().filter_map(WirePost::into_post);
                    let posts = posts.map(|(post, _)| post).collect();
                    self.output.push_back(Output::Event(Event::Listed { place, posts }));
                }
                Err(why) => self.leave(now, place, &format!("the room cannot be read: {why}")),
            },
            Call::Newest(place) => match answer::read::<Vec<PostRef>>(argument) {
                Ok(posts) => {
                    let post = posts.first().and_then(PostRef::id);
                    self.output.push_back(Output::Event(Event::Newest { place, post }));
                }
                Err(why) => self.leave(now, place, &format!("the room cannot be read: {why}")),
            },
        }
    }

    /// Tells what a room of ours is about, where the server says so.
    fn about(&mut self, room: &Room, fresh: bool) {
        if let (Some(place), Some(description)) = (self.rooms.place(&room.id), &room.description) {
            let description = description.clone();
            self.output.push_back(Output::Event(Event::About { place, description, fresh }));
        }
    }

    fn posted(&mut self, ticket: Ticket, place: PlaceId, argument: &str) {
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

    fn listed_all(&mut self, now: Instant, skip: usize, rooms: &[Room]) {
        for room in rooms {
            self.listed(now, room);
        }
        if rooms.len() >= ROOMS {
            self.look_on(now, skip + rooms.len());
        } else {
            let missing: Vec<(PlaceId, String)> = self.rooms.missing().collect();
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
                format!("the room {} is configured twice, by slug and by id", room.slug),
            );
            self.rooms.look_later(now);
        }
    }

    fn leave(&mut self, now: Instant, place: PlaceId, why: &str) {
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
    let mut slugs: Vec<&str> = rooms.iter().map(|room| room.slug.as_str()).collect();
    slugs.sort_unstable();
    let more = if slugs.len() > SHOWN { ", …" } else { "" };
    slugs.truncate(SHOWN);
    format!("Let's Chat shows our account no room {name:?}; it shows {}{more}", slugs.join(", "))
}
