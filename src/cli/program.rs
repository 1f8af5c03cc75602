//! The running program: the bridge, the web server and the administrator's API, with the configuration that they work
//! with.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::logging::LogLevel;
use crate::admin::{
    AdminListeners, AdminServer, AdminTcp, ClusterMonitor, HandoverHandle, LostConnectionView,
    ReloadHandle, ReloadedView, RunningParts, UpgradeHandle, UpgradeView,
};
use crate::config;
use crate::config::Settings;
use crate::service;
use crate::service::{HandedOver, LinkAsker, RunningBridge, Status, TakeOverReport};
use crate::store::{Lease, Store, StoreError};
use crate::version::VERSION;
use crate::web::{LinkCall, LinkDesk, WebServer};

/// What the administrator's API works by.
#[derive(Clone)]
pub(super) struct ProgramHandles {
    pub(super) log_level: LogLevel,
    pub(super) reload: ReloadHandle,
    pub(super) upgrade: UpgradeHandle,
    pub(super) handover: HandoverHandle,
}

/// What the program goes on from.
pub(super) struct StartedFrom {
    /// The store, and the right to speak.
    pub(super) store: (Store, Lease),
    /// The connections of another program, if there are any.
    pub(super) hand_over: Option<HandedOver>,
    /// Which nodes share the store; `None` for a bridge that runs alone.
    pub(super) cluster: Option<ClusterMonitor>,
}

/// The running program.
pub(super) struct Program {
    /// The configuration file.
    config: PathBuf,
    settings: Settings,
    log_level: LogLevel,
    bridge: RunningBridge,
    web: Option<WebServer>,
    /// Where the pages of the web server ask the bridge.
    desk: LinkDesk,
    cluster: Option<ClusterMonitor>,
    admin: AdminServer,
    admin_tcp: AdminTcp,
}

impl Program {
    /// Starts the bridge, the web server and the administrator's API, which works by `handles`.
    pub(super) async fn start(
        config: &Path,
        settings: Settings,
        from: StartedFrom,
        handles: ProgramHandles,
    ) -> Result<Self, Box<dyn Error>> {
        let StartedFrom { store, hand_over, cluster } = from;
        let ProgramHandles { log_level, reload, upgrade, handover } = handles;
        let (desk, calls) = LinkDesk::channel();
        let web = WebServer::start(&settings, Some(desk.clone())).await?;
        let admin = AdminListeners::bind(&settings).await?;
        let admin_tcp = admin.tcp();
        let bridge = service::start(settings.clone(), store, hand_over)?;
        if let Some(report) = bridge.taken_over() {
            // Before the API answers.
            report_taken_over(report, &upgrade);
        }
        tokio::spawn(answer_calls(calls, bridge.link_asker()));
        let parts = RunningParts {
            control: bridge.control(),
            status: bridge.status(),
            stats: bridge.stats(),
            archive: bridge.archive(),
            progress: bridge.progress(),
            reload,
            upgrade,
            handover,
            cluster: cluster.clone(),
            warnings: log_level.warnings(),
            log_level: Arc::new(log_level.clone()),
            started_at: Timestamp::now(),
            config_path: config.to_owned(),
            state_dir: settings.state_dir.clone(),
        };
        let admin = admin.serve(parts).await;
        let config = config.to_owned();
        Ok(Self { config, settings, log_level, bridge, web, desk, cluster, admin, admin_tcp })
    }

    /// The settings that it works with.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Which nodes share the store; `None` for a bridge that runs alone.
    pub(super) fn cluster(&self) -> Option<&ClusterMonitor> {
        self.cluster.as_ref()
    }

    /// The status of the bridge, with changes.
    pub(super) fn status(&self) -> watch::Receiver<Status> {
        self.bridge.status()
    }

    /// Runs until the bridge ends by itself, which only a broken store causes. May be dropped and called again.
    pub(super) async fn run(&mut self) -> Result<(), StoreError> {
        self.bridge.run().await
    }

    /// Reads the configuration again and applies it.
    ///
    /// # Errors
    /// The mistakes of the configuration, or what cannot change now. The old one goes on then.
    pub(super) async fn reload(&mut self) -> Result<ReloadedView, Vec<String>> {
        let (settings, warnings) = read_again(&self.config)?;
        let changes = self.apply(settings).await.map_err(|error| vec![error.to_string()])?;
        Ok(reloaded(changes, warnings))
    }

