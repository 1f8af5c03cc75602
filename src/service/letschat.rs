//! The connection to Let's Chat.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::idle_timeout::{Cut, IdleTimeoutDetector, Lesson};
use super::letschat_dial::LetsChatDial;
use super::messages::{EngineInput, command_queue_capacity};
use super::supervisor::{Connection, RejectedAttempt, unless_stopped};
use crate::bridge::{Event, Peer};
use crate::config::LetsChatSettings;
use crate::domain::{Endpoint, EndpointId};
use crate::net;
use crate::net::{ConnectionEnd, WebSocketError, Wire, WriteGate, WsRequest, WsStream};
use crate::protocol::letschat::{LetsChatRejection, LetsChatSession, RoomTarget};

/// The rooms to join: those that are configured, and those that are no longer linked but still delivered to, with the
/// passwords that they had.
pub(super) fn room_targets(
    letschat: &LetsChatSettings,
    endpoints: &[(EndpointId, Endpoint)],
    before: &[RoomTarget],
) -> Vec<RoomTarget> {
    let target = |(endpoint, name): (EndpointId, &Arc<str>)| {
        let password = match letschat.rooms.iter().find(|it| *it.name == **name) {
            Some(room) => room.password.clone(),
            None => {
                before.iter().find(|it| it.endpoint == endpoint).and_then(|it| it.password.clone())
            }
        };
        RoomTarget { endpoint, name: name.to_string(), password }
    };
    let rooms = endpoints.iter().filter_map(|(id, endpoint)| match endpoint {
        Endpoint::Room(name) => Some((*id, name)),
        Endpoint::Channel { .. } => None,
    });
    rooms.map(target).collect()
}

/// What a session is made with; it may change while a session is open.
#[derive(Debug, Clone)]
pub(super) struct LetsChatPlan {
    /// The rooms to be in.
    pub(super) rooms: Vec<RoomTarget>,
    /// Whether direct messages are enabled.
    pub(super) direct_messages: bool,
}

impl LetsChatPlan {
    /// A plan that does not change, for the rooms among `endpoints`.
    pub(super) fn fixed(
        letschat: &LetsChatSettings,
        endpoints: &[(EndpointId, Endpoint)],
        direct_messages: bool,
    ) -> watch::Receiver<Self> {
        let rooms = room_targets(letschat, endpoints, &[]);
        watch::channel(Self { rooms, direct_messages }).1
    }
}

/// The connection to Let's Chat.
pub(super) struct LetsChatConnection {
    dial: LetsChatDial,
    plan: watch::Receiver<LetsChatPlan>,
    inbox: mpsc::Sender<EngineInput>,
    stop: watch::Receiver<bool>,
    /// Whether the last login succeeded.
    login_succeeded: bool,
    /// Why the last session was rejected, if it was.
    rejection: Option<LetsChatRejection>,
    idle_timeouts: IdleTimeoutDetector,
}

impl LetsChatConnection {
    pub(super) fn new(
        settings: LetsChatSettings,
        plan: watch::Receiver<LetsChatPlan>,
        inbox: mpsc::Sender<EngineInput>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            dial: LetsChatDial { settings, gate: WriteGate::default() },
            plan,
            inbox,
            stop,
            login_succeeded: false,
            rejection: None,
            idle_timeouts: IdleTimeoutDetector::default(),
        }
    }

    /// It connects, and writes, only while `gate` is open.
    pub(super) fn guarded_by(mut self, gate: WriteGate) -> Self {
        self.dial.gate = gate;
        self
    }

    async fn run_connected(&mut self, mut frames: WsStream<Box<dyn Wire>>) -> ConnectionEnd {
        let room_count = self.plan.borrow().rooms.len();
        let (sender, mut commands) = mpsc::channel(command_queue_capacity(room_count));
        if self.inbox.send(EngineInput::LetsChatConnected(sender)).await.is_err() {
            return ConnectionEnd::Cancelled;
        }
        let now = tokio::time::Instant::now().into_std();
        // A change from now on also comes as commands.
        let LetsChatPlan { rooms, direct_messages } = self.plan.borrow().clone();
        let session = LetsChatSession::new(now, rooms, fastrand::u64(..)).with_user_lists();
        let mut session = session.with_direct_messages(direct_messages);
        if let Some(every) = self.idle_timeouts.ping_interval() {
            session = session.with_max_ping_interval(every);
        }
        let name = |event| EngineInput::Event(Event::LetsChat(event));
        let end = net::drive(&mut session, &mut frames, &mut commands, &self.inbox, name).await;
        self.login_succeeded = session.was_logged_in();
        self.rejection = session.rejection().cloned();
        if self.login_succeeded && matches!(end, ConnectionEnd::Lost(_)) {
            let silence = frames.idle_time();
            let survived = frames.silence_survived();
            self.cut_off(Cut { silence, survived, age: frames.age() });
        }
        end
    }

    /// A proxy may cut idle connections: ping more often if so.
    fn cut_off(&mut self, cut: Cut) {
        let seconds = |it: Duration| it.as_secs_f64().round();
        match self.idle_timeouts.cut_off(cut) {
            Some(Lesson::Ping(every)) => tracing::warn!(
                peer = %self.peer(),
                "connection closed twice after {} s without traffic, probably by a proxy in front \
                 of Let's Chat (nginx: proxy_read_timeout; HAProxy: timeout tunnel; Apache: \
                 ProxyTimeout): set that timeout to more than 60 s. Pinging every {} s from now on",
                seconds(cut.silence),
                every.as_secs(),
            ),
            Some(Lesson::Age(age)) => tracing::warn!(
                peer = %self.peer(),
                "connection closed after {} s in spite of traffic: most likely a proxy in front \
                 of Let's Chat limits how long a connection lasts; pinging as usual from now on",
                seconds(age),
            ),
            None => {}
        }
    }
}

impl Connection for LetsChatConnection {
    fn peer(&self) -> Peer {
        Peer::LetsChat
    }

    fn inbox(&self) -> &mpsc::Sender<EngineInput> {
        &self.inbox
    }

    async fn run_session(&mut self) -> Result<ConnectionEnd, String> {
        self.login_succeeded = false;
        self.rejection = None;
        let connecting = connect(&self.dial, &mut self.rejection);
        let frames = unless_stopped(self.stop.clone(), connecting).await?;
        tracing::info!(peer = %self.peer(), "connected");
        let server = self.dial.settings.url.origin().ascii_serialization();
        // Fails only when the engine is gone.
        let _ = self.inbox.send(EngineInput::ServerReached(self.peer(), server)).await;
        let end = self.run_connected(frames).await;
        // Fails only when the engine is gone.
        let _ = self.inbox.send(EngineInput::Event(Event::ConnectionLost(self.peer()))).await;
        Ok(end)
    }

    fn login_succeeded(&self) -> bool {
        self.login_succeeded
    }

    fn rejection(&self) -> (Option<RejectedAttempt>, bool) {
        (self.rejection.as_ref().map(RejectedAttempt::from), false)
    }
}

/// Connects; stores a rejection in `away`.
async fn connect(
    dial: &LetsChatDial,
    rejection: &mut Option<LetsChatRejection>,
) -> Result<WsStream<Box<dyn Wire>>, String> {
    let wire = dial.connect().await?;
    let LetsChatSettings { url, token, .. } = &dial.settings;
    let request = WsRequest { url: url.clone(), token: token.clone() };
    net::open_websocket(wire, &request).await.map_err(|error| {
        let words = error.to_string();
        if let WebSocketError::Rejected(reason) = error {
            *rejection = Some(reason);
        }
        words
    })
}
