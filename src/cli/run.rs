//! `letsbridge run`: runs the bridge until a signal stops it.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::logging::LogLevel;
use super::program::Program;
use super::signals::ProgramSignals;
use super::{EXIT_CONFIG_ERROR, EXIT_FAILURE, logging, systemd};
use crate::admin::{ReloadHandle, ReloadedView};
use crate::config;
use crate::config::Settings;
use crate::service::StartError;
use crate::store::{Store, StoreError};
use crate::version::{COMMIT, VERSION};

/// Runs the bridge with the configuration file `config`.
pub(super) fn run(config: &Path) -> ExitCode {
    let (settings, warnings) = match config::load(config, std::env::vars()) {
        Ok(loaded) => loaded,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return EXIT_CONFIG_ERROR.into();
        }
    };
    let log_level = match logging::init(&settings.log) {
        Ok(log_level) => log_level,
        Err(error) => {
            eprintln!("{error}");
            return EXIT_CONFIG_ERROR.into();
        }
    };
    tracing::info!("letsbridge {VERSION} (commit {COMMIT}) starts");
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let runtime = build_runtime();
    let state_dir = settings.state_dir.clone();
    let outcome = runtime.block_on(run_until_stopped(config, settings, log_level));
    // Do not wait for pending DNS lookups: they run in blocking threads.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match of_store(error) {
            Ok(error) => {
                let lasting = error.is_lasting();
                let error = error.in_directory(&state_dir);
                tracing::error!(%error, "fatal error");
                if lasting { EXIT_CONFIG_ERROR.into() } else { EXIT_FAILURE.into() }
            }
            Err(error) => {
                tracing::error!(%error, "fatal error");
                EXIT_FAILURE.into()
            }
        },
    }
}

/// The error of the store inside `error`; otherwise `error` itself.
fn of_store(error: Box<dyn Error>) -> Result<StoreError, Box<dyn Error>> {
    let error = match error.downcast::<StartError>() {
        Ok(error) => match *error {
            StartError::Store(error) => return Ok(error),
            other => return Err(other.into()),
        },
        Err(error) => error,
    };
    error.downcast::<StoreError>().map(|error| *error)
}

/// Builds the runtime. Two threads suffice for sockets that are mostly idle, on any number of cores.
pub(super) fn build_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the Tokio runtime can be built")
}

/// A request to read the configuration again, and where the answer goes.
type ReloadRequest = oneshot::Sender<Result<ReloadedView, Vec<String>>>;

async fn run_until_stopped(
    config: &Path,
    settings: Settings,
    log_level: LogLevel,
) -> Result<(), Box<dyn Error>> {
    let store = Store::open(&settings.state_dir)?;
    let (requests, mut reloads) = mpsc::channel::<ReloadRequest>(1);
    let handle = reload_handle(requests);
    let mut signals = ProgramSignals::listen(settings.shutdown_timeout, on_hangup(handle.clone()));
    let handles = (log_level, handle.clone());
    let mut program = Program::start(config, settings, store, handles).await?;
    tokio::spawn(systemd::report_status(program.status()));
    loop {
        let request = tokio::select! {
            outcome = program.run() => return Ok(outcome?),
            () = signals.wait_stop() => break,
            Some(request) = reloads.recv() => request,
        };
        tokio::select! {
            outcome = reload(&mut program) => {
                signals.set_settle(program.settings().shutdown_timeout);
                handle.record(Timestamp::now(), &outcome);
                // Who asked may have gone.
                let _ = request.send(outcome);
            }
            () = signals.wait_stop() => break,
        }
    }
    tracing::info!(
        "shutting down: waiting for deliveries in flight; a second signal exits immediately"
    );
    systemd::notify_stopping();
    program.stop().await?;
    tracing::info!("stopped");
    Ok(())
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
