//! The engine: applies events to the bridge, commits, and only then sends the resulting commands.
//!
//! It has its own thread, because commits block. Under load, it applies all waiting events and commits once,
//! which shares the cost, and goes on while the disk still works: then the commands are held back until it is done.

mod ending;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, watch};

use super::archive::OwnAccount;
use super::closings::Closings;
use super::commits::Commits;
use super::connection_log::ConnectionLog;
use super::control::OpenControls;
use super::drain::Drain;
use super::inbox::Inbox;
use super::link_requests::OpenRequests;
use super::messages::{
    AccountPoolRequest, EngineInput, PoolRequest, ShutdownRequest, ShutdownStage, Status,
};
use super::outgoing::{Outgoing, stage_changed_or_synced, try_send_command};
use super::stats_log::StatsReporter;
use crate::bridge::{Bridge, Command, ControlReply, Event, Peer, Stats};
use crate::domain::{EndpointId, Network};
use crate::protocol::irc;
use crate::protocol::letschat;
use crate::store::{Store, StoreError};

/// Limits on the inputs and the duration of one turn, which bound the delay of its commands.
const MAX_TURN_INPUTS: usize = 1_024;
const MAX_TURN_TIME: Duration = Duration::from_millis(100);

/// After a turn of more inputs, others are likely to come while the disk works. After fewer, waiting for the disk is
/// faster than having a thread do so.
const FEW_INPUTS: usize = 3;

/// The bridge with its store and its connections.
pub(super) struct Engine {
    bridge: Bridge,
    store: Store,
    irc_senders: HashMap<Network, mpsc::Sender<irc::IrcCommand>>,
    /// The puppet pools, by network.
    puppet_pools: HashMap<Network, mpsc::UnboundedSender<PoolRequest>>,
    letschat_sender: Option<mpsc::Sender<letschat::LetsChatCommand>>,
    /// The pool of accounts on Let's Chat, if there is one.
    account_pool: Option<mpsc::UnboundedSender<AccountPoolRequest>>,
    /// Where to report the endpoints that are no longer linked.
    unlinked: Option<mpsc::UnboundedSender<EndpointId>>,
    /// Where to tell the bridge's own account on Let's Chat.
    own_account: OwnAccount,
    closings: Closings,
    link_requests: OpenRequests,
    controls: OpenControls,
    status: watch::Sender<Status>,
    connections: ConnectionLog,
    commits: Commits,
    stats_reporter: StatsReporter,
    requested_stage: watch::Receiver<ShutdownRequest>,
    /// The current stage of shutdown.
    stage: ShutdownStage,
    drain: Drain,
    quit_sent: bool,
    outgoing: Outgoing,
}

impl Engine {
    pub(super) fn new(
        bridge: Bridge,
        mut store: Store,
        status: watch::Sender<Status>,
        counters: watch::Sender<Stats>,
        requested: watch::Receiver<ShutdownRequest>,
    ) -> Self {
        let sender = status.clone();
        store.on_stall(move |stuck| sender.send_modify(|status| status.storage_stalled = stuck));
        Self {
            stats_reporter: StatsReporter::new(counters),
            connections: ConnectionLog::default(),
            commits: Commits::new(),
            bridge,
            store,
            irc_senders: HashMap::new(),
            puppet_pools: HashMap::new(),
            letschat_sender: None,
            account_pool: None,
            unlinked: None,
            own_account: OwnAccount::default(),
            closings: Closings::default(),
            link_requests: OpenRequests::default(),
            controls: OpenControls::default(),
            status,
            requested_stage: requested,
            stage: ShutdownStage::Running,
            drain: Drain::default(),
            quit_sent: false,
            outgoing: Outgoing::default(),
        }
    }

    /// Sets the puppet pool of `network`.
    pub(super) fn set_puppet_pool(
        &mut self,
        network: Network,
        pool: Option<mpsc::UnboundedSender<PoolRequest>>,
    ) {
        match pool {
            Some(pool) => drop(self.puppet_pools.insert(network, pool)),
            None => drop(self.puppet_pools.remove(&network)),
        }
    }

    /// Sets the pool of accounts on Let's Chat.
    pub(super) fn set_account_pool(&mut self, pool: mpsc::UnboundedSender<AccountPoolRequest>) {
        self.account_pool = Some(pool);
    }

    /// Reports to `unlinked` the endpoints that are no longer linked, once nothing is queued for them.
    pub(super) fn report_unlinked(&mut self, unlinked: mpsc::UnboundedSender<EndpointId>) {
        self.unlinked = Some(unlinked);
    }

