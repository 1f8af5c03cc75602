//! The running bridge: connections that come and go, and the engine that they all report to.
//!
//! ```text
//!  net ──events──▶ inbox ──▶ engine: apply all waiting events, commit once ──commands──▶ net
//!  net ──events──▶   ▲
//!              ticks, shutdown
//! ```

pub mod account_documents;
mod account_policy;
pub mod account_probe;
mod accounts;
mod archive;
pub mod audit;
mod bridge_settings;
mod closings;
pub mod cluster;
mod commits;
mod connection_log;
mod connections;
mod connector;
mod control;
mod drain;
mod engine;
pub mod history_import;
mod ident;
mod identity;
mod idle_timeout;
mod inbox;
mod irc;
mod letschat;
mod letschat_dial;
mod link_requests;
mod messages;
mod outgoing;
mod probe;
pub mod progress;
mod puppets;
mod reconnect;
mod reload;
mod start_error;
mod stats_log;
mod sts;
mod supervisor;
mod survey;
mod upgrade;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinHandle};

use crate::bridge::{Bridge, Event, Stats};
use crate::config::Settings;
use crate::domain::EndpointId;
use crate::net::WriteGate;
use crate::store::{Lease, Store, StoreError};

pub use archive::{ArchiveMonitor, ArchiveStatus, WaitingArchive};
pub use control::BridgeControl;
pub use link_requests::LinkAsker;
pub use messages::Status;
pub use probe::{ProbeReport, ServerReport, probe, probe_letschat_login};
pub use reload::{ConfigChanges, ReloadError, compare as compare_settings};
pub use start_error::StartError;
pub use survey::{ChannelList, survey};
pub use upgrade::{HAND_OVER_FORMAT, HandOverError, HandedOver, LostConnection, TakeOverReport};

use archive::Archiver;
use bridge_settings::bridge_config;
use connections::Connections;
use engine::Engine;
use ident::IdentServer;
use inbox::{Inbox, QueueSenders};
use messages::{EngineInput, ShutdownRequest, ShutdownStage};
use progress::ProgressReader;
use upgrade::TakenOver;

/// How long connections may take to be let go of, after what was in flight.
const RELEASE_GRACE: Duration = Duration::from_secs(5);

/// How often the engine receives a tick.
const TICK_INTERVAL: Duration = Duration::from_secs(1);

/// A running bridge.
#[derive(Debug)]
pub struct RunningBridge {
    /// What it was last configured with.
    settings: Settings,
    connections: Connections,
    /// The channels and rooms that are no longer linked, and for which nothing is queued any more.
    unlinked: mpsc::UnboundedReceiver<EndpointId>,
    inbox: mpsc::Sender<EngineInput>,
    shutdown_stage: watch::Sender<ShutdownRequest>,
    status: watch::Receiver<Status>,
    stats: watch::Receiver<Stats>,
    engine_end: oneshot::Receiver<Result<(), StoreError>>,
    archiver: Archiver,
    progress: ProgressReader,
    /// What became of the connections of the program before, if that has handed any over.
    taken_over: Option<TakeOverReport>,
    ident: Option<IdentServer>,
}

