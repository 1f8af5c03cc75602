//! The loop that runs the program: signals, reloads, upgrades and handovers.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::program::{Program, StartedFrom};
use super::requests::{
    BegunUpgrade, HandoverReply, ProgramRequests, RunEnd, UpgradeReply, random_id, upgrade_begun,
};
use super::systemd;
use super::waiting::{WaitEnd, wait_for_turn};
use crate::admin::{ClusterView, ErrorView, HandoverBegunView, ReloadedView};
use crate::config::Settings;
use crate::service::cluster::cluster_config;
use crate::service::{HandedOver, StartError};
use crate::store::{Lease, Store, StoreError, read_cluster};

/// How long a new program may take to start, and to bring the database up to date, after what was in flight.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How long another node may take to take over, after what was in flight.
const TAKE_OVER_TIMEOUT: Duration = Duration::from_secs(10);

/// How a turn of this node has ended.
enum TurnEnd {
    /// The run has ended, too.
    Run(RunEnd),
    /// The node waits for its next turn.
    Wait,
}

/// What an administrator has asked that ends the turn.
enum Farewell {
    Stop,
    Upgrade {
        /// The program and its version.
        found: (PathBuf, String),
        /// Another node takes over meanwhile, so that no connections are kept.
        is_replaced: bool,
        reply: UpgradeReply,
    },
    HandOver {
        to: Vec<String>,
        reply: HandoverReply,
    },
}

