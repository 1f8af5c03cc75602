//! Puppets: connections of Let's Chat users to an IRC network, created when first needed.
//!
//! They connect one at a time with pauses, to spare the server, and up to a maximum number, beyond which the
//! longest idle one is evicted. A disconnected puppet reconnects when its user writes again, after a growing
//! delay that depends on the reason: long if an operator killed or banned it. Puppets do not affect each
//! other or the bridge's own connection. Only if the server is full or throttles us do all of them wait.

mod retry;
mod session;
mod trial;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time;
use tokio::time::Instant;

use super::connector::Connector;
use super::messages::{
    EngineInput, NO_LONGER_LINKED, PoolRequest, PuppetPoolPlan, command_queue_capacity,
};
use super::reconnect::ReconnectDelay;
use super::upgrade::{ReleaseDesk, TakenPuppet};
use crate::bridge::{Event, PuppetCommand};
use crate::config::NetworkSettings;
use crate::domain::{EndpointId, LetsChatUserId, PuppetLogin};
use crate::protocol::irc::{ChannelTarget, IrcCommand};
use retry::RetryState;
use session::{ContinuedSession, PuppetConfig, SessionContext, SessionEnd};

/// Minimum time between two connection attempts.
const CONNECT_INTERVAL: Duration = Duration::from_secs(2);

/// A puppet idle for less than this is never evicted.
const MIN_IDLE_TO_EVICT: Duration = Duration::from_secs(600);

/// How often idle puppets are looked for.
const IDLE_CHECK_INTERVAL: Duration = Duration::from_secs(15);

/// The puppets of one network.
pub(super) struct PuppetPool {
    network: NetworkSettings,
    connector: Connector,
    channels: HashMap<EndpointId, ChannelTarget>,
    inbox: mpsc::Sender<EngineInput>,
    stop: watch::Receiver<bool>,
    /// Where connections are put down for another program.
    desk: ReleaseDesk,
    connections: HashMap<LetsChatUserId, PuppetConnection>,
    /// Users waiting for a puppet, in order of their requests.
    pending: VecDeque<PendingPuppet>,
    retries: HashMap<LetsChatUserId, RetryState>,
    sessions: JoinSet<SessionEnd>,
    /// Logins that are being tried: the number of the request, and what services said.
    trials: JoinSet<(u64, Result<String, String>)>,
    /// When the next connection may be started.
    next_connect_at: Instant,
    /// The pause after a session that failed early: the server may be throttling us.
    pause_delay: ReconnectDelay,
}

/// A puppet's connection.
struct PuppetConnection {
    commands: mpsc::Sender<IrcCommand>,
    started_at: Instant,
    last_spoke: watch::Sender<Instant>,
    quitting: bool,
}

/// A user waiting for a puppet.
struct PendingPuppet {
    user: LetsChatUserId,
    nick: String,
    username: String,
    channels: Vec<ChannelTarget>,
    login: Option<PuppetLogin>,
    not_before: Instant,
}

impl PuppetPool {
    pub(super) fn new(
        network: NetworkSettings,
        connector: Connector,
        channels: Vec<ChannelTarget>,
        inbox: mpsc::Sender<EngineInput>,
        (stop, desk): (watch::Receiver<bool>, ReleaseDesk),
    ) -> Self {
        Self {
            network,
            connector,
            channels: channels.into_iter().map(|endpoint| (endpoint.endpoint, endpoint)).collect(),
            inbox,
            stop,
            desk,
            connections: HashMap::new(),
            pending: VecDeque::new(),
            retries: HashMap::new(),
            sessions: JoinSet::new(),
            trials: JoinSet::new(),
            next_connect_at: Instant::now(),
            pause_delay: retry::pool_pause_delay(),
        }
    }

    /// Runs until all requesters are gone and all puppets have quit.
    pub(super) async fn run(mut self, mut requests: mpsc::UnboundedReceiver<PoolRequest>) {
        let mut round = time::interval(IDLE_CHECK_INTERVAL);
        let mut open = true;
        while open || !self.sessions.is_empty() {
            let next = self.next_connect();
            tokio::select! {
                request = requests.recv(), if open => match request {
                    Some(PoolRequest::Command(command)) => self.on_command(command).await,
                    Some(PoolRequest::Configure(plan)) => self.configure(*plan),
                    Some(PoolRequest::HandOver) => self.hand_over_all(),
                    Some(PoolRequest::Shutdown(reason)) => self.quit_all(&reason),
                    None => {
                        open = false;
                        self.quit_all("the bridge is shutting down");
                    }
                },
                Some(ended) = self.sessions.join_next() => {
                    if let Ok(over) = ended {
                        self.on_session_end(over).await;
                    }
                }
                Some(Ok((request, result))) = self.trials.join_next() => {
                    let tried = Event::PuppetLoginTried(request, result);
                    // Fails only when the engine is gone.
                    let _ = self.inbox.send(EngineInput::Event(tried)).await;
                }
                () = sleep_until(next) => self.connect_next().await,
                _ = round.tick() => self.quit_idle(),
            }
        }
    }

