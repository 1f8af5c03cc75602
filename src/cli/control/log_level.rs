//! `letsbridge loglevel`: shows or sets what the running bridge logs.

use std::process::ExitCode;

use clap::Args;

use super::running::BridgeAt;
use crate::admin::LogLevelView;

/// The path in the API.
const PATH: &str = "/api/v1/loglevel";

/// The arguments of `loglevel`.
#[derive(Debug, Args)]
#[command(
    after_help = "LEVEL: error, warn, info, debug or trace, or a filter like \"info,letsbridge::net=debug\". It lasts \
                  until the bridge restarts or is reloaded. Exit status: 0 done; 1 no bridge runs, \
                  or it knows no such level; 2 argument error."
)]
pub(in crate::cli) struct LogLevelArgs {
    /// What to log from now on; without it, show what is logged
    level: Option<String>,
    #[command(flatten)]
    bridge: BridgeAt,
}

/// Shows or sets what is logged.
pub(in crate::cli) fn log_level(arguments: &LogLevelArgs) -> ExitCode {
    let asked = arguments.bridge.client().and_then(|bridge| {
        bridge.ask(async |client| match &arguments.level {
            Some(level) => client.put(PATH, &LogLevelView { level: level.clone() }).await,
            None => client.get::<LogLevelView>(PATH).await,
        })
    });
    match asked {
        Ok(LogLevelView { level }) => {
            println!("{level}");
            ExitCode::SUCCESS
        }
        Err(code) => code.into(),
    }
}
