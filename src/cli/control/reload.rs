//! `letsbridge reload`: makes the running bridge read its configuration again.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::running::BridgeAt;
use crate::admin::{ClientError, ReloadedView};
use crate::cli::{EXIT_CONFIG_ERROR, EXIT_FAILURE};

/// The arguments of `reload`.
#[derive(Debug, Args)]
#[command(
    after_help = "The bridge reads the file that it was started with. If that has mistakes, the old configuration stays in \
                  use. Exit status: 0 the new configuration is in use; 1 no bridge runs, or this user may not \
                  control it; 2 the configuration has mistakes, or argument error."
)]
pub(in crate::cli) struct ReloadArgs {
    #[command(flatten)]
    bridge: BridgeAt,
}

/// Makes the bridge read its configuration again, and prints what has changed.
pub(in crate::cli) fn reload(arguments: &ReloadArgs) -> ExitCode {
    let bridge = match arguments.bridge.client() {
        Ok(bridge) => bridge,
        Err(code) => return code.into(),
    };
    let asked = bridge.try_ask(async |client| client.post("/api/v1/reload", &json!({})).await);
    match asked {
        Ok(ReloadedView { changes, warnings }) => {
            if changes.is_empty() {
                println!("nothing has changed");
            }
            changes.iter().for_each(|change| println!("{change}"));
            warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
            ExitCode::SUCCESS
        }
        Err(ClientError::Refused(refusal)) if !refusal.mistakes.is_empty() => {
            refusal.mistakes.iter().for_each(|mistake| eprintln!("{mistake}"));
            eprintln!("{}", refusal.error);
            EXIT_CONFIG_ERROR.into()
        }
        Err(error) => {
            eprintln!("{error}");
            EXIT_FAILURE.into()
        }
    }
}
