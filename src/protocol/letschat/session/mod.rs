//! The session with one Let's Chat server, for the lifetime of a websocket.

mod handlers;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::requests::{LetsChatRequest, PendingRequests};
use super::rooms::{RoomTarget, Rooms};
use super::{LetsChatCommand, LetsChatEvent, Reason, ReceivedFrame, Stay, TurnedAway};
use crate::domain::{DeliveryId, EndpointId};
use crate::protocol::liveness::{Liveness, LivenessCheck};
use crate::protocol::socketio::Packet;
use crate::protocol::{Input, Machine, Output};

/// Time limit for the login. The server checks tokens one at a time, in 100 ms each.
const MAX_LOGIN_TIME: Duration = Duration::from_secs(120);

/// How long the server may be silent before the handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(40);

/// Time limit for a pong.
const PONG_TIMEOUT: Duration = Duration::from_secs(20);

/// Minimum time between two [`LetsChatEvent::Alive`].
const ALIVE_EVENT_INTERVAL: Duration = Duration::from_secs(5);

/// The delay of delayed commands.
const COMMAND_DELAY: Duration = Duration::from_secs(1);

/// How many rooms are requested at once: the server's maximum.
const MAX_ROOMS_PER_REQUEST: usize = 5_000;

/// The session with one Let's Chat server, for the lifetime of a websocket.
#[derive(Debug)]
pub struct LetsChatSession {
    phase: LetsChatSessionPhase,
    rooms: Rooms,
    requests: PendingRequests,
    /// Whether to request the users of each room.
    fetch_users: bool,
    /// Whether to report direct messages.
    direct_messages: bool,
    liveness: Liveness,
    /// Upper limit for the ping interval, whatever the server announces.
    max_ping_interval: Duration,
    /// When we last sent [`LetsChatEvent::Alive`].
    alive_reported_at: Instant,
    /// The last rejected delivery in each room.
    last_rejected: HashMap<EndpointId, DeliveryId>,
    /// Commands to be executed later.
    delayed_commands: VecDeque<(Instant, LetsChatCommand)>,
    /// Timers, each with the endpoint to report.
    timers: Vec<(Instant, EndpointId)>,
    /// Number of unreadable items received.
    unreadable_count: u64,
    turned_away: Option<TurnedAway>,
    output: VecDeque<Output<String, LetsChatEvent>>,
}

/// ```text
///              40           Leave
///  Connecting ────▶ Online ──────▶ closed
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LetsChatSessionPhase {
    Connecting { deadline: Instant },
    Online,
}

impl LetsChatSession {
    /// A session for the rooms `targets`; `seed` is for jitter.
    #[must_use]
    pub fn new(now: Instant, targets: Vec<RoomTarget>, seed: u64) -> Self {
        Self {
            phase: LetsChatSessionPhase::Connecting { deadline: now + MAX_LOGIN_TIME },
            rooms: Rooms::new(targets, seed),
            requests: PendingRequests::default(),
            fetch_users: false,
            direct_messages: false,
            max_ping_interval: Duration::MAX,
            liveness: Liveness::new(now, HANDSHAKE_TIMEOUT, PONG_TIMEOUT),
            alive_reported_at: now,
            last_rejected: HashMap::new(),
            delayed_commands: VecDeque::new(),
            timers: Vec::new(),
            unreadable_count: 0,
            turned_away: None,
            output: VecDeque::new(),
        }
    }

    /// Makes the session request the users of each room that it joins ([`RoomPresence::Users`]).
    ///
    /// [`RoomPresence::Users`]: super::RoomPresence::Users
    #[must_use]
    pub fn with_user_lists(mut self) -> Self {
        self.fetch_users = true;
        self
    }

    /// Makes the session ping at least this often.
    #[must_use]
    pub fn with_max_ping_interval(mut self, at_most: Duration) -> Self {
        self.max_ping_interval = at_most;
        self
    }

    /// Whether the server has accepted our login.
    #[must_use]
    pub fn was_logged_in(&self) -> bool {
        self.phase == LetsChatSessionPhase::Online
    }