    /// Works with other settings from now on. Puppets leave channels that are gone.
    fn configure(&mut self, plan: PuppetPoolPlan) {
        let PuppetPoolPlan { network, connector, channels, reconnect } = plan;
        (self.network, self.connector) = (network, connector);
        let channels: HashMap<EndpointId, ChannelTarget> =
            channels.into_iter().map(|channel| (channel.endpoint, channel)).collect();
        let gone = self.channels.keys().filter(|endpoint| !channels.contains_key(endpoint));
        for endpoint in gone {
            for live in self.connections.values() {
                let reason = NO_LONGER_LINKED.to_owned();
                // A full queue means that the session is stuck and will be lost.
                let _ = live.commands.try_send(IrcCommand::Part { endpoint: *endpoint, reason });
            }
            for called in &mut self.pending {
                called.channels.retain(|channel| channel.endpoint != *endpoint);
            }
        }
        self.channels = channels;
        if let Some(reason) = reconnect {
            self.connections.values_mut().for_each(|live| live.quit(&reason));
        }
    }

    async fn on_command(&mut self, command: PuppetCommand) {
        match command {
            PuppetCommand::Connect { user: account, nick, username: name, endpoint, login } => {
                let Some(channel) = self.channels.get(&endpoint).cloned() else { return };
                if let Some(live) = self.connections.get_mut(&account) {
                    live.last_spoke.send_replace(Instant::now());
                    // A full queue means that the session is stuck and will be lost.
                    let _ = live.commands.try_send(IrcCommand::Join(channel));
                    return;
                }
                if let Some(called) = self.pending.iter_mut().find(|it| it.user == account) {
                    called.channels.push(channel);
                    return;
                }
                let not_before =
                    self.retries.get(&account).map_or(self.next_connect_at, |it| it.retry_at);
                let channels = vec![channel];
                self.pending.push_back(PendingPuppet {
                    user: account,
                    nick,
                    username: name,
                    channels,
                    login: login.map(|login| *login),
                    not_before,
                });
            }
            PuppetCommand::TryLogin { request, nick, login } => {
                self.try_login(request, nick, *login);
            }
            PuppetCommand::ChangeLogin(account, login) => {
                if let Some(live) = self.connections.get_mut(&account) {
                    live.quit("changing the login");
                }
                if let Some(called) = self.pending.iter_mut().find(|it| it.user == account) {
                    called.login = login.map(|login| *login);
                }
            }
            PuppetCommand::Send(account, command) => {
                let Some(live) = self.connections.get_mut(&account) else {
                    // It was lost meanwhile, which has been reported.
                    return;
                };
                if matches!(command, IrcCommand::SendMessage { .. }) {
                    live.last_spoke.send_replace(Instant::now());
                }
                let _ = live.commands.try_send(command);
            }
        }
    }

    /// When the next connection is to be started.
    fn next_connect(&self) -> Option<Instant> {
        let first = self.pending.iter().map(|it| it.not_before).min()?;
        Some(first.max(self.next_connect_at))
    }

    async fn connect_next(&mut self) {
        let now = Instant::now();
        let Some(at) = self.pending.iter().position(|it| it.not_before <= now) else { return };
        if self.connections.len() >= self.network.puppets.max {
            self.evict_idle(now);
            self.next_connect_at = now + IDLE_CHECK_INTERVAL;
            return;
        }
        let Some(called) = self.pending.remove(at) else { return };
        self.next_connect_at = now + CONNECT_INTERVAL;
        let PendingPuppet { user: account, nick, username: name, channels, login, .. } = called;
        let kept = self.retries.get_mut(&account).and_then(|past| past.connector.take());
        let prefix = self.network.puppets.ipv6_prefix;
        let mut connector = kept
            .unwrap_or_else(|| session::connector_for(&self.connector, &account, &name, prefix));
        let certificate = login.as_ref().and_then(PuppetLogin::certificate_in_use);
        connector.set_puppet_certificate(certificate.cloned());
        let puppet = PuppetConfig { user: account, nick, username: name, channels, login };
        let context = self.add_connection(&puppet, connector, now);
        self.sessions.spawn(session::run_session(puppet, context, self.stop.clone()));
    }