    async fn apply(
        &mut self,
        settings: Settings,
    ) -> Result<service::ConfigChanges, Box<dyn Error + Send + Sync>> {
        self.bridge.check_reload(&settings)?;
        self.admin_tcp.reconfigure(&settings.admin).await?;
        if !WebServer::is_same(&self.settings, &settings)
            && let Err(error) = self.restart_web(&settings).await
        {
            self.admin_tcp.reconfigure(&self.settings.admin).await?;
            return Err(error);
        }
        self.log_level.apply(&settings.log)?;
        let changes = self.bridge.reload(settings.clone()).await?;
        // Only a restart changes which node of which cluster this is.
        let cluster = self.settings.store.cluster.take();
        self.settings = settings;
        self.settings.store.cluster = cluster;
        Ok(changes)
    }

    /// Starts the web server that `settings` asks for, instead of the one that runs. If that fails, the old one runs
    /// again.
    async fn restart_web(
        &mut self,
        settings: &Settings,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        // It may be the same address.
        if let Some(web) = self.web.take() {
            web.stop().await;
        }
        match WebServer::start(settings, Some(self.desk.clone())).await {
            Ok(web) => {
                self.web = web;
                Ok(())
            }
            Err(error) => {
                self.web = WebServer::start(&self.settings, Some(self.desk.clone())).await?;
                Err(error.into())
            }
        }
    }

    /// Waits for deliveries in flight, lets go of the connections to IRC for the upgrade `id`, says goodbye everywhere
    /// else, and waits until everything is stored.
    pub(super) async fn hand_over(self, id: String) -> Result<HandedOver, StoreError> {
        let farewell = async {
            if let Some(web) = self.web {
                web.stop().await;
            }
        };
        tokio::join!(self.bridge.hand_over(id), farewell, self.admin.stop()).0
    }

    /// Ends at once and says nothing on any network: another node has taken over.
    pub(super) async fn abandon(self) {
        let web = async {
            if let Some(web) = self.web {
                web.stop().await;
            }
        };
        tokio::join!(self.bridge.abandon(), web, self.admin.stop());
    }

    /// Waits for deliveries in flight, says goodbye everywhere, and waits until everything is stored. Of several nodes,
    /// another one takes over then.
    pub(super) async fn stop(self) -> Result<(), StoreError> {
        let farewell = async {
            if let Some(web) = self.web {
                web.stop().await;
            }
        };
        tokio::join!(self.bridge.stop(), farewell, self.admin.stop()).0
    }
}

/// Reads the configuration again. Returns its warnings, too, which are logged.
///
/// # Errors
/// Its mistakes.
pub(super) fn read_again(config: &Path) -> Result<(Settings, Vec<String>), Vec<String>> {
    let (settings, warnings) = config::load(config, std::env::vars())
        .map_err(|mistakes| mistakes.to_string().lines().map(str::to_owned).collect::<Vec<_>>())?;
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    Ok((settings, warnings))
}

/// What a reload has changed.
pub(super) fn reloaded(changes: service::ConfigChanges, warnings: Vec<String>) -> ReloadedView {
    let restart = changes.needs_restart.iter().map(|key| format!("{key}: restart to apply it"));
    let warnings = warnings.into_iter().chain(restart).collect();
    ReloadedView { changes: changes.applied, warnings }
}

/// Passes what people ask on the pages where they link their accounts, and log their puppets in, on to the bridge.
async fn answer_calls(mut calls: mpsc::Receiver<LinkCall>, bridge: LinkAsker) {
    while let Some(call) = calls.recv().await {
        match call {
            LinkCall::Link(request, reply) => bridge.ask(request, reply).await,
            LinkCall::PuppetLogin(request, reply) => bridge.ask_puppet_login(request, reply).await,
        }
    }
}

/// Says what became of the connections of the program before.
pub(super) fn report_taken_over(report: &TakeOverReport, upgrade: &UpgradeHandle) {
    let TakeOverReport { id, from_version, kept, lost, away_ms } = report.clone();
    tracing::info!(from_version, kept, away_ms, "upgraded: connections taken over");
    for lost in &lost {
        let (connection, reason) = (&lost.connection, &lost.reason);
        tracing::warn!(connection, reason, "connection not taken over; connecting anew");
    }
    let lost = lost.into_iter();
    let lost = lost.map(|it| LostConnectionView { connection: it.connection, reason: it.reason });
    upgrade.record_unless_known(UpgradeView {
        id,
        from_version,
        to_version: VERSION.to_owned(),
        kept,
        lost: lost.collect(),
        away_ms,
        error: None,
    });
}
