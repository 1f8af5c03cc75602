//! `letsbridge run`: runs the bridge until a signal stops it, or another program replaces this one.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::requests::{ProgramRequests, RunEnd};
use super::running::run_until_stopped;
use super::upgrade::{ProgramFile, answer_preflight, replace_program};
use super::{EXIT_CONFIG_ERROR, EXIT_FAILURE, logging};
use crate::config;
use crate::service::{HandOverError, HandedOver, StartError};
use crate::store::StoreError;
use crate::version::{COMMIT, VERSION};

/// The arguments of `run`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 stopped as requested; 1 failure; 2 the configuration or the database cannot be used; 101 a \
                  bug; 130 a second signal."
)]
pub(super) struct RunArgs {
    /// Configuration file
    #[arg(long, short, default_value = "bridge.toml", env = "LETSBRIDGE_CONFIG")]
    config: PathBuf,
    /// Only say whether this version can take over connections in this format
    #[arg(long, hide = true)]
    check_hand_over: Option<u32>,
    /// Continue with the connections of the program before, which come by stdin
    #[arg(long, hide = true)]
    take_over: bool,
}

impl RunArgs {
    /// Runs with this configuration.
    #[cfg(feature = "demo")]
    pub(super) fn new(config: &Path) -> Self {
        Self { config: config.to_owned(), check_hand_over: None, take_over: false }
    }
}

/// Runs the bridge.
pub(super) fn run(arguments: &RunArgs) -> ExitCode {
    let config = &arguments.config;
    if let Some(format) = arguments.check_hand_over {
        return answer_preflight(config, format);
    }
    // While the file is as it was at the start.
    let program = ProgramFile::of_this_process();
    let handed_over = arguments.take_over.then(HandedOver::receive);
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
    let mut requests = {
        let _context = runtime.enter();
        ProgramRequests::listen(&settings, log_level, program)
    };
    let mut next = (settings, handed_over.and_then(usable));
    let outcome = loop {
        let (settings, hand_over) = next;
        let ended = run_until_stopped(config, settings, hand_over, &mut requests);
        match runtime.block_on(ended) {
            Ok(RunEnd::Stopped) => break Ok(()),
            Ok(RunEnd::Upgrade(upgrade)) => {
                let error = replace_program(&upgrade.program, config, &upgrade.hand_over);
                requests.note_failed(&upgrade, &error);
                let upgrade = *upgrade;
                next = (upgrade.settings, Some(upgrade.hand_over));
            }
            Err(error) => break Err(error),
        }
    };
    // Do not wait for pending DNS lookups: they run in blocking threads.
    runtime.shutdown_background();
    report_end(outcome, &state_dir)
}

/// The connections of the program before, if they can be used.
fn usable(handed_over: Result<HandedOver, HandOverError>) -> Option<HandedOver> {
    match handed_over {
        Ok(hand_over) => Some(hand_over),
        Err(error) => {
            tracing::warn!(%error, "cannot take over the open connections; connecting anew");
            None
        }
    }
}

fn report_end(outcome: Result<(), Box<dyn Error>>, state_dir: &Path) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    match of_store(error) {
        Ok(error) => {
            let lasting = error.is_lasting();
            let error = error.in_directory(state_dir);
            tracing::error!(%error, "fatal error");
            if lasting { EXIT_CONFIG_ERROR.into() } else { EXIT_FAILURE.into() }
        }
        Err(error) => {
            tracing::error!(%error, "fatal error");
            let is_lasting =
                matches!(error.downcast_ref::<StartError>(), Some(StartError::NoAccountKey(_)));
            if is_lasting { EXIT_CONFIG_ERROR.into() } else { EXIT_FAILURE.into() }
        }
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

/// Builds the runtime. One thread suffices for the sockets, on any number of cores: the engine, and whatever blocks, has
/// threads of its own.
pub(super) fn build_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("the Tokio runtime can be built")
}
