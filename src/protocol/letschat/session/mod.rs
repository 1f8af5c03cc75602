//! The session with one Let's Chat server, for the lifetime of a websocket.

mod commands;
mod events;
mod machine;
mod replies;
mod room_list;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::requests::{LetsChatRequest, PendingRequests};
use super::rooms::{RoomTarget, Rooms};
use super::{LetsChatCommand, LetsChatEvent, LetsChatRejection};
use crate::domain::{DeliveryId, EndpointId};
use crate::protocol::Output;
use crate::protocol::liveness::Liveness;
use crate::protocol::socketio::Packet;

/// Time limit for the login. The server checks tokens one at a time, in 100 ms each.
const MAX_LOGIN_TIME: Duration = Duration::from_secs(120);

/// How long the server may be silent before the handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(40);

/// Time limit for a pong.
const PONG_TIMEOUT: Duration = Duration::from_secs(20);

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
    rejection: Option<LetsChatRejection>,
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
            rejection: None,
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
    pub fn rejection(&self) -> Option<&LetsChatRejection> {
        self.rejection.as_ref()
    }

    /// Makes the session report direct messages and find out whether the server has them enabled
    /// ([`LetsChatEvent::DirectMessagesEnabled`]).
    #[must_use]
    pub fn with_direct_messages(mut self, wanted: bool) -> Self {
        self.direct_messages = wanted;
        self
    }

    fn send_request(
        &mut self,
        now: Instant,
        request: LetsChatRequest,
        name: &str,
        argument: Value,
    ) {
        let number = self.requests.insert(request, now);
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
