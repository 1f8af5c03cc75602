//! The connection to an IRC network.

use std::sync::Arc;
use std::time::Instant;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use super::connector::{Connected, Connector};
use super::identity::irc_identity;
use super::messages::{EngineInput, command_queue_capacity};
use super::supervisor::{Connection, RejectedAttempt, unless_stopped};
use super::upgrade;
use super::upgrade::{IrcLines, ReleaseDesk, TakenConnection};
use crate::bridge::{Event, Peer};
use crate::config;
use crate::config::{HostPort, NetworkSettings};
use crate::domain::{Endpoint, EndpointId, Network};
use crate::net;
use crate::net::ConnectionEnd;
use crate::protocol::irc::{
    ChannelTarget, Charset, Charsets, DisconnectReason, IrcCommand, IrcEvent, IrcSession,
    LearnedPace, SessionConfig,
};

/// The channels to join: those that are configured, and those that are no longer linked but still delivered to, with
/// the keys that they had.
pub(super) fn channel_targets(
    network: &NetworkSettings,
    endpoints: &[(EndpointId, Endpoint)],
    before: &[ChannelTarget],
) -> Vec<ChannelTarget> {
    let target = |(endpoint, on, name): (EndpointId, &Network, &Arc<str>)| {
        if *on != network.network {
            return None;
        }
        let configured = network.channels.iter().find(|it| *it.name == **name);
        let key = match configured {
            Some(channel) => channel.key.clone(),
            None => before.iter().find(|it| it.endpoint == endpoint).and_then(|it| it.key.clone()),
        };
        Some(ChannelTarget { endpoint, name: name.to_string(), key })
    };
    let channels = endpoints.iter().filter_map(|(id, endpoint)| match endpoint {
        Endpoint::Channel { network, name } => Some((*id, network, name)),
        Endpoint::Room(_) => None,
    });
    channels.filter_map(target).collect()
}

/// What a session is made with; it may change while a session is open.
#[derive(Debug, Clone)]
pub(super) struct NetworkPlan {
    /// The settings of the network.
    pub(super) network: NetworkSettings,
    /// The channels to be in.
    pub(super) channels: Vec<ChannelTarget>,
}

impl NetworkPlan {
    /// A plan that does not change, for the channels among `endpoints` that are on this network.
    pub(super) fn fixed(
        network: NetworkSettings,
        endpoints: &[(EndpointId, Endpoint)],
    ) -> watch::Receiver<Self> {
        let channels = channel_targets(&network, endpoints, &[]);
        watch::channel(Self { network, channels }).1
    }
}

/// The connection to an IRC network.
pub(super) struct IrcConnection {
    name: Network,
    plan: watch::Receiver<NetworkPlan>,
    connector: Connector,
    inbox: mpsc::Sender<EngineInput>,
    stop: watch::Receiver<bool>,
    /// Where the connection is put down for another program.
    desk: ReleaseDesk,
    /// The connection that another program has let go of.
    taken: Option<(TakenConnection, oneshot::Receiver<()>)>,
    learned_pace: LearnedPace,
    /// Whether the last login succeeded.
    login_succeeded: bool,
    /// Why the last session was rejected, if it was.
    rejection: Option<DisconnectReason>,
    /// The next attempt goes to another server, which may accept us.
    try_other_server: bool,
}

impl IrcConnection {
    pub(super) fn new(
        plan: watch::Receiver<NetworkPlan>,
        connector: Connector,
        inbox: mpsc::Sender<EngineInput>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let learned_pace = LearnedPace::new(now());
        let name = plan.borrow().network.network.clone();
        Self {
            name,
            plan,
            connector,
            inbox,
            stop,
            desk: ReleaseDesk::default(),
            taken: None,
            learned_pace,
            login_succeeded: false,
            rejection: None,
            try_other_server: false,
        }
    }

    /// Puts the connection down at `desk` when it is to be handed over.
    pub(super) fn putting_down_at(self, desk: ReleaseDesk) -> Self {
        Self { desk, ..self }
    }

    /// Continues with a connection that another program has let go of, once `puppets` are known to the bridge.
    pub(super) fn continuing(self, taken: TakenConnection, puppets: oneshot::Receiver<()>) -> Self {
        Self { taken: Some((taken, puppets)), ..self }
    }

    /// Waits for the first commands. `None` if the engine is gone.
    async fn announce(&self, server: &HostPort) -> Option<mpsc::Receiver<IrcCommand>> {
        let reached = EngineInput::ServerReached(self.peer(), server.to_string());
        // Fails only when the engine is gone.
        let _ = self.inbox.send(reached).await;
        let channel_count = self.plan.borrow().channels.len();
        let (sender, commands) = mpsc::channel(command_queue_capacity(channel_count));
        let connected = EngineInput::IrcConnected(self.name.clone(), sender);
        self.inbox.send(connected).await.ok().map(|()| commands)
    }

