//! The loop that runs the program: signals, reloads and upgrades.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::logging::LogLevel;
use super::program::{Program, ProgramHandles};
use super::signals::ProgramSignals;
use super::systemd;
use super::upgrade::{ProgramFile, ask_new_program};
use crate::admin::{
    ErrorView, ReloadHandle, ReloadedView, UpgradeBegunView, UpgradeHandle, UpgradeRequestBody,
    UpgradeView,
};
use crate::config::Settings;
use crate::service::HandedOver;
use crate::store::Store;
use crate::version::VERSION;

/// How long a new program may take to start, and to bring the database up to date, after what was in flight.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A request to read the configuration again, and where the answer goes.
type ReloadRequest = oneshot::Sender<Result<ReloadedView, Vec<String>>>;

/// A request to replace the program, and where the answer goes.
type UpgradeRequest = (UpgradeRequestBody, oneshot::Sender<Result<UpgradeBegunView, ErrorView>>);

/// What reaches the program from outside.
pub(super) struct ProgramRequests {
    handles: ProgramHandles,
    signals: ProgramSignals,
    reloads: mpsc::Receiver<ReloadRequest>,
    upgrades: mpsc::Receiver<UpgradeRequest>,
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
    id: String,
    /// The program.
    pub(super) program: PathBuf,
    to_version: String,
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
        let signals = ProgramSignals::listen(settings.shutdown_timeout, on_hangup(reload.clone()));
        let handles = ProgramHandles { log_level, reload, upgrade };
        Self { handles, signals, reloads, upgrades, program }
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

    /// Asks the program that is wanted whether it can take over. Returns its path and its version.
    async fn find_new_program(
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

/// Runs the program, with the connections of another one if there are any, until a signal stops it or another one is
/// to replace it.
pub(super) async fn run_until_stopped(
    config: &Path,
    settings: Settings,
    hand_over: Option<HandedOver>,
    requests: &mut ProgramRequests,
) -> Result<RunEnd, Box<dyn Error>> {
    let store = Store::open(&settings.state_dir)?;
    let handles = requests.handles.clone();
    let mut program = Program::start(config, settings, (store, hand_over), handles).await?;
    tokio::spawn(systemd::report_status(program.status()));
    loop {
        tokio::select! {
            outcome = program.run() => {
                outcome?;
                return Ok(RunEnd::Stopped);
            }
            () = requests.signals.wait_stop() => break,
            Some(request) = requests.reloads.recv() => tokio::select! {
                outcome = reload(&mut program) => {
                    requests.signals.set_settle(program.settings().shutdown_timeout);
                    requests.handles.reload.record(Timestamp::now(), &outcome);
                    // Who asked may have gone.
                    let _ = request.send(outcome);
                }
                () = requests.signals.wait_stop() => break,
            },
            Some((wanted, reply)) = requests.upgrades.recv() => {
                let state_dir = program.settings().state_dir.clone();
                let found = tokio::select! {
                    found = requests.find_new_program(wanted, (config, &state_dir)) => found,
                    outcome = program.run() => {
                        outcome?;
                        return Ok(RunEnd::Stopped);
                    }
                };
                match found {
                    Ok(found) => return hand_over_to(found, program, reply, requests).await,
                    // Who asked may have gone.
                    Err(refusal) => drop(reply.send(Err(refusal))),
                }
            }
        }
    }
    tracing::info!(
        "shutting down: waiting for deliveries in flight; a second signal exits immediately"
    );
    systemd::notify_stopping();
    program.stop().await?;
    tracing::info!("stopped");
    Ok(RunEnd::Stopped)
}

/// Lets go of the connections for this program of that version.
async fn hand_over_to(
    (new_program, to_version): (PathBuf, String),
    program: Program,
    reply: oneshot::Sender<Result<UpgradeBegunView, ErrorView>>,
    requests: &ProgramRequests,
) -> Result<RunEnd, Box<dyn Error>> {
    let settings = program.settings().clone();
    let id = random_id();
    let within = settings.shutdown_timeout.saturating_add(START_TIMEOUT);
    let begun = UpgradeBegunView {
        id: id.clone(),
        from_version: VERSION.to_owned(),
        to_version: to_version.clone(),
        within_secs: within.as_secs(),
        pid: std::process::id(),
    };
    tracing::info!(program = %new_program.display(), version = to_version, "upgrading: letting go of the connections");
    systemd::notify_reloading();
    // Who asked may have gone.
    let _ = reply.send(Ok(begun));
    let hand_over = program.hand_over(id.clone()).await?;
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

fn random_id() -> String {
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
fn upgrade_handle(requests: mpsc::Sender<UpgradeRequest>) -> UpgradeHandle {
    UpgradeHandle::new(move |wanted| {
        let requests = requests.clone();
        Box::pin(async move {
            let (reply, outcome) = oneshot::channel();
            let error = "the bridge is stopping".to_owned();
            let stopping = ErrorView { error, mistakes: Vec::new() };
            if requests.send((wanted, reply)).await.is_err() {
                return Err(stopping);
            }
            outcome.await.unwrap_or(Err(stopping))
        })
    })
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
