//! The conversation with one Let's Chat server, from websocket open to websocket close.

mod heard;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::call::{Call, Calls};
use super::rooms::{Rooms, Seat};
use super::{Event, Heard, Order, Reason, Stay, TurnedAway};
use crate::domain::{DeliveryId, EndpointId};
use crate::protocol::liveness::{Check, Liveness};
use crate::protocol::socketio::Packet;
use crate::protocol::{Input, Machine, Output};

/// How long the server may take to let us in, whatever it says meanwhile: it checks tokens one at a
/// time, 100 ms each.
const LOGIN_CAP: Duration = Duration::from_secs(120);

/// How long it may be silent before it says how often it wants a ping.
const DOOR_PATIENCE: Duration = Duration::from_secs(40);

/// How long it may leave a ping unanswered.
const PONG_PATIENCE: Duration = Duration::from_secs(20);

/// How often we tell that the server is there, at most.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

/// What "later" means in an order.
const MOMENT: Duration = Duration::from_secs(1);

/// How many rooms we ask for at once: the most that the server gives.
const ROOMS: usize = 5_000;

/// The conversation with one Let's Chat server, from websocket open to websocket close.
#[derive(Debug)]
pub struct Session {
    phase: Phase,
    rooms: Rooms,
    calls: Calls,
    /// Whoever is in the rooms is asked for.
    asks_people: bool,
    /// What is written to us alone is heard.
    whispers: bool,
    liveness: Liveness,
    /// Pings are never longer apart, whatever the server says.
    ping_at_most: Duration,
    /// When we last told that the server is there.
    alive_at: Instant,
    /// What was refused in each room last.
    refused: HashMap<EndpointId, DeliveryId>,
    /// Orders whose moment has not come.
    later: VecDeque<(Instant, Order)>,
    /// When we are to tell, and of which place.
    wakes: Vec<(Instant, EndpointId)>,
    /// How much of what the server told made no sense.
    oddities: u64,
    turned_away: Option<TurnedAway>,
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

impl Session {
    /// A session that will sit in the rooms of `seats`; its chance begins at `seed`.
    #[must_use]
    pub fn new(now: Instant, seats: Vec<Seat>, seed: u64) -> Self {
        Self {
            phase: Phase::Knocking { until: now + LOGIN_CAP },
            rooms: Rooms::new(seats, seed),
            calls: Calls::default(),
            asks_people: false,
            whispers: false,
            ping_at_most: Duration::MAX,
            liveness: Liveness::new(now, DOOR_PATIENCE, PONG_PATIENCE),
            alive_at: now,
            refused: HashMap::new(),
            later: VecDeque::new(),
            wakes: Vec::new(),
            oddities: 0,
            turned_away: None,
            output: VecDeque::new(),
        }
    }

    /// The same, which asks who is in each room that it comes into ([`Presence::Listed`]).
    ///
    /// [`Presence::Listed`]: super::Presence::Listed
    #[must_use]
    pub fn asking_people(mut self) -> Self {
        self.asks_people = true;
        self
    }

    /// The same, which pings at least this often.
    #[must_use]
    pub fn pinging(mut self, at_most: Duration) -> Self {
        self.ping_at_most = at_most;
        self
    }

    /// Whether the server has let us in.
    #[must_use]
    pub fn was_let_in(&self) -> bool {
        self.phase == Phase::Seated
    }

    /// Why the server has turned us away, where that is how it ended.
    #[must_use]
    pub fn turned_away(&self) -> Option<&TurnedAway> {
        self.turned_away.as_ref()
    }

    /// The same, which hears what is written to us alone, and asks whether the server carries such
    /// ([`Event::CarriesWhispers`]).
    #[must_use]
    pub fn whispering(mut self, wanted: bool) -> Self {
        self.whispers = wanted;
        self
    }