/// Starts a bridge on `store`, which continues with the connections that another program has handed over, and writes to
/// networks only while its lease is valid; must be called within a Tokio runtime.
///
/// # Errors
/// When the store cannot be read or written, or the address of the ident server is in use.
pub fn start(
    settings: Settings,
    (mut store, lease): (Store, Lease),
    hand_over: Option<HandedOver>,
) -> Result<RunningBridge, StartError> {
    let ident = settings.ident.map(IdentServer::start).transpose()?;
    let idents = ident.as_ref().map(IdentServer::registry);
    store.set_account_key(&cluster::account_key(&settings)?);
    let (taken, taken_over) = match hand_over {
        Some(hand_over) => {
            let logins = store.puppet_logins()?;
            let (taken, report) = TakenOver::new(hand_over, &settings.networks, &logins);
            (taken, Some(report))
        }
        None => (TakenOver::default(), None),
    };
    let bridge = Bridge::new(bridge_config(&settings)?, Timestamp::now(), &mut store)?;
    store.commit()?;
    let endpoints = bridge.endpoints().map(|(id, endpoint)| (id, endpoint.clone())).collect();
    let status = Status { total: bridge.total(), ..Status::default() };
    let (status_sender, status) = watch::channel(status);
    let (queues, inputs) = Inbox::new();
    let (inbox, ticked) = (queues.add_queue(), queues.senders());
    let (shutdown_stage, wanted_stage) = watch::channel(ShutdownRequest::default());
    let (stats_sender, stats) = watch::channel(bridge.stats().clone());
    let (unlinked_sender, unlinked) = mpsc::unbounded_channel();
    let archiver = Archiver::start(&settings, &mut store);
    let mut engine = Engine::new(bridge, store, status_sender, stats_sender, wanted_stage);
    engine.report_unlinked(unlinked_sender);
    engine.report_own_account(archiver.own_account());
    let sts = Arc::new(sts::StsStore::open(&settings.state_dir));
    let gate = WriteGate::new(move || lease.is_valid());
    let queues = (queues, inbox.clone());
    let connections = Connections::start(&settings, endpoints, queues, sts, idents, (taken, gate));
    engine.set_account_pool(connections.account_pool());
    for (network, pool) in connections.puppet_pools() {
        engine.set_puppet_pool(network, Some(pool));
    }
    let engine_end = spawn_engine(engine, inputs);
    tokio::spawn(send_ticks(ticked));
    let progress = ProgressReader::new(&settings);
    Ok(RunningBridge {
        settings,
        connections,
        unlinked,
        inbox,
        shutdown_stage,
        status,
        stats,
        engine_end,
        archiver,
        progress,
        taken_over,
        ident,
    })
}

/// Runs the engine in a thread of its own. The receiver gets its result when it ends.
fn spawn_engine(engine: Engine, queues: Inbox) -> oneshot::Receiver<Result<(), StoreError>> {
    let (end, ended) = oneshot::channel();
    let runtime = Handle::current();
    thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || end.send(engine.run(queues, &runtime)))
        .expect("the system can start a thread");
    ended
}

impl RunningBridge {
    /// The status, with changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Asks the bridge for the page on which people link their accounts.
    #[must_use]
    pub fn link_asker(&self) -> LinkAsker {
        LinkAsker::new(&self.inbox)
    }

    /// Lets an administrator see and control the bridge.
    #[must_use]
    pub fn control(&self) -> BridgeControl {
        BridgeControl::new(&self.inbox)
    }

    /// The counters since startup, at most a second old.
    #[must_use]
    pub fn stats(&self) -> watch::Receiver<Stats> {
        self.stats.clone()
    }

    /// Sees how the archiver is.
    #[must_use]
    pub fn archive(&self) -> ArchiveMonitor {
        self.archiver.monitor()
    }

    /// Reads how far people have moved.
    #[must_use]
    pub fn progress(&self) -> ProgressReader {
        self.progress.clone()
    }

    /// Leaves channels and rooms that are no longer linked, until the engine ends by itself, which only a broken
    /// store causes. May be dropped and called again.
    ///
    /// # Errors
    /// The error of the store.
    pub async fn run(&mut self) -> Result<(), StoreError> {
        loop {
            tokio::select! {
                ended = &mut self.engine_end => return ended.expect("the engine reports its end"),
                Some(endpoint) = self.unlinked.recv() => {
                    self.connections.leave(endpoint, &self.settings).await;
                }
            }
        }
    }

    /// Whether these settings can be applied while the bridge runs.
    ///
    /// # Errors
    /// What cannot change while the bridge runs.
    pub fn check_reload(&self, settings: &Settings) -> Result<(), ReloadError> {
        reload::compare(&self.settings, settings).map(drop)
    }

    /// Applies other settings while the bridge runs. Nothing is lost or repeated by that, and a connection is made
    /// anew only if its own settings are others. Returns when that is done.
    ///
    /// # Errors
    /// What cannot change while the bridge runs; nothing is applied then.
    pub async fn reload(&mut self, settings: Settings) -> Result<ConfigChanges, ReloadError> {
        let summary = reload::compare(&self.settings, &settings)?;
        let (reply, endpoints) = oneshot::channel();
        let config = Box::new(bridge_config(&settings)?);
        self.connections.prepare(&settings).await;
        self.archiver.hold().await;
        // Fails only when the engine is gone, which `run` reports.
        let _ = self.inbox.send(EngineInput::Reconfigure(config, reply)).await;
        let Ok(endpoints) = endpoints.await else { return Err(ReloadError::Stopped) };
        self.archiver.reconfigure(&settings);
        self.progress.reconfigure(&settings);
        self.connections.apply(&self.settings, &settings, endpoints).await;
        // What only a restart applies is still as it was.
        let (ident, format) = (self.settings.ident, self.settings.log.format);
        let cluster = self.settings.store.cluster.take();
        self.settings = settings;
        (self.settings.ident, self.settings.log.format) = (ident, format);
        self.settings.store.cluster = cluster;
        Ok(summary)
    }