    /// Tells `own` the bridge's account on Let's Chat, once it is known.
    pub(super) fn report_own_account(&mut self, own: OwnAccount) {
        self.own_account = own;
    }

    /// Runs until all senders of inputs are gone.
    pub(super) fn run(mut self, mut inbox: Inbox, runtime: &Handle) -> Result<(), StoreError> {
        let mut commands = Vec::new();
        let synced = Arc::new(Notify::new());
        let told = Arc::clone(&synced);
        self.store.sync_in_background(move || told.notify_one())?;
        self.publish_status();
        while self.is_stage_requested()
            || inbox.wait(runtime, stage_changed_or_synced(self.requested_stage.clone(), &synced))
        {
            self.apply_stage(&mut commands)?;
            let began = Instant::now();
            let mut inputs = 0;
            while inputs < MAX_TURN_INPUTS {
                let Some(item) = inbox.take_next() else { break };
                if !may_overtake(&item) {
                    self.send_all()?;
                }
                self.apply_input(item, &mut commands)?;
                inputs += 1;
                if began.elapsed() >= MAX_TURN_TIME || self.is_stage_requested() {
                    break;
                }
            }
            self.bridge.end_turn(Timestamp::now(), &mut self.store, &mut commands)?;
            let is_busy = inputs > FEW_INPUTS || inbox.peek() || !self.outgoing.is_empty();
            self.commits.commit(&mut self.store, is_busy)?;
            tracing::trace!("turn committed");
            self.outgoing.hold(self.store.sync_point(), &mut commands);
            self.send_synced()?;
            self.close_drained();
            self.publish_status();
            if self.stage == ShutdownStage::Draining && self.check_drained() {
                self.send_quits();
            }
        }
        self.store.sync()?;
        self.send_synced()?;
        self.stats_reporter.publish(self.bridge.stats());
        self.stats_reporter.log_changes();
        // Lets another node take over, if there are several.
        if let Err(error) = self.store.release() {
            tracing::warn!(%error, "cannot tell the other node to take over: it will in a few seconds");
        }
        Ok(())
    }

    /// Sends the commands of all turns that are on the disk.
    fn send_synced(&mut self) -> Result<(), StoreError> {
        self.store.poll_sync()?;
        while let Some(commands) = self.outgoing.take_synced(&self.store) {
            commands.into_iter().for_each(|command| self.send_command(command));
        }
        Ok(())
    }

    /// Waits for the disk, and sends all commands: what comes now must not overtake them.
    fn send_all(&mut self) -> Result<(), StoreError> {
        if self.outgoing.is_empty() {
            return Ok(());
        }
        self.store.sync_log()?;
        self.send_synced()
    }

    fn apply_input(
        &mut self,
        item: EngineInput,
        commands: &mut Vec<Command>,
    ) -> Result<(), StoreError> {
        match item {
            EngineInput::IrcConnected(network, sender) => {
                self.irc_senders.insert(network, sender);
            }
            EngineInput::LetsChatConnected(sender) => self.letschat_sender = Some(sender),
            EngineInput::ServerReached(peer, server) => self.connections.reached(peer, server),
            EngineInput::ConnectionProblem(peer, problem) => {
                self.connections.failed(peer, problem, Timestamp::now());
            }
            EngineInput::Reconnecting(peer, reason) => self.connections.retried(peer, reason),
            EngineInput::CheckStorage(reply) => self.commits.check(reply, &mut self.store)?,
            EngineInput::LinkRequest(request, reply) => {
                if let Some(event) = self.link_requests.open(request, reply) {
                    self.bridge.apply(Timestamp::now(), event, &mut self.store, commands)?;
                }
            }
            EngineInput::PuppetLoginRequest(request, reply) => {
                if let Some(event) = self.link_requests.open_puppet_login(request, reply) {
                    self.bridge.apply(Timestamp::now(), event, &mut self.store, commands)?;
                }
            }
            EngineInput::Reconfigure(config, reply) => {
                self.bridge.reconfigure(*config, Timestamp::now(), &mut self.store, commands)?;
                // It is committed before its answer can lead to anything: what follows goes through the engine.
                let all = self.bridge.endpoints().map(|(id, endpoint)| (id, endpoint.clone()));
                // The asker may have gone.
                let _ = reply.send(all.collect());
            }
            EngineInput::Configure(command) => commands.push(command),
            EngineInput::SetPuppetPool(network, pool) => self.set_puppet_pool(network, pool),
            EngineInput::Close(peer, timeout, reply) => {
                self.bridge.close(peer.clone());
                self.closings.add(peer, timeout, reply);
            }
            EngineInput::Control(request, reply) => {
                if let Some(event) = self.controls.open(request, reply) {
                    self.bridge.apply(Timestamp::now(), event, &mut self.store, commands)?;
                }
            }
            EngineInput::Event(happening) => {
                self.note_event(&happening)?;
                self.bridge.apply(Timestamp::now(), happening, &mut self.store, commands)?;
            }
        }
        Ok(())
    }

