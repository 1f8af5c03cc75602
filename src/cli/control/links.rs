//! `letsbridge pause` and `letsbridge resume`: stop and start one link.

use std::process::ExitCode;

use clap::Args;

use super::running::BridgeAt;
use crate::admin::{ChangeView, LinkRequestBody};

/// The arguments of `pause` and `resume`.
#[derive(Debug, Args)]
#[command(
    after_help = "LINK: its channel with or without the network (\"libera/#tea\", \"#tea\"; mind the quotes), its \
                  room (\"tea\"), or both (\"libera/#tea tea\"). A paused link delivers nothing in both directions, \
                  also after a restart; messages wait. Exit status: 0 done, or as asked before; 1 no bridge runs, or \
                  it knows no such link; 2 argument error."
)]
pub(in crate::cli) struct LinkArgs {
    /// The link
    link: String,
    #[command(flatten)]
    bridge: BridgeAt,
}

/// Pauses the link that `arguments` name.
pub(in crate::cli) fn pause(arguments: &LinkArgs) -> ExitCode {
    change(arguments, "pause", |link, changed| match changed {
        true => format!("{link}: paused; messages wait until `letsbridge resume`"),
        false => format!("{link}: was paused before"),
    })
}

/// Resumes the link that `arguments` name.
pub(in crate::cli) fn resume(arguments: &LinkArgs) -> ExitCode {
    change(arguments, "resume", |link, changed| match changed {
        true => format!("{link}: resumed; what has waited is delivered first"),
        false => format!("{link}: was not paused"),
    })
}

fn change(arguments: &LinkArgs, what: &str, words: impl FnOnce(&str, bool) -> String) -> ExitCode {
    let body = LinkRequestBody { link: arguments.link.clone() };
    let path = format!("/api/v1/links/{what}");
    let asked = arguments.bridge.client().and_then(|bridge| {
        bridge.ask(async |client| client.post::<ChangeView>(&path, &body).await)
    });
    match asked {
        Ok(change) => {
            println!("{}", words(&change.link.to_string(), change.changed));
            ExitCode::SUCCESS
        }
        Err(code) => code.into(),
    }
}