    /// What became of the connections of the program before; `None` if none were handed over.
    #[must_use]
    pub fn taken_over(&self) -> Option<&TakeOverReport> {
        self.taken_over.as_ref()
    }

    /// Waits for deliveries in flight for as long as the settings allow, quits on both sides, and waits until
    /// everything is committed. Of several nodes, another one takes over then.
    ///
    /// # Errors
    /// The error of the store.
    pub async fn stop(self) -> Result<(), StoreError> {
        let (connections, shutdown) = self.into_shutdown();
        // Before the engine quits the sessions, so that their end is understood.
        connections.stop();
        shutdown.finish(false).await
    }

    /// Ends at once and says nothing to anybody: another node has taken over. The engine has ended.
    pub async fn abandon(self) {
        let Self { connections, archiver, ident, .. } = self;
        connections.drop_all();
        archiver.stop().await;
        stop_ident(ident).await;
    }

    /// As [`RunningBridge::stop`], but lets go of the IRC connections instead of quitting, for the upgrade `id`.
    ///
    /// # Errors
    /// The error of the store. The connections are closed then.
    pub async fn hand_over(self, id: String) -> Result<HandedOver, StoreError> {
        let began_at = Timestamp::now();
        let (connections, shutdown) = self.into_shutdown();
        let (desk, tasks) = connections.hand_over();
        let patience = shutdown.timeout + RELEASE_GRACE;
        let end_stuck = tokio::spawn(async move {
            tokio::time::sleep(patience).await;
            tasks.iter().for_each(AbortHandle::abort);
        });
        let outcome = shutdown.finish(true).await;
        end_stuck.abort();
        let (released, lost) = desk.take();
        outcome.map(|()| HandedOver::new(id, began_at, released, lost))
    }

    fn into_shutdown(self) -> (Connections, Shutdown) {
        let shutdown = Shutdown {
            timeout: self.settings.shutdown_timeout,
            inbox: self.inbox,
            stage: self.shutdown_stage,
            engine_end: self.engine_end,
            archiver: self.archiver,
            ident: self.ident,
        };
        (self.connections, shutdown)
    }
}

/// What of a bridge ends after its connections were told.
struct Shutdown {
    /// How long the engine may take to finish what is in flight.
    timeout: Duration,
    inbox: mpsc::Sender<EngineInput>,
    stage: watch::Sender<ShutdownRequest>,
    engine_end: oneshot::Receiver<Result<(), StoreError>>,
    archiver: Archiver,
    ident: Option<IdentServer>,
}

impl Shutdown {
    /// Waits until the engine has finished what is in flight, and all has ended.
    async fn finish(self, keeps_irc: bool) -> Result<(), StoreError> {
        // The engine ends when all senders are gone, including this one.
        drop(self.inbox);
        let timer = drain(self.stage, self.timeout, keeps_irc);
        let outcome = self.engine_end.await.expect("the engine reports its end");
        timer.abort();
        self.archiver.stop().await;
        stop_ident(self.ident).await;
        outcome
    }
}

/// Tells the engine to finish what is in flight, and to stop after `settle` in spite of it.
fn drain(
    stage: watch::Sender<ShutdownRequest>,
    settle: Duration,
    keeps_irc: bool,
) -> JoinHandle<()> {
    stage.send_replace(ShutdownRequest { stage: ShutdownStage::Draining, keeps_irc });
    tokio::spawn(async move {
        tokio::time::sleep(settle).await;
        stage.send_replace(ShutdownRequest { stage: ShutdownStage::Quitting, keeps_irc });
        stage.closed().await;
    })
}

/// Sends ticks to the engine while any queue exists, through the one with the most room.
async fn send_ticks(queues: QueueSenders) {
    let mut often = tokio::time::interval(TICK_INTERVAL);
    // No burst of ticks after a stall.
    often.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        often.tick().await;
        let Some(queue) = queues.emptiest() else { return };
        if queue.send(EngineInput::Event(Event::Tick)).await.is_err() {
            return;
        }
    }
}

async fn stop_ident(server: Option<IdentServer>) {
    if let Some(server) = server {
        server.stop().await;
    }
}
