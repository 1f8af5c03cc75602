//! `letsbridge run`: runs the bridge until a signal stops it.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use tokio::sync::{mpsc, oneshot};

use super::program::Program;
use super::signals::ProgramSignals;
use super::{EXIT_CONFIG_ERROR, EXIT_FAILURE, logging, systemd};
use crate::config;
use crate::config::Settings;
use crate::service::{ReloadSummary, StartError};
use crate::store::{Store, StoreError};

/// How many reloads may wait.
const MAX_WAITING_RELOADS: usize = 8;

/// Runs the bridge with the configuration file `config`.
pub(super) fn run(config: &Path) -> ExitCode {
    let (settings, warnings) = match config::load(config, std::env::vars()) {
        Ok(loaded) => loaded,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return EXIT_CONFIG_ERROR.into();
        }
    };
    if let Err(error) = logging::init(&settings.log) {
        eprintln!("{error}");
        return EXIT_CONFIG_ERROR.into();
    }
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let runtime = build_runtime();
    let state_dir = settings.state_dir.clone();
    let outcome = runtime.block_on(run_until_stopped(config, settings));
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
type ReloadRequest = oneshot::Sender<Result<ReloadSummary, Vec<String>>>;

async fn run_until_stopped(config: &Path, settings: Settings) -> Result<(), Box<dyn Error>> {
    let store = Store::open(&settings.state_dir)?;
    let (reloads, mut requests) = mpsc::channel::<ReloadRequest>(MAX_WAITING_RELOADS);
    let on_hangup = move || {
        // If so many wait, one of them reads the same file.
        let _ = reloads.try_send(oneshot::channel().0);
    };
    let mut signals = ProgramSignals::listen(settings.shutdown_timeout, on_hangup);
    let mut program = Program::start(config, settings, store).await?;
    tokio::spawn(systemd::report_status(program.status()));
    loop {
        let request = tokio::select! {
            outcome = program.run() => return Ok(outcome?),
            () = signals.wait_stop() => break,
            Some(request) = requests.recv() => request,
        };
        tokio::select! {
            outcome = reload(&mut program) => {
                signals.set_settle(program.settings().shutdown_timeout);
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

/// Reads the configuration again and applies it. Logs what came of it, and tells systemd.
async fn reload(program: &mut Program) -> Result<ReloadSummary, Vec<String>> {
    systemd::notify_reloading();
    let outcome = program.reload().await;
    match &outcome {
        Ok(summary) => tracing::info!(changes = %summary, "configuration reloaded"),
        Err(mistakes) => tracing::error!(
            mistakes = mistakes.join("; "),
            "configuration not reloaded: the bridge continues with the old one"
        ),
    }
    systemd::notify_reloaded();
    outcome
}