/// Runs the program, with the connections of another one if there are any, until a signal stops it or another one is
/// to replace it. If several nodes share the store, it waits for its turn first, and again after each.
pub(super) async fn run_until_stopped(
    config: &Path,
    mut settings: Settings,
    mut hand_over: Option<HandedOver>,
    requests: &mut ProgramRequests,
) -> Result<RunEnd, Box<dyn Error>> {
    loop {
        let (store, lease, cluster) = match cluster_config(&settings)? {
            None => (Store::open(&settings.state_dir)?, Lease::always(), None),
            Some(node) => {
                let turn = (&mut settings, &mut hand_over);
                match wait_for_turn(config, node, turn, requests).await? {
                    WaitEnd::Turn { store, lease, monitor } => (*store, lease, Some(monitor)),
                    WaitEnd::Run(end) => return Ok(end),
                }
            }
        };
        let handles = requests.handles.clone();
        let from = StartedFrom { store: (store, lease), hand_over: hand_over.take(), cluster };
        let mut program = match Program::start(config, settings.clone(), from, handles).await {
            Ok(program) => program,
            Err(error) if is_replaced(&*error) => continue,
            Err(error) => return Err(error),
        };
        match run_turn(config, &mut program, requests).await {
            Ok(farewell) => {
                settings = program.settings().clone();
                match say_farewell(farewell, program, requests).await? {
                    TurnEnd::Run(end) => return Ok(end),
                    TurnEnd::Wait => {}
                }
            }
            Err(StoreError::NotActive) => {
                settings = program.settings().clone();
                tracing::warn!(
                    "another node has taken over: this one has closed its connections without a word, and waits"
                );
                program.abandon().await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Runs the program until somebody wants something else. Errors are those of the store, which end it.
async fn run_turn(
    config: &Path,
    program: &mut Program,
    requests: &mut ProgramRequests,
) -> Result<Farewell, StoreError> {
    tokio::spawn(systemd::report_status(program.status()));
    loop {
        tokio::select! {
            outcome = program.run() => {
                outcome?;
                return Ok(Farewell::Stop);
            }
            () = requests.signals.wait_stop() => return Ok(Farewell::Stop),
            Some(request) = requests.reloads.recv() => tokio::select! {
                outcome = reload(program) => {
                    requests.answer_reload(program.settings(), request, outcome);
                }
                () = requests.signals.wait_stop() => return Ok(Farewell::Stop),
            },
            Some(reply) = requests.handovers.recv() => match successors(program).await {
                Ok(to) => return Ok(Farewell::HandOver { to, reply }),
                // Who asked may have gone.
                Err(error) => drop(reply.send(Err(ErrorView { error, mistakes: Vec::new() }))),
            },
            Some((wanted, reply)) = requests.upgrades.recv() => {
                let state_dir = program.settings().state_dir.clone();
                let found = tokio::select! {
                    found = requests.find_new_program(wanted, (config, &state_dir)) => found,
                    outcome = program.run() => {
                        outcome?;
                        return Ok(Farewell::Stop);
                    }
                };
                match found {
                    Ok(found) => {
                        let is_replaced = program.cluster().is_some() && successors(program).await.is_ok();
                        return Ok(Farewell::Upgrade { found, is_replaced, reply });
                    }
                    // Who asked may have gone.
                    Err(refusal) => drop(reply.send(Err(refusal))),
                }
            }
        }
    }
}

/// Ends the program as it was asked for.
async fn say_farewell(
    farewell: Farewell,
    program: Program,
    requests: &ProgramRequests,
) -> Result<TurnEnd, StoreError> {
    match farewell {
        Farewell::Stop => {
            tracing::info!(
                "shutting down: waiting for deliveries in flight; a second signal exits immediately"
            );
            systemd::notify_stopping();
            match program.stop().await {
                // There is nothing more to be done here.
                Ok(()) | Err(StoreError::NotActive) => {}
                Err(error) => return Err(error),
            }
            tracing::info!("stopped");
            Ok(TurnEnd::Run(RunEnd::Stopped))
        }
        Farewell::Upgrade { found, is_replaced, reply } => {
            let end = hand_over_to(found, is_replaced, (program, reply), requests).await?;
            Ok(TurnEnd::Run(end))
        }
        Farewell::HandOver { to, reply } => {
            let from = program.cluster().map(|cluster| cluster.view().node).unwrap_or_default();
            let within = program.settings().shutdown_timeout.saturating_add(TAKE_OVER_TIMEOUT);
            tracing::info!(to = to.join(", "), "handing over: waiting for deliveries in flight");
            // Who asked may have gone.
            let _ = reply.send(Ok(HandoverBegunView { from, to, within_secs: within.as_secs() }));
            match program.stop().await {
                Ok(()) => tracing::info!("handed over: this node waits"),
                Err(StoreError::NotActive) => {}
                Err(error) => return Err(error),
            }
            if requests.signals.is_stop_requested() {
                systemd::notify_stopping();
                tracing::info!("stopped");
                return Ok(TurnEnd::Run(RunEnd::Stopped));
            }
            Ok(TurnEnd::Wait)
        }
    }
}

/// The nodes that could take over now, as PostgreSQL knows them.
///
/// # Errors
/// Why there are none, in words.
async fn successors(program: &Program) -> Result<Vec<String>, String> {
    let alone = "this bridge runs alone: there is no other node";
    let cluster = cluster_config(program.settings()).map_err(|error| error.to_string())?;
    let cluster = cluster.ok_or(alone)?;
    // What this node was last told may be some seconds old.
    let status = read_cluster(&cluster).await.map_err(|error| error.to_string())?;
    let view = ClusterView::new(&status);
    let waiting: Vec<String> = view.successors().map(|it| it.name.clone()).collect();
    if waiting.is_empty() {
        let words = "no other node waits: start one, or stop this one if the bridge is to be off";
        return Err(words.to_owned());
    }
    Ok(waiting)
}

/// Whether another node took over while the program was being started.
fn is_replaced(error: &(dyn Error + 'static)) -> bool {
    let is_not_active = |error: &StoreError| matches!(error, StoreError::NotActive);
    match error.downcast_ref::<StartError>() {
        Some(StartError::Store(error)) => is_not_active(error),
        Some(StartError::Ident { .. } | StartError::NoAccountKey(_)) => false,
        None => error.downcast_ref::<StoreError>().is_some_and(is_not_active),
    }
}

/// Lets go of the connections for this program of that version; or quits, if another node takes over.
async fn hand_over_to(
    (new_program, to_version): (PathBuf, String),
    is_replaced: bool,
    (program, reply): (Program, UpgradeReply),
    requests: &ProgramRequests,
) -> Result<RunEnd, StoreError> {
    let settings = program.settings().clone();
    let id = random_id();
    let within = settings.shutdown_timeout.saturating_add(START_TIMEOUT);
    let begun = upgrade_begun(&id, &to_version, within);
    tracing::info!(program = %new_program.display(), version = to_version, "upgrading: letting go of the connections");
    systemd::notify_reloading();
    // Who asked may have gone.
    let _ = reply.send(Ok(begun));
    let hand_over = if is_replaced {
        program.stop().await?;
        HandedOver::of_waiting_node(id.clone())
    } else {
        program.hand_over(id.clone()).await?
    };
    if requests.signals.is_stop_requested() {
        hand_over.say_goodbye().await;
        systemd::notify_stopping();
        tracing::info!("stopped");
        return Ok(RunEnd::Stopped);
    }
    tracing::info!(connections = hand_over.len(), "replacing the program");
    let program = new_program;
    let upgrade = BegunUpgrade { id, program, to_version, hand_over, settings };
    Ok(RunEnd::Upgrade(Box::new(upgrade)))
}

/// Reads the configuration again and applies it. Logs what came of it, and tells systemd.
async fn reload(program: &mut Program) -> Result<ReloadedView, Vec<String>> {
    systemd::notify_reloading();
    let outcome = program.reload().await;
    match &outcome {
        Ok(summary) => {
            tracing::info!(changes = summary.changes.join("; "), "configuration reloaded");
        }
        Err(mistakes) => tracing::error!(
            mistakes = mistakes.join("; "),
            "configuration not reloaded: the bridge continues with the old one"
        ),
    }
    systemd::notify_reloaded();
    outcome
}