    /// Why the server rejected us, if it did.
    #[must_use]
    pub fn turned_away(&self) -> Option<&TurnedAway> {
        self.turned_away.as_ref()
    }

    /// Makes the session report direct messages and find out whether the server has them enabled
    /// ([`LetsChatEvent::DirectMessagesEnabled`]).
    #[must_use]
    pub fn with_direct_messages(mut self, wanted: bool) -> Self {
        self.direct_messages = wanted;
        self
    }

    fn on_packet(&mut self, now: Instant, packet: Packet<'_>) {
        match packet {
            Packet::Open { ping_interval, .. } => {
                // In Engine.IO 3, the client sends the pings.
                let every = Duration::from_millis(ping_interval.clamp(1_000, 60_000));
                self.liveness.set_interval(every.min(self.max_ping_interval), now);
            }
            Packet::Ping { data } => self.send_packet(&Packet::Pong { data }),
            Packet::Connect if self.phase != LetsChatSessionPhase::Online => {
                self.phase = LetsChatSessionPhase::Online;
                self.send_request(now, LetsChatRequest::WhoAmI, "account:whoami", Value::Null);
                if self.direct_messages {
                    self.send_request(
                        now,
                        LetsChatRequest::ProbeDirectMessages,
                        "user-messages:list",
                        json!({}),
                    );
                }
                self.refresh_rooms(now);
            }
            Packet::Error { data } => self.refused(login_error_text(data.as_deref())),
            Packet::Disconnect | Packet::Close => {
                self.close("the server closed the connection".to_owned());
            }
            Packet::Event { name, arguments, .. } => {
                let argument = arguments.first().map_or("null", |raw| raw.get());
                self.on_event(now, &name, argument);
            }
            Packet::Ack { id, arguments } => {
                let argument = arguments.first().map_or("null", |raw| raw.get());
                if let Some(call) = self.requests.take(id) {
                    self.on_reply(now, call, argument);
                }
            }
            _ => {}
        }
    }

    /// The server rejected the login.
    fn refused(&mut self, reason: String) {
        // After a login, token and account are valid.
        if self.phase != LetsChatSessionPhase::Online {
            self.turned_away = Some(TurnedAway::new(Reason::Account, reason.clone()));
        }
        self.close(reason);
    }

    fn refresh_rooms(&mut self, now: Instant) {
        self.request_rooms(now, 0);
    }

    fn request_rooms(&mut self, now: Instant, skip: usize) {
        self.send_request(
            now,
            LetsChatRequest::ListRooms { skip },
            "rooms:list",
            json!({ "take": MAX_ROOMS_PER_REQUEST, "skip": skip }),
        );
    }

    fn join_pending(&mut self, now: Instant) {
        while let Some((target, id)) = self.rooms.next_join() {
            let password = target.password.as_ref().map(ExposeSecret::expose_secret);
            let argument = match password {
                Some(password) => json!({ "roomId": id, "password": password }),
                None => Value::from(id),
            };
            let endpoint = target.endpoint;
            self.send_request(now, LetsChatRequest::JoinRoom(endpoint), "rooms:join", argument);
        }
    }