    /// Adds a connection of a user who spoke at `last_spoke`. Returns what its session works with.
    fn add_connection(
        &mut self,
        puppet: &PuppetConfig,
        connector: Connector,
        last_spoke: Instant,
    ) -> SessionContext {
        let (sender, commands) = mpsc::channel(command_queue_capacity(self.channels.len()));
        let (spoken, last_spoke) = watch::channel(last_spoke);
        let live = PuppetConnection {
            commands: sender,
            started_at: Instant::now(),
            last_spoke: spoken,
            quitting: false,
        };
        self.connections.insert(puppet.user.clone(), live);
        SessionContext {
            network: self.network.clone(),
            connector,
            commands,
            inbox: self.inbox.clone(),
            desk: self.desk.clone(),
            last_spoke,
        }
    }

    /// Continues with puppets whose connections another program has let go of. Returns when the bridge has been told of
    /// them.
    pub(super) async fn take_over(&mut self, puppets: Vec<TakenPuppet>) {
        for taken in puppets {
            let TakenPuppet { connection, user, nick, username, idle, login } = taken;
            let channels = self.channels.values();
            let channels = channels.filter(|it| connection.session.has_channel(&it.name));
            let channels = channels.cloned().collect();
            let puppet = PuppetConfig { user, nick, username, channels, login };
            let prefix = self.network.puppets.ipv6_prefix;
            let mut connector =
                session::connector_for(&self.connector, &puppet.user, &puppet.username, prefix);
            let certificate = puppet.login.as_ref().and_then(PuppetLogin::certificate_in_use);
            connector.set_puppet_certificate(certificate.cloned());
            let now = Instant::now();
            let last_spoke = now.checked_sub(idle).unwrap_or(now);
            let mut context = self.add_connection(&puppet, connector, last_spoke);
            let (session, events) =
                ContinuedSession::begin(&puppet, connection, &mut context).await;
            for event in events {
                let network = self.network.network.clone();
                let told = Event::Puppet(network, puppet.user.clone(), Box::new(event));
                // Fails only when the engine is gone.
                let _ = self.inbox.send(EngineInput::Event(told)).await;
            }
            self.sessions.spawn(session.run(puppet, context));
        }
    }

    /// Tries a login on a connection of its own, which spares the puppet. The next puppet waits its turn.
    fn try_login(&mut self, request: u64, nick: String, login: PuppetLogin) {
        self.next_connect_at = self.next_connect_at.max(Instant::now() + CONNECT_INTERVAL);
        let prefix = self.network.puppets.ipv6_prefix;
        let mut connector =
            session::connector_for(&self.connector, &login.user, &login.username, prefix);
        connector.set_puppet_certificate(login.certificate_in_use().cloned());
        let trial = trial::run(nick, login, self.network.clone(), connector);
        self.trials.spawn(async move { (request, trial.await) });
    }

    /// Evicts the longest idle puppet, if idle long enough.
    fn evict_idle(&mut self, now: Instant) {
        if self.connections.values().any(|live| live.quitting) {
            return;
        }
        let still = self.connections.values_mut().min_by_key(|live| live.spoke_at());
        if let Some(live) = still.filter(|live| now - live.spoke_at() >= MIN_IDLE_TO_EVICT) {
            live.quit("making room for another user");
        }
    }

    /// Quits puppets that have been idle for too long.
    fn quit_idle(&mut self) {
        let idle = self.network.puppets.idle_timeout;
        let still = self.connections.values_mut().filter(|live| live.spoke_at().elapsed() >= idle);
        still.for_each(|live| live.quit("idle"));
    }

    /// Lets go of all puppets, for another program.
    fn hand_over_all(&mut self) {
        self.pending.clear();
        for live in self.connections.values_mut().filter(|live| !live.quitting) {
            live.quitting = true;
            // A full queue means that the session is stuck, and is lost.
            let _ = live.commands.try_send(IrcCommand::HandOver);
        }
    }

    fn quit_all(&mut self, reason: &str) {
        self.pending.clear();
        self.connections.values_mut().for_each(|live| live.quit(reason));
    }
}

impl PuppetConnection {
    fn spoke_at(&self) -> Instant {
        *self.last_spoke.borrow()
    }

    fn quit(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.quitting, true) {
            let _ = self.commands.try_send(IrcCommand::Quit(reason.to_owned()));
        }
    }
}

async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