    /// Notes what an event says of a connection, or that a second has passed.
    fn note_event(&mut self, event: &Event) -> Result<(), StoreError> {
        match event {
            Event::Irc(network, irc::IrcEvent::Registered { .. }) => {
                self.connections.logged_in(Peer::Irc(network.clone()), Timestamp::now());
            }
            Event::LetsChat(letschat::LetsChatEvent::LoggedIn(account)) => {
                self.own_account.set(account);
                self.connections.logged_in(Peer::LetsChat, Timestamp::now());
            }
            Event::Irc(network, irc::IrcEvent::PingAnswered { next_within }) => {
                let peer = Peer::Irc(network.clone());
                self.connections.answered(peer, *next_within, Timestamp::now());
            }
            Event::LetsChat(letschat::LetsChatEvent::PingAnswered { next_within }) => {
                self.connections.answered(Peer::LetsChat, *next_within, Timestamp::now());
            }
            Event::ConnectionLost(peer) => self.on_connection_lost(peer),
            Event::Tick => {
                self.stats_reporter.tick(self.bridge.stats());
                self.commits.tick();
                self.store.still_there()?;
            }
            _ => {}
        }
        Ok(())
    }

    fn on_connection_lost(&mut self, peer: &Peer) {
        self.connections.lost(peer.clone(), Timestamp::now());
        match peer {
            Peer::Irc(network) => drop(self.irc_senders.remove(network)),
            Peer::LetsChat => self.letschat_sender = None,
        }
    }

    /// Sends a command; if the connection is gone, its loss is already queued as an event.
    fn send_command(&mut self, command: Command) {
        match command {
            Command::Irc(network, command) => {
                let aside = matches!(command, irc::IrcCommand::SendNotice { .. });
                let peer = self.irc_senders.get(&network);
                if peer.is_some_and(|peer| !try_send_command(peer, command, aside)) {
                    self.irc_senders.remove(&network);
                    tracing::error!(%network, "command queue is full; reconnecting");
                }
            }
            Command::Puppets(network, command) => {
                if let Some(keeper) = self.puppet_pools.get(&network) {
                    // A closed pool has no puppets left.
                    let _ = keeper.send(PoolRequest::Command(command));
                }
            }
            Command::Account(command) => {
                if let Some(pool) = &self.account_pool {
                    // It is gone only when the program ends.
                    let _ = pool.send(AccountPoolRequest::Command(command));
                }
            }
            Command::Unlinked(endpoint) => {
                if let Some(unlinked) = &self.unlinked {
                    // It is gone only when the program ends.
                    let _ = unlinked.send(endpoint);
                }
            }
            Command::LinkReply(request, reply) => self.link_requests.close(request, reply),
            Command::PuppetLoginReply(request, reply) => {
                self.link_requests.close_puppet_login(request, reply);
            }
            Command::ControlReply(request, mut answer) => {
                if let Ok(ControlReply::Report(report)) = &mut answer {
                    report.connections.iter_mut().for_each(|it| self.connections.fill(it));
                    report.commits.clone_from(self.commits.times());
                    report.writes = self.store.write_counts();
                }
                self.controls.close(request, answer);
            }
            Command::LetsChat(command) => {
                let aside = matches!(command, letschat::LetsChatCommand::SendDirectNotice { .. });
                let peer = self.letschat_sender.as_ref();
                if peer.is_some_and(|peer| !try_send_command(peer, command, aside)) {
                    self.letschat_sender = None;
                    tracing::error!("command queue of Let's Chat is full; reconnecting");
                }
            }
        }
    }

    fn publish_status(&self) {
        let status = Status {
            joined: self.bridge.joined(),
            total: self.bridge.total(),
            paused: self.bridge.paused(),
            // The engine would otherwise block in the store.
            storage_stalled: false,
            problems: self.connections.problems().cloned().collect(),
        };
        self.status.send_if_modified(|published| {
            let is_new = *published != status;
            *published = status;
            is_new
        });
    }
}

/// Whether the input may be applied while commands are held back: those of a connection that goes on. What comes of it is
/// sent after them.
fn may_overtake(input: &EngineInput) -> bool {
    matches!(input, EngineInput::Event(Event::Irc(..) | Event::LetsChat(..)))
}
