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
use crate::bridge::{Event, PuppetCommand};
use crate::config::NetworkSettings;
use crate::domain::{EndpointId, LetsChatUserId, PuppetLogin};
use crate::protocol::irc::{ChannelTarget, IrcCommand};
use retry::RetryState;
use session::{PuppetConfig, SessionEnd};

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
    last_spoke: Instant,
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
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            network,
            connector,
            channels: channels.into_iter().map(|endpoint| (endpoint.endpoint, endpoint)).collect(),
            inbox,
            stop,
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
                    live.last_spoke = Instant::now();
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
                    live.last_spoke = Instant::now();
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
        let (sender, commands) = mpsc::channel(command_queue_capacity(self.channels.len()));
        let live = PuppetConnection {
            commands: sender,
            started_at: now,
            last_spoke: now,
            quitting: false,
        };
        self.connections.insert(called.user.clone(), live);
        let PendingPuppet { user: account, nick, username: name, channels, login, .. } = called;
        let kept = self.retries.get_mut(&account).and_then(|past| past.connector.take());
        let prefix = self.network.puppets.ipv6_prefix;
        let mut connector = kept
            .unwrap_or_else(|| session::connector_for(&self.connector, &account, &name, prefix));
        let certificate = login.as_ref().and_then(PuppetLogin::certificate_in_use);
        connector.set_puppet_certificate(certificate.cloned());
        let puppet = PuppetConfig { user: account, nick, username: name, channels, login };
        let (network, inbox, stop) = (self.network.clone(), self.inbox.clone(), self.stop.clone());
        self.sessions
            .spawn(session::run_session(puppet, network, connector, commands, inbox, stop));
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
        let still = self.connections.values_mut().min_by_key(|live| live.last_spoke);
        if let Some(live) = still.filter(|live| now - live.last_spoke >= MIN_IDLE_TO_EVICT) {
            live.quit("making room for another user");
        }
    }

    /// Quits puppets that have been idle for too long.
    fn quit_idle(&mut self) {
        let idle = self.network.puppets.idle_timeout;
        let still = self.connections.values_mut().filter(|live| live.last_spoke.elapsed() >= idle);
        still.for_each(|live| live.quit("idle"));
    }

    fn quit_all(&mut self, reason: &str) {
        self.pending.clear();
        self.connections.values_mut().for_each(|live| live.quit(reason));
    }
}

impl PuppetConnection {
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