    fn on_command(&mut self, now: Instant, command: LetsChatCommand) {
        match command {
            LetsChatCommand::Post { delivery, endpoint, text } => {
                match self.rooms.room_id(endpoint) {
                    Some(room) => {
                        let post = json!({ "room": room, "text": text });
                        self.send_request(
                            now,
                            LetsChatRequest::CreatePost { delivery, endpoint },
                            "messages:create",
                            post,
                        );
                    }
                    None => {
                        let reason = "unknown room".to_owned();
                        self.output.push_back(Output::Event(LetsChatEvent::Rejected {
                            delivery,
                            endpoint,
                            reason,
                        }));
                    }
                }
            }
            LetsChatCommand::SendDirect { delivery, endpoint, user, text } => {
                let whisper = json!({ "user": user, "text": text });
                let call = LetsChatRequest::SendDirect { delivery, endpoint };
                self.send_request(now, call, "user-messages:create", whisper);
            }
            LetsChatCommand::SendDirectNotice { user, text } => {
                let whisper = json!({ "user": user, "text": text });
                self.send_request(
                    now,
                    LetsChatRequest::SendDirectNotice,
                    "user-messages:create",
                    whisper,
                );
            }
            // Oldest first: the server's default would omit the oldest of a long backlog.
            LetsChatCommand::ListMessages {
                delayed: true,
                endpoint,
                since,
                skip,
                limit: take,
                stay,
            } => {
                let command = LetsChatCommand::ListMessages {
                    delayed: false,
                    endpoint,
                    since,
                    skip,
                    limit: take,
                    stay,
                };
                self.delayed_commands.push_back((now + COMMAND_DELAY, command));
            }
            LetsChatCommand::ListMessages {
                delayed: false,
                endpoint,
                since,
                skip,
                limit: take,
                stay,
            } => {
                let query = json!({
                    "since_id": since.to_string(), "skip": skip, "take": take,
                    "reverse": false, "expand": "owner",
                });
                self.request_messages(
                    now,
                    LetsChatRequest::ListMessages { endpoint, stay },
                    endpoint,
                    query,
                );
            }
            LetsChatCommand::SetDescription { endpoint, description } => {
                match self.rooms.editable_room(endpoint) {
                    Some((room, name)) => {
                        let about = json!({ "id": room, "name": name, "description": description });
                        self.send_request(
                            now,
                            LetsChatRequest::SetDescription(endpoint),
                            "rooms:update",
                            about,
                        );
                    }
                    None => {
                        tracing::warn!(%endpoint, "cannot set the description of a private room");
                    }
                }
            }
            LetsChatCommand::NewestMessage { endpoint, stay } => {
                self.request_newest(now, endpoint, stay, 1);
            }
            LetsChatCommand::SetTimer { endpoint, after } => {
                self.timers.push((now + after, endpoint));
            }
            LetsChatCommand::Leave => {
                self.send_packet(&Packet::Close);
                self.close("left".to_owned());
            }
        }
    }

    fn request_users(&mut self, now: Instant, endpoint: EndpointId, room: &str) {
        if self.fetch_users {
            self.send_request(
                now,
                LetsChatRequest::ListUsers(endpoint),
                "rooms:users",
                json!({ "room": room }),
            );
        }
    }

    fn request_newest(&mut self, now: Instant, endpoint: EndpointId, stay: Stay, take: usize) {
        let query = json!({ "take": take, "reverse": true });
        self.request_messages(
            now,
            LetsChatRequest::NewestMessage { endpoint, limit: take, stay },
            endpoint,
            query,
        );
    }

    fn request_messages(
        &mut self,
        now: Instant,
        call: LetsChatRequest,
        endpoint: EndpointId,
        mut query: Value,
    ) {
        if let Some(room) = self.rooms.room_id(endpoint) {
            query["room"] = room.into();
            self.send_request(now, call, "messages:list", query);
        }
    }

    fn tick(&mut self, now: Instant) {
        if let LetsChatSessionPhase::Connecting { deadline: until } = self.phase
            && now >= until
        {
            self.close("login timed out".to_owned());
        }
        while let Some((_, command)) = self.delayed_commands.pop_front_if(|(due, _)| *due <= now) {
            self.on_command(now, command);
        }
        for (_, endpoint) in self.timers.extract_if(.., |(due, _)| *due <= now) {
            self.output.push_back(Output::Event(LetsChatEvent::TimerFired(endpoint)));
        }
        while let Some(call) = self.requests.take_overdue(now) {
            match call {
                LetsChatRequest::CreatePost { delivery, endpoint }
                | LetsChatRequest::SendDirect { delivery, endpoint } => {
                    self.output
                        .push_back(Output::Event(LetsChatEvent::TimedOut { delivery, endpoint }));
                }
                // The server never answers an unknown event.
                LetsChatRequest::ProbeDirectMessages => {
                    self.output
                        .push_back(Output::Event(LetsChatEvent::DirectMessagesEnabled(false)));
                }
                // Nothing depends on it.
                LetsChatRequest::ListUsers(_)
                | LetsChatRequest::SetDescription(_)
                | LetsChatRequest::SendDirectNotice => {}
                call => self.close(format!("request timed out: {call:?}")),
            }
        }
        match self.liveness.check(now) {
            LivenessCheck::Dead => self.close("ping timeout".to_owned()),
            LivenessCheck::Ping => self.send_ping(),
            LivenessCheck::Wait => {}
        }
        if self.phase == LetsChatSessionPhase::Online && self.rooms.take_refresh_due(now) {
            self.refresh_rooms(now);
        }
    }

