//! `letsbridge run`: runs the bridge until a signal stops it.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use tokio::sync::mpsc;

use super::signals::ShutdownSignal;
use super::{EXIT_CONFIG_ERROR, EXIT_FAILURE, logging, systemd};
use crate::admin::RecentWarnings;
use crate::config;
use crate::config::Settings;
use crate::service;
use crate::service::{LinkAsker, StartError};
use crate::store::{Store, StoreError};
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
    let recent = RecentWarnings::default();
    if let Err(error) = logging::init(&settings.log, &recent) {
        eprintln!("{error}");
        return EXIT_CONFIG_ERROR.into();
    }
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let runtime = build_runtime();
    let state_dir = settings.state_dir.clone();
    let outcome = runtime.block_on(run_until_stopped(settings));
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

async fn run_until_stopped(settings: Settings) -> Result<(), Box<dyn Error>> {
    let store = Store::open(&settings.state_dir)?;
    let mut stop = ShutdownSignal::listen(settings.shutdown_timeout);
    let (desk, calls) = LinkDesk::channel();
    let web = WebServer::start(&settings, Some(desk)).await?;
    let mut running = service::start(settings, store)?;
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
    };
    tokio::join!(running.stop(), farewell).0?;
    tracing::info!("stopped");
    Ok(())
}