    fn receive(&mut self, now: Instant, packet: Packet<'_>) {
        match packet {
            Packet::Open { ping_interval, .. } => {
                // In Engine.IO 3 the client pings.
                let every = Duration::from_millis(ping_interval.clamp(1_000, 60_000));
                self.liveness.ping_every(every.min(self.ping_at_most), now);
            }
            Packet::Ping { data } => self.send(&Packet::Pong { data }),
            Packet::Connect if self.phase != Phase::Seated => {
                self.phase = Phase::Seated;
                self.call(now, Call::WhoAmI, "account:whoami", Value::Null);
                if self.whispers {
                    self.call(now, Call::Whispers, "user-messages:list", json!({}));
                }
                self.look(now);
            }
            Packet::Error { data } => self.refused(refusal(data.as_deref())),
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

    /// The server will have nothing to do with us.
    fn refused(&mut self, why: String) {
        // Of one that was let in, it accepts token and account.
        if self.phase != Phase::Seated {
            self.turned_away = Some(TurnedAway::new(Reason::Account, why.clone()));
        }
        self.close(why);
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
            Order::Whisper { ticket, place, user, text } => {
                let whisper = json!({ "user": user, "text": text });
                let call = Call::Whisper { ticket, place };
                self.call(now, call, "user-messages:create", whisper);
            }
            Order::Tell { user, text } => {
                let whisper = json!({ "user": user, "text": text });
                self.call(now, Call::Tell, "user-messages:create", whisper);
            }
            // Oldest first: the server's own default would leave out the oldest of a long backlog.
            Order::List { later: true, place, since, skip, take, stay } => {
                let order = Order::List { later: false, place, since, skip, take, stay };
                self.later.push_back((now + MOMENT, order));
            }
            Order::List { later: false, place, since, skip, take, stay } => {
                let query = json!({
                    "since_id": since.to_string(), "skip": skip, "take": take,
                    "reverse": false, "expand": "owner",
                });
                self.list(now, Call::List { place, stay }, place, query);
            }
            Order::Describe { place, description } => match self.rooms.describable(place) {
                Some((room, name)) => {
                    let about = json!({ "id": room, "name": name, "description": description });
                    self.call(now, Call::Describe(place), "rooms:update", about);
                }
                None => tracing::warn!(%place, "a private room keeps its description"),
            },
            Order::Newest { place, stay } => self.ask_newest(now, place, stay, 1),
            Order::Wake { place, after } => self.wakes.push((now + after, place)),
            Order::Leave => {
                self.send(&Packet::Close);
                self.close("left".to_owned());
            }
        }
    }

    fn ask_people(&mut self, now: Instant, place: EndpointId, room: &str) {
        if self.asks_people {
            self.call(now, Call::People(place), "rooms:users", json!({ "room": room }));
        }
    }

    fn ask_newest(&mut self, now: Instant, place: EndpointId, stay: Stay, take: usize) {
        let query = json!({ "take": take, "reverse": true });
        self.list(now, Call::Newest { place, take, stay }, place, query);
    }

    fn list(&mut self, now: Instant, call: Call, place: EndpointId, mut query: Value) {
        if let Some(room) = self.rooms.id(place) {
            query["room"] = room.into();
            self.call(now, call, "messages:list", query);
        }
    }

    fn tick(&mut self, now: Instant) {
        if let Phase::Knocking { until } = self.phase
            && now >= until
        {
            self.close("the server did not let us in".to_owned());
        }
        while let Some((_, order)) = self.later.pop_front_if(|(due, _)| *due <= now) {
            self.order(now, order);
        }
        for (_, place) in self.wakes.extract_if(.., |(due, _)| *due <= now) {
            self.output.push_back(Output::Event(Event::Awake(place)));
        }
        while let Some(call) = self.calls.overdue(now) {
            match call {
                Call::Post { ticket, place } | Call::Whisper { ticket, place } => {
                    self.output.push_back(Output::Event(Event::Unanswered { ticket, place }));
                }
                // A call that the server does not know is never answered.
                Call::Whispers => {
                    self.output.push_back(Output::Event(Event::CarriesWhispers(false)));
                }
                // Nothing depends on it.
                Call::People(_) | Call::Describe(_) | Call::Tell => {}
                call => self.close(format!("the server did not answer: {call:?}")),
            }
        }
        match self.liveness.check(now) {
            Check::Dead => self.close("the server has fallen silent".to_owned()),
            Check::Ping => self.ping(),
            Check::Wait => {}
        }
        if self.phase == Phase::Seated && self.rooms.look(now) {
            self.look(now);
        }
    }

    fn ping(&mut self) {
        self.send(&Packet::Ping { data: String::new() });
    }

    fn call(&mut self, now: Instant, call: Call, name: &str, argument: Value) {
        let number = self.calls.begin(call, now);
        let argument = (!argument.is_null()).then_some(argument);
        self.output.push_back(Output::Frame(Packet::call(number, name, argument.as_ref())));
    }

    fn closed(&mut self, place: EndpointId, why: String) {
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
    type Heard = Heard;
    type Frame = String;
    type Order = Order;
    type Event = Event;

    fn size(heard: &Heard) -> usize {
        match heard {
            Heard::Text(frame) => frame.len(),
            Heard::TooLong => 0,
        }
    }

    fn handle(&mut self, now: Instant, input: Input<Heard, Order>) {
        match input {
            Input::Frame(Heard::TooLong) => {
                self.output.push_back(Output::Event(Event::TooLong));
                self.close("the server sent more at once than we take".to_owned());
            }
            Input::Frame(Heard::Text(frame)) => {
                // Whatever it says, it lives.
                if self.phase == Phase::Seated && now >= self.alive_at + SIGN_OF_LIFE {
                    self.alive_at = now;
                    self.output.push_back(Output::Event(Event::Alive));
                }
                self.liveness.heard_and_ping_on(now);
                match Packet::parse(&frame) {
                    Ok(packet) => self.receive(now, packet),
                    Err(error) => tracing::warn!(%error, "a frame that makes no sense"),
                }
            }
            Input::Order(order) => self.order(now, order),
            Input::Tick => self.tick(now),
            Input::Resumed => {
                self.liveness.pinged(now);
                self.ping();
            }
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
        let later = self.later.front().map(|(due, _)| *due);
        let wake = self.wakes.iter().map(|(due, _)| *due).min();
        let (calls, rooms) = (self.calls.deadline(), self.rooms.deadline());
        let due = [door, Some(self.liveness.deadline()), later, wake, calls, rooms];
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
