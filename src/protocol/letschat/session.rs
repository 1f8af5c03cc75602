//! The conversation with one Let's Chat server, from websocket open to websocket close.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::answer::{self, Account, PostRef, Room, WirePost};
use super::call::{Call, Calls};
use super::rooms::{Rooms, Seat};
use super::{Event, Order, PAGE};
use crate::domain::{PlaceId, Ticket};
use crate::protocol::socketio::Packet;
use crate::protocol::{Input, Machine, Output};

/// How long the server may take to let us in: it checks tokens one at a time, 100 ms each.
const DOOR_PATIENCE: Duration = Duration::from_secs(60);

/// How long it may leave a ping unanswered.
const PONG_PATIENCE: Duration = Duration::from_secs(20);

/// How many rooms we ask for at once: the most that the server gives.
const ROOMS: usize = 5_000;

/// The conversation with one Let's Chat server, from websocket open to websocket close.
#[derive(Debug)]
pub struct Session {
    phase: Phase,
    rooms: Rooms,
    calls: Calls,
    ping: Ping,
    output: VecDeque<Output<String, Event>>,
}

/// ```text
///            40          Leave
///  Knocking ────▶ Seated ─────▶ closed
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Knocking { until: Instant },
    Seated,
}

/// In Engine.IO 3 the client pings.
#[derive(Debug)]
struct Ping {
    every: Duration,
    /// When to ping, or when to give up waiting for the pong.
    due: Instant,
    pong_owed: bool,
}

impl Session {
    /// A session that will sit in the rooms of `seats`; its chance begins at `seed`.
    #[must_use]
    pub fn new(now: Instant, seats: Vec<Seat>, seed: u64) -> Self {
        Self {
            phase: Phase::Knocking { until: now + DOOR_PATIENCE },
            rooms: Rooms::new(seats, seed),
            calls: Calls::default(),
            ping: Ping {
                every: Duration::from_secs(25),
                due: now + DOOR_PATIENCE,
                pong_owed: false,
            },
            output: VecDeque::new(),
        }
    }

    fn receive(&mut self, now: Instant, packet: Packet) {
        match packet {
            Packet::Open { ping_interval, .. } => {
                self.ping.every = Duration::from_millis(ping_interval.clamp(1_000, 60_000));
                self.ping.due = now + self.ping.every;
            }
            Packet::Ping { data } => self.send(&Packet::Pong { data }),
            Packet::Connect if self.phase != Phase::Seated => {
                self.phase = Phase::Seated;
                self.call(now, Call::WhoAmI, "account:whoami", Value::Null);
                self.look(now);
            }
            Packet::Error { data } => self.close(refusal(data.as_deref())),
            Packet::Disconnect | Packet::Close => self.close("the server hung up".to_owned()),
            Packet::Event { name, arguments, .. } => {
                let argument = arguments.first().map_or("null", |raw| raw.get());
                self.event(now, &name, argument);
            }
            Packet::Ack { id, arguments } => {
                let argument = arguments.first().map_or("null", |raw| raw.get());
                if let Some(call) = self.calls.end(id) {
                    self.answered(now, call, argument);
                }
            }
            _ => {}
        }
    }