    fn send_ping(&mut self) {
        self.send_packet(&Packet::Ping { data: String::new() });
    }

    fn send_request(&mut self, now: Instant, call: LetsChatRequest, name: &str, argument: Value) {
        let number = self.requests.insert(call, now);
        let argument = (!argument.is_null()).then_some(argument);
        self.output.push_back(Output::Transmit(Packet::encode_call(
            number,
            name,
            argument.as_ref(),
        )));
    }

    fn report_not_joined(&mut self, endpoint: EndpointId, reason: String) {
        self.output.push_back(Output::Event(LetsChatEvent::NotJoined { endpoint, reason }));
    }

    fn send_packet(&mut self, packet: &Packet) {
        self.output.push_back(Output::Transmit(packet.encode()));
    }

    fn close(&mut self, reason: String) {
        self.output.push_back(Output::Close(reason));
    }
}

impl Machine for LetsChatSession {
    type Received = ReceivedFrame;
    type Transmit = String;
    type Command = LetsChatCommand;
    type Event = LetsChatEvent;

    fn size(heard: &ReceivedFrame) -> usize {
        match heard {
            ReceivedFrame::Text(frame) => frame.len(),
            ReceivedFrame::TooLarge => 0,
        }
    }

    fn handle_input(&mut self, now: Instant, input: Input<ReceivedFrame, LetsChatCommand>) {
        match input {
            Input::Receive(ReceivedFrame::TooLarge) => {
                self.output.push_back(Output::Event(LetsChatEvent::FrameTooLarge));
                self.close("frame too large".to_owned());
            }
            Input::Receive(ReceivedFrame::Text(frame)) => {
                // Any packet shows that it is alive.
                if self.phase == LetsChatSessionPhase::Online
                    && now >= self.alive_reported_at + ALIVE_EVENT_INTERVAL
                {
                    self.alive_reported_at = now;
                    self.output.push_back(Output::Event(LetsChatEvent::Alive));
                }
                self.liveness.on_received_keep_pinging(now);
                match Packet::parse(&frame) {
                    Ok(packet) => self.on_packet(now, packet),
                    Err(error) => tracing::warn!(%error, "unparsable frame ignored"),
                }
            }
            Input::Command(command) => self.on_command(now, command),
            Input::Timeout => self.tick(now),
            Input::Resumed => {
                self.liveness.on_ping_sent(now);
                self.send_ping();
            }
        }
    }

    fn poll_output(&mut self) -> Option<Output<String, LetsChatEvent>> {
        self.output.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let door = match self.phase {
            LetsChatSessionPhase::Connecting { deadline: until } => Some(until),
            LetsChatSessionPhase::Online => None,
        };
        let later = self.delayed_commands.front().map(|(due, _)| *due);
        let wake = self.timers.iter().map(|(due, _)| *due).min();
        let (calls, rooms) = (self.requests.deadline(), self.rooms.deadline());
        let due = [door, Some(self.liveness.deadline()), later, wake, calls, rooms];
        due.into_iter().flatten().min()
    }
}

/// Why the login was rejected, worded for the administrator
/// (docs/letschat-protocol.md, section 2).
fn login_error_text(data: Option<&str>) -> String {
    match data {
        Some(reason) => format!("Let's Chat rejected the connection: {reason}"),
        None => "Let's Chat rejected the token: create a new one and put it into token_file (an \
             account has one token; creating another revokes it)"
            .to_owned(),
    }
}
