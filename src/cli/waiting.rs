//! A node that waits until it is the active one: its API answers meanwhile, its configuration can be read again, and its
//! program can be replaced.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time;

use super::program::{ProgramHandles, read_again, reloaded, report_taken_over};
use super::requests::{
    BegunUpgrade, HandoverReply, ProgramRequests, RunEnd, UpgradeReply, random_id, upgrade_begun,
};
use super::systemd;
use crate::admin::{
    AdminListeners, AdminTcp, ClusterMonitor, ErrorView, NodeRoleView, ReloadedView, RunningParts,
};
use crate::bridge::Stats;
use crate::config::Settings;
use crate::service;
use crate::service::cluster::try_servers;
use crate::service::progress::ProgressReader;
use crate::service::{ArchiveMonitor, BridgeControl, HandedOver, Status, WaitingArchive};
use crate::store::{ClusterConfig, ClusterNode, Lease, Store};

/// How long connections that were handed over wait for this node to be the active one again. Servers close those that do
/// not answer after a minute or two, and people wait.
const KEEP_CONNECTIONS: Duration = Duration::from_secs(15);

/// How long a new program may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How waiting has ended.
pub(super) enum WaitEnd {
    /// This node is the active one.
    Turn {
        /// The store.
        store: Box<Store>,
        /// The right to speak.
        lease: Lease,
        /// Which nodes there are.
        monitor: ClusterMonitor,
    },
    /// The run has ended.
    Run(RunEnd),
}

/// Waits until the node is the active one, a signal stops it, or another program is to replace this one. Connections
/// that another program has handed over are kept for a moment.
pub(super) async fn wait_for_turn(
    config: &Path,
    node: ClusterConfig,
    (settings, hand_over): (&mut Settings, &mut Option<HandedOver>),
    requests: &mut ProgramRequests,
) -> Result<WaitEnd, Box<dyn Error>> {
    let node = ClusterNode::new(node, &settings.state_dir)?;
    let monitor = ClusterMonitor::new(node.status());
    let archive = WaitingArchive::start(&settings.state_dir);
    if let Some(hand_over) = &hand_over {
        requests.handles.upgrade.go_on(hand_over.id());
    }
    let listeners = AdminListeners::bind(settings).await?;
    let admin_tcp = listeners.tcp();
    let parts = parts_of(settings, config, requests.handles.clone(), monitor.clone());
    let admin = listeners.serve(parts).await;
    let telling = tokio::spawn(systemd::report_waiting(monitor.clone()));
    let mut trial = tokio::spawn(try_when_waiting(settings.clone(), monitor.clone()));
    let mut turn = pin!(node.wait_until_active());
    let mut patience = pin!(lose_patience(monitor.clone()));
    let end = loop {
        tokio::select! {
            turn = &mut turn => {
                let (store, lease) = turn?;
                break WaitEnd::Turn { store: Box::new(store), lease, monitor };
            }
            () = &mut patience, if hand_over.is_some() => give_up(hand_over, requests).await,
            () = requests.signals.wait_stop() => {
                stop(hand_over.take()).await;
                break WaitEnd::Run(RunEnd::Stopped);
            }
            Some(request) = requests.reloads.recv() => {
                let outcome = reload(config, settings, &admin_tcp, &requests.handles).await;
                requests.answer_reload(settings, request, outcome);
                trial.abort();
                trial = tokio::spawn(try_when_waiting(settings.clone(), monitor.clone()));
            }
            Some(reply) = requests.handovers.recv() => refuse_handover(&monitor, reply),
            Some((wanted, reply)) = requests.upgrades.recv() => {
                let place = (config, settings.state_dir.as_path());
                match requests.find_new_program(wanted, place).await {
                    Ok(found) => {
                        let upgrade = begin_upgrade(found, settings.clone(), reply);
                        break WaitEnd::Run(RunEnd::Upgrade(Box::new(upgrade)));
                    }
                    // Who asked may have gone.
                    Err(refusal) => drop(reply.send(Err(refusal))),
                }
            }
        }
    };
    trial.abort();
    telling.abort();
    drop(archive);
    admin.stop().await;
    Ok(end)
}

