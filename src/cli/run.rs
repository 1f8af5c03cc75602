//! `letsbridge run`: runs the bridge until a signal stops it.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::logging::LogLevel;
use super::signals::ShutdownSignal;
use super::{EXIT_CONFIG_ERROR, EXIT_FAILURE, logging, systemd};
use crate::admin::{AdminListeners, ReloadHandle, RunningParts};
use crate::config;
use crate::config::Settings;
use crate::service;
use crate::service::{LinkAsker, StartError};
use crate::store::{Store, StoreError};
use crate::version::{COMMIT, VERSION};
use crate::web::{LinkCall, LinkDesk, WebServer};

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

/// Passes what people ask on the pages where they link their accounts, and log their puppets in, on to the bridge.
async fn answer_calls(mut calls: mpsc::Receiver<LinkCall>, bridge: LinkAsker) {
    while let Some(call) = calls.recv().await {
        match call {
            LinkCall::Link(request, reply) => bridge.ask(request, reply).await,
            LinkCall::PuppetLogin(request, reply) => bridge.ask_puppet_login(request, reply).await,
        }
    }
}

async fn run_until_stopped(
    config: &Path,
    settings: Settings,
    log_level: LogLevel,
) -> Result<(), Box<dyn Error>> {
    let store = Store::open(&settings.state_dir)?;
    let mut stop = ShutdownSignal::listen(settings.shutdown_timeout);
    let (desk, calls) = LinkDesk::channel();
    let web = WebServer::start(&settings, Some(desk)).await?;
    let admin = AdminListeners::bind(&settings).await?;
    let (state_dir, started_at) = (settings.state_dir.clone(), Timestamp::now());
    let mut running = service::start(settings, store)?;
    let parts = RunningParts {
        control: running.control(),
        status: running.status(),
        stats: running.stats(),
        reload: ReloadHandle::new(started_at, || {
            Box::pin(async { Err(vec!["not possible yet: restart the bridge".to_owned()]) })
        }),
        warnings: log_level.warnings(),
        log_level: Arc::new(log_level),
        started_at,
        config_path: config.to_owned(),
        state_dir,
    };
    let admin = admin.serve(parts).await;
    tokio::spawn(answer_calls(calls, running.link_asker()));
    tokio::spawn(systemd::report_status(running.status()));
    tokio::select! {
        outcome = running.wait_end() => return Ok(outcome?),
        () = stop.recv() => {}
    }
    tracing::info!(
        "shutting down: waiting for deliveries in flight; a second signal exits immediately"
    );
    systemd::notify_stopping();
    let farewell = async {
        if let Some(web) = web {
            web.stop().await;
        }
        admin.stop().await;
    };
    tokio::join!(running.stop(), farewell).0?;
    tracing::info!("stopped");
    Ok(())
}