    async fn run_connected(&mut self, opened: Connected) -> ConnectionEnd {
        let Connected { stream, server, is_tls: secure, ident_guard: _known } = opened;
        let Some(commands) = self.announce(&server).await else { return ConnectionEnd::Cancelled };
        // After that: a change from now on also comes as commands.
        let NetworkPlan { network, channels } = self.plan.borrow().clone();
        let config = session_config(&network, &channels, self.learned_pace, (secure, &server));
        let charsets = charsets(&network);
        let session = IrcSession::new(now(), config).writing(charsets.clone());
        let lines = net::framed_lines(stream, charsets);
        self.drive((session, lines), commands, &network, server).await
    }

    async fn run_taken_over(&mut self, taken: TakenConnection) -> ConnectionEnd {
        let TakenConnection { mut stream, server, session: state, pending, .. } = taken;
        let _known = self.connector.take_over(&mut stream, &server);
        let Some(commands) = self.announce(&server).await else { return ConnectionEnd::Cancelled };
        let NetworkPlan { network, channels } = self.plan.borrow().clone();
        let secure = stream.is_tls();
        let config = session_config(&network, &channels, self.learned_pace, (secure, &server));
        let charsets = charsets(&network).assuming_utf8(state.is_utf8_only());
        let session = IrcSession::resume(now(), config, state, None).writing(charsets.clone());
        let lines = net::resume_lines(stream, charsets, &pending);
        self.drive((session, lines), commands, &network, server).await
    }

    async fn drive(
        &mut self,
        (mut session, mut lines): (IrcSession, IrcLines),
        mut commands: mpsc::Receiver<IrcCommand>,
        network: &NetworkSettings,
        server: HostPort,
    ) -> ConnectionEnd {
        let name = |event| {
            if let IrcEvent::Sts(sts) = event {
                self.connector.record_sts(&server, sts);
            }
            EngineInput::Event(Event::Irc(self.name.clone(), event))
        };
        let end = net::drive(&mut session, &mut lines, &mut commands, &self.inbox, name).await;
        self.learned_pace = session.learned_pace();
        self.login_succeeded = session.was_registered();
        self.rejection = session.disconnect_reason().cloned();
        self.try_other_server = self.connector.on_session_end(&server, self.rejection.as_ref());
        if end == ConnectionEnd::Released {
            let settings = network.connection_digest();
            upgrade::put_down(&self.desk, (&self.name, settings, None), server, (session, lines));
        } else {
            self.desk.note_end(&self.name, None, &end);
        }
        end
    }
}

impl Connection for IrcConnection {
    fn peer(&self) -> Peer {
        Peer::Irc(self.name.clone())
    }

    fn inbox(&self) -> &mpsc::Sender<EngineInput> {
        &self.inbox
    }

    async fn run_session(&mut self) -> Result<ConnectionEnd, String> {
        (self.login_succeeded, self.rejection, self.try_other_server) = (false, None, false);
        let end = if let Some((taken, puppets)) = self.taken.take() {
            // The sender is dropped when all of them are known.
            let _ = puppets.await;
            tracing::info!(peer = %self.peer(), server = %taken.server, "connection taken over");
            self.run_taken_over(taken).await
        } else {
            let opened = unless_stopped(self.stop.clone(), self.connector.connect()).await?;
            tracing::info!(peer = %self.peer(), server = %opened.server, "connected");
            self.run_connected(opened).await
        };
        // Fails only when the engine is gone.
        let _ = self.inbox.send(EngineInput::Event(Event::ConnectionLost(self.peer()))).await;
        Ok(end)
    }

    fn login_succeeded(&self) -> bool {
        self.login_succeeded
    }

    fn rejection(&self) -> (Option<RejectedAttempt>, bool) {
        (self.rejection.as_ref().map(RejectedAttempt::from), self.try_other_server)
    }
}

/// The charsets of `network`.
pub(super) fn charsets(network: &NetworkSettings) -> Charsets {
    let of = |both: Option<_>, fallback: Option<_>| {
        both.map(Charset::Both).or(fallback.map(Charset::Fallback))
    };
    let own = |it: &config::ChannelSettings| of(it.charset, it.fallback_charset);
    let channels = network.channels.iter().filter_map(|it| Some((it.name.as_str(), own(it)?)));
    let fallback = Charset::Fallback(network.fallback_charset);
    Charsets::new(network.charset.map_or(fallback, Charset::Both), channels)
}

/// The session configuration for `network`.
pub(super) fn session_config(
    network: &NetworkSettings,
    channels: &[ChannelTarget],
    learned_pace: LearnedPace,
    (secure, server): (bool, &HostPort),
) -> SessionConfig {
    SessionConfig {
        identity: irc_identity(network),
        channels: channels.to_vec(),
        request_invite_from: network.request_invite_from.clone(),
        send_only: false,
        webirc: None,
        flood_control: network.flood_control,
        learned_pace,
        seed: fastrand::u64(..),
        started_at: Timestamp::now(),
        is_tls: secure,
        may_say_passwords: network.allow_plaintext_auth || is_here(network, server),
        nonce: nonce(),
    }
}

/// Whether the connection to `server` stays on this machine.
fn is_here(network: &NetworkSettings, server: &HostPort) -> bool {
    network.proxy.is_none() && server.is_loopback()
}

/// A random string of letters and digits.
fn nonce() -> String {
    let mut bytes = [0; 18];
    getrandom::fill(&mut bytes).expect("the system provides random numbers");
    HEXLOWER.encode(&bytes)
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