    fn event(&mut self, now: Instant, name: &str, argument: &str) {
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
                }
            }
            _ => {}
        }
    }

    fn answered(&mut self, now: Instant, call: Call, argument: &str) {
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
                    self.output.push_back(Output::Event(Event::Joined { place, room: room.id }));
                    self.join(now);
                }
                Err(why) => {
                    self.rooms.answered(place, false, now);
                    self.closed(place, join_refusal(&why));
                    self.join(now);
                }
            },
            Call::Post { ticket, place } => self.posted(ticket, place, argument),
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

    fn posted(&mut self, ticket: Ticket, place: PlaceId, argument: &str) {
        let event = match answer::read::<PostRef>(argument).map(|post| post.id()) {
            Ok(Some(id)) => Event::Posted { ticket, place, id },
            // Taken, but under no id that we can know it by again: look for it in the room.
            Ok(None) => Event::Unanswered { ticket, place },
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

    fn look(&mut self, now: Instant) {
        self.look_on(now, 0);
    }

    fn look_on(&mut self, now: Instant, skip: usize) {
        self.call(now, Call::Rooms { skip }, "rooms:list", json!({ "take": ROOMS, "skip": skip }));
    }

    fn join(&mut self, now: Instant) {
        while let Some((seat, id)) = self.rooms.next_join() {
            let password = seat.password.as_ref().map(ExposeSecret::expose_secret);
            let argument = match password {
                Some(password) => json!({ "roomId": id, "password": password }),
                None => Value::from(id),
            };
            let place = seat.place;
            self.call(now, Call::Join(place), "rooms:join", argument);
        }
    }

    fn order(&mut self, now: Instant, order: Order) {
        match order {
            Order::Post { ticket, place, text } => match self.rooms.id(place) {
                Some(room) => {
                    let post = json!({ "room": room, "text": text });
                    self.call(now, Call::Post { ticket, place }, "messages:create", post);
                }
                None => {
                    let why = "the room is not known".to_owned();
                    self.output.push_back(Output::Event(Event::Refused { ticket, place, why }));
                }
            },
            // Oldest first: the server's own default would leave out the oldest of a long backlog.
            Order::List { place, since, skip } => {
                let query = json!({
                    "since_id": since.to_string(), "skip": skip, "take": PAGE,
                    "reverse": false, "expand": "owner",
                });
                self.list(now, Call::List(place), place, query);
            }
            Order::Newest(place) => {
                let query = json!({ "take": 1, "reverse": true });
                self.list(now, Call::Newest(place), place, query);
            }
            Order::Leave => {
                self.send(&Packet::Close);
                self.close("left".to_owned());
            }
        }
    }

    fn list(&mut self, now: Instant, call: Call, place: PlaceId, mut query: Value) {
        if let Some(room) = self.rooms.id(place) {
            query["room"] = room.into();
            self.call(now, call, "messages:list", query);
        }
    }

    fn leave(&mut self, now: Instant, place: PlaceId, why: &str) {
        if self.rooms.left(place, now) {
            self.closed(place, why.to_owned());
        }
    }

    fn tick(&mut self, now: Instant) {
        if let Phase::Knocking { until } = self.phase
            && now >= until
        {
            self.close("the server did not let us in".to_owned());
        }
        while let Some(call) = self.calls.overdue(now) {
            match call {
                Call::Post { ticket, place } => {
                    self.output.push_back(Output::Event(Event::Unanswered { ticket, place }));
                }
                call => self.close(format!("the server did not answer: {call:?}")),
            }
        }
        if now >= self.ping.due {
            if self.ping.pong_owed {
                self.close("the server has fallen silent".to_owned());
            } else {
                self.ping.pong_owed = true;
                self.ping.due = now + PONG_PATIENCE;
                self.send(&Packet::Ping { data: String::new() });
            }
        }
        if self.phase == Phase::Seated && self.rooms.look(now) {
            self.look(now);
        }
    }

    fn call(&mut self, now: Instant, call: Call, name: &str, argument: Value) {
        let number = self.calls.begin(call, now);
        let argument = (!argument.is_null()).then_some(argument);
        self.output.push_back(Output::Frame(Packet::call(number, name, argument.as_ref())));
    }

    fn closed(&mut self, place: PlaceId, why: String) {
        self.output.push_back(Output::Event(Event::Closed { place, why }));
    }

    fn send(&mut self, packet: &Packet) {
        self.output.push_back(Output::Frame(packet.encode()));
    }

    fn close(&mut self, why: String) {
        self.output.push_back(Output::Close(why));
    }
}

impl Machine for Session {
    type Heard = String;
    type Frame = String;
    type Order = Order;
    type Event = Event;

    fn handle(&mut self, now: Instant, input: Input<String, Order>) {
        match input {
            Input::Frame(frame) => {
                // Whatever it says, it lives.
                if self.ping.pong_owed {
                    self.ping.pong_owed = false;
                    self.ping.due = now + self.ping.every;
                }
                match Packet::parse(&frame) {
                    Ok(packet) => self.receive(now, packet),
                    Err(error) => tracing::warn!(%error, "a frame that makes no sense"),
                }
            }
            Input::Order(order) => self.order(now, order),
            Input::Tick => self.tick(now),
        }
    }

    fn poll(&mut self) -> Option<Output<String, Event>> {
        self.output.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        let door = match self.phase {
            Phase::Knocking { until } => Some(until),
            Phase::Seated => None,
        };
        let due = [door, Some(self.ping.due), self.calls.deadline(), self.rooms.deadline()];
        due.into_iter().flatten().min()
    }
}

/// Why the server turns us away, in words for the administrator (WIRE.md, "Transport").
fn refusal(data: Option<&str>) -> String {
    match data {
        Some(why) => format!("Let's Chat turns us away: {why}"),
        None => "Let's Chat does not accept our token: make a new one and put it into token_file \
                 (one account has one token; making another ends the first)"
            .to_owned(),
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
