//! Finds the running bridge, and asks it.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::admin;
use crate::admin::{AdminClient, ClientError};
use crate::cli::{EXIT_CONFIG_ERROR, EXIT_FAILURE, run};
use crate::config;

/// The configuration file that is looked for if none is named.
const USUAL_CONFIG: &str = "bridge.toml";

/// Which bridge is meant, by its configuration.
#[derive(Debug, Args)]
pub(in crate::cli) struct StateAt {
    /// Configuration file, which names state_dir [default: bridge.toml; without that file, /var/lib/letsbridge is
    /// state_dir]
    #[arg(long, short, env = "LETSBRIDGE_CONFIG")]
    config: Option<PathBuf>,
}

/// Which bridge is meant.
#[derive(Debug, Args)]
pub(in crate::cli) struct BridgeAt {
    #[command(flatten)]
    state: StateAt,
    /// The bridge's socket, if it is not in state_dir
    #[arg(long, env = "LETSBRIDGE_SOCKET", conflicts_with = "config")]
    socket: Option<PathBuf>,
}

/// Asks a running bridge, and prints why that does not work.
#[derive(Debug)]
pub(in crate::cli) struct RunningBridgeClient {
    client: AdminClient,
}

impl StateAt {
    /// The state directory of the bridge. Prints why it is not known, and returns the exit code then. The rest of the
    /// configuration may have mistakes: the bridge may run with an older one.
    pub(in crate::cli) fn state_dir(&self) -> Result<PathBuf, u8> {
        let named = self.config.as_deref();
        let usual = Path::new(USUAL_CONFIG);
        let Some(path) = named.or_else(|| usual.exists().then_some(usual)) else {
            return Ok(config::default_state_dir(std::env::vars()));
        };
        config::state_dir(path, std::env::vars()).map_err(|mistakes| {
            eprintln!("{mistakes}");
            EXIT_CONFIG_ERROR
        })
    }
}

impl BridgeAt {
    /// The state directory of the bridge, as [`StateAt::state_dir`].
    pub(in crate::cli) fn state_dir(&self) -> Result<PathBuf, u8> {
        self.state.state_dir()
    }

    /// The configuration file, or else the one that is looked for.
    pub(in crate::cli) fn config_or_usual(&self) -> PathBuf {
        self.state.config.clone().unwrap_or_else(|| USUAL_CONFIG.into())
    }

    /// Whether the bridge's socket was named.
    pub(in crate::cli) fn has_socket(&self) -> bool {
        self.socket.is_some()
    }

    /// The way to the bridge, whether it runs or not.
    pub(in crate::cli) fn client(&self) -> Result<RunningBridgeClient, u8> {
        let socket = match &self.socket {
            Some(socket) => socket.clone(),
            None => admin::socket_path(&self.state_dir()?),
        };
        Ok(RunningBridgeClient { client: AdminClient::new(socket) })
    }
}

impl RunningBridgeClient {
    /// Asks by `work`.
    pub(in crate::cli) fn try_ask<T>(
        &self,
        work: impl AsyncFnOnce(&AdminClient) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        run::build_runtime().block_on(work(&self.client))
    }

    /// Asks by `work`. Prints why that does not work, and returns the exit code then.
    pub(super) fn ask<T>(
        &self,
        work: impl AsyncFnOnce(&AdminClient) -> Result<T, ClientError>,
    ) -> Result<T, u8> {
        self.try_ask(work).map_err(|error| {
            eprintln!("{error}");
            EXIT_FAILURE
        })
    }
}