/// The node stops.
async fn stop(hand_over: Option<HandedOver>) {
    systemd::notify_stopping();
    if let Some(hand_over) = hand_over {
        hand_over.say_goodbye().await;
    }
    tracing::info!("stopped");
}

/// Only the active node can hand over.
fn refuse_handover(monitor: &ClusterMonitor, reply: HandoverReply) {
    let reason = monitor.view().waits_for().unwrap_or_default();
    let error = format!("{reason}: ask the active node to hand over");
    // Who asked may have gone.
    let _ = reply.send(Err(ErrorView { error, mistakes: Vec::new() }));
}

/// This program of that version replaces the one that waits. Nothing is handed over to it: while connections are kept,
/// no other upgrade begins.
fn begin_upgrade(
    (program, to_version): (PathBuf, String),
    settings: Settings,
    reply: UpgradeReply,
) -> BegunUpgrade {
    let id = random_id();
    // Who asked may have gone.
    let _ = reply.send(Ok(upgrade_begun(&id, &to_version, START_TIMEOUT)));
    let hand_over = HandedOver::of_waiting_node(id.clone());
    BegunUpgrade { id, program, to_version, hand_over, settings }
}

/// Ends when connections that were handed over are kept in vain: another node is active, or this one does not become so
/// in time.
async fn lose_patience(mut monitor: ClusterMonitor) {
    let replaced = async {
        loop {
            let view = monitor.view();
            let is_other = view.active_node.as_ref().is_some_and(|active| *active != view.node);
            if view.role == NodeRoleView::Waiting && is_other {
                return;
            }
            monitor.changed().await;
        }
    };
    // Late is as good as never.
    let _ = time::timeout(KEEP_CONNECTIONS, replaced).await;
}

/// Closes the connections that were handed over.
async fn give_up(hand_over: &mut Option<HandedOver>, requests: &ProgramRequests) {
    let Some(kept) = hand_over.take() else { return };
    let report = kept.give_up("another node is active, or PostgreSQL cannot be reached").await;
    report_taken_over(&report, &requests.handles.upgrade);
}

/// What the API works by while the node waits.
fn parts_of(
    settings: &Settings,
    config: &Path,
    handles: ProgramHandles,
    monitor: ClusterMonitor,
) -> RunningParts {
    let ProgramHandles { log_level, reload, upgrade, handover } = handles;
    RunningParts {
        control: BridgeControl::of_waiting_node(),
        status: watch::channel(Status::default()).1,
        stats: watch::channel(Stats::default()).1,
        archive: ArchiveMonitor::default(),
        progress: ProgressReader::new(settings),
        reload,
        upgrade,
        handover,
        cluster: Some(monitor),
        warnings: log_level.warnings(),
        log_level: Arc::new(log_level),
        started_at: Timestamp::now(),
        config_path: config.to_owned(),
        state_dir: settings.state_dir.clone(),
    }
}

/// Tries to reach the servers once the node waits. One that is active at once finds out anyway.
async fn try_when_waiting(settings: Settings, mut monitor: ClusterMonitor) {
    while monitor.view().role != NodeRoleView::Waiting {
        monitor.changed().await;
    }
    try_servers(&settings).await;
}

/// Reads the configuration again, for when this node is the active one.
async fn reload(
    config: &Path,
    settings: &mut Settings,
    admin_tcp: &AdminTcp,
    handles: &ProgramHandles,
) -> Result<ReloadedView, Vec<String>> {
    systemd::notify_reloading();
    let outcome = async {
        let (mut new, warnings) = read_again(config)?;
        let changes = service::compare_settings(settings, &new);
        let changes = changes.map_err(|error| vec![error.to_string()])?;
        let applied = admin_tcp.reconfigure(&new.admin).await;
        applied.map_err(|error| vec![error.to_string()])?;
        handles.log_level.apply(&new.log).map_err(|error| vec![error])?;
        // Only a restart changes these.
        new.log.format = settings.log.format;
        new.store.cluster = settings.store.cluster.take();
        *settings = new;
        Ok(reloaded(changes, warnings))
    };
    let outcome = outcome.await;
    systemd::notify_reloaded();
    outcome
}
