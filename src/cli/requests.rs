//! What reaches the running program from outside: signals, and what the administrator asks.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::logging::LogLevel;
use super::program::ProgramHandles;
use super::signals::ProgramSignals;
use super::upgrade::{ProgramFile, ask_new_program};
use crate::admin::{
    ErrorView, HandoverBegunView, HandoverHandle, ReloadHandle, ReloadedView, UpgradeBegunView,
    UpgradeHandle, UpgradeRequestBody, UpgradeView,
};
use crate::config::Settings;
use crate::service::HandedOver;
use crate::version::VERSION;

/// A request to read the configuration again, and where the answer goes.
type ReloadRequest = oneshot::Sender<Result<ReloadedView, Vec<String>>>;

/// A request to replace the program, and where the answer goes.
pub(super) type UpgradeReply = oneshot::Sender<Result<UpgradeBegunView, ErrorView>>;

/// Where the answer to a request to hand over goes.
pub(super) type HandoverReply = oneshot::Sender<Result<HandoverBegunView, ErrorView>>;

/// What reaches the program from outside.
pub(super) struct ProgramRequests {
    pub(super) handles: ProgramHandles,
    pub(super) signals: ProgramSignals,
    pub(super) reloads: mpsc::Receiver<ReloadRequest>,
    pub(super) upgrades: mpsc::Receiver<(UpgradeRequestBody, UpgradeReply)>,
    pub(super) handovers: mpsc::Receiver<HandoverReply>,
    /// Which program is started if none is named.
    program: ProgramFile,
}

/// How a run has ended.
pub(super) enum RunEnd {
    /// A signal has stopped it.
    Stopped,
    /// Another program is to replace this one.
    Upgrade(Box<BegunUpgrade>),
}

/// Another program is to replace this one.
pub(super) struct BegunUpgrade {
    pub(super) id: String,
    /// The program.
    pub(super) program: PathBuf,
    pub(super) to_version: String,
    /// The open connections.
    pub(super) hand_over: HandedOver,
    /// What this program goes on with if it cannot be replaced.
    pub(super) settings: Settings,
}

impl ProgramRequests {
    /// Listens to signals and requests. Must be called within the runtime.
    pub(super) fn listen(settings: &Settings, log_level: LogLevel, program: ProgramFile) -> Self {
        let (asked, reloads) = mpsc::channel(1);
        let reload = reload_handle(asked);
        let (asked, upgrades) = mpsc::channel(1);
        let upgrade = upgrade_handle(asked);
        let (asked, handovers) = mpsc::channel(1);
        let handover = handover_handle(asked);
        let signals = ProgramSignals::listen(settings.shutdown_timeout, on_hangup(reload.clone()));
        let handles = ProgramHandles { log_level, reload, upgrade, handover };
        Self { handles, signals, reloads, upgrades, handovers, program }
    }

    /// The program could not be replaced: this one goes on.
    pub(super) fn note_failed(&self, upgrade: &BegunUpgrade, error: &io::Error) {
        let program = upgrade.program.display();
        tracing::error!(%program, %error, "the new program cannot be started: this one goes on");
        self.handles.upgrade.record(UpgradeView {
            id: upgrade.id.clone(),
            from_version: VERSION.to_owned(),
            to_version: upgrade.to_version.clone(),
            kept: upgrade.hand_over.len(),
            lost: Vec::new(),
            away_ms: 0,
            error: Some(format!(
                "{program} cannot be started ({error}): version {VERSION} goes on with its connections"
            )),
        });
    }

    /// The configuration was read again: answers who asked.
    pub(super) fn answer_reload(
        &self,
        settings: &Settings,
        request: ReloadRequest,
        outcome: Result<ReloadedView, Vec<String>>,
    ) {
        self.signals.set_settle(settings.shutdown_timeout);
        self.handles.reload.record(Timestamp::now(), &outcome);
        // Who asked may have gone.
        let _ = request.send(outcome);
    }

    /// Asks the program that is wanted whether it can take over. Returns its path and its version.
    pub(super) async fn find_new_program(
        &self,
        wanted: UpgradeRequestBody,
        (config, state_dir): (&Path, &Path),
    ) -> Result<(PathBuf, String), ErrorView> {
        let named = wanted.program.or_else(|| self.program.path().map(Path::to_owned));
        let Some(program) = named else {
            let error = "the bridge does not know by which file it was started: name the new program with --program";
            return Err(ErrorView { error: error.to_owned(), mistakes: Vec::new() });
        };
        if !program.is_absolute() {
            let error = "name the program by its absolute path".to_owned();
            return Err(ErrorView { error, mistakes: Vec::new() });
        }
        let version = ask_new_program(&program, config, state_dir).await?;
        Ok((program, version))
    }
}

/// What who asked for the upgrade `id` is told.
pub(super) fn upgrade_begun(id: &str, to_version: &str, within: Duration) -> UpgradeBegunView {
    UpgradeBegunView {
        id: id.to_owned(),
        from_version: VERSION.to_owned(),
        to_version: to_version.to_owned(),
        within_secs: within.as_secs(),
        pid: std::process::id(),
    }
}

/// Distinguishes an upgrade from others.
pub(super) fn random_id() -> String {
    let mut bytes = [0; 8];
    // It need not be secret.
    bytes.fill_with(|| fastrand::u8(..));
    HEXLOWER.encode(&bytes)
}

/// Passes reloads on to the loop that runs the program.
fn reload_handle(requests: mpsc::Sender<ReloadRequest>) -> ReloadHandle {
    ReloadHandle::new(Timestamp::now(), move || {
        let requests = requests.clone();
        Box::pin(async move {
            let (reply, outcome) = oneshot::channel();
            let stopping = || vec!["the bridge is stopping".to_owned()];
            requests.send(reply).await.map_err(|_| stopping())?;
            outcome.await.map_err(|_| stopping())?
        })
    })
}

/// Passes upgrades on to the loop that runs the program.
fn upgrade_handle(requests: mpsc::Sender<(UpgradeRequestBody, UpgradeReply)>) -> UpgradeHandle {
    UpgradeHandle::new(move |wanted| Box::pin(ask(requests.clone(), move |reply| (wanted, reply))))
}

/// Passes handovers on to the loop that runs the program.
fn handover_handle(requests: mpsc::Sender<HandoverReply>) -> HandoverHandle {
    HandoverHandle::new(move || Box::pin(ask(requests.clone(), |reply| reply)))
}

async fn ask<R, A>(
    requests: mpsc::Sender<R>,
    request: impl FnOnce(oneshot::Sender<Result<A, ErrorView>>) -> R,
) -> Result<A, ErrorView> {
    let (reply, outcome) = oneshot::channel();
    let error = "the bridge is stopping".to_owned();
    let stopping = ErrorView { error, mistakes: Vec::new() };
    if requests.send(request(reply)).await.is_err() {
        return Err(stopping);
    }
    outcome.await.unwrap_or(Err(stopping))
}

/// What SIGHUP does. Must be called within the runtime.
fn on_hangup(reload: ReloadHandle) -> impl Fn() {
    let runtime = Handle::current();
    move || {
        let reload = reload.clone();
        // What comes of it is logged.
        runtime.spawn(async move { drop(reload.reload().await) });
    }
}
