//! `letsbridge revoke`: links that lead nowhere any more, from now on.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;

use super::audit::parse_since;
use super::{EXIT_CONFIG_ERROR, EXIT_FAILURE};
use crate::config;
use crate::config::Settings;
use crate::domain::LinkTarget;
use crate::store::StoreError;
use crate::web;

/// What to take back.
#[derive(Debug, Args)]
#[command(
    after_help = "A link that is named here never leads anywhere again, nor does another one to \
    the same file or message. What was made since a time is taken back as it is: a later link to the \
    same works again. Exit status: 0 done; 1 something could not be taken back; 2 a mistake in the \
    configuration or the arguments."
)]
#[group(required = true, multiple = false)]
pub(super) struct RevokeTarget {
    /// The links, as they were said on IRC
    links: Vec<String>,
    /// Every link that was made so far
    #[arg(long)]
    all: bool,
    /// Every link that was made since: "24h" ago, or since a time like "2026-11-22T10:00:00Z"
    #[arg(long, value_parser = parse_since)]
    since: Option<Timestamp>,
}

/// What to take back, of which bridge.
#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    /// The configuration
    #[arg(long, short, default_value = "bridge.toml", env = "LETSBRIDGE_CONFIG")]
    config: PathBuf,
    #[command(flatten)]
    target: RevokeTarget,
}

/// Takes back what `arguments` name.
pub(super) fn revoke(arguments: &RevokeArgs) -> ExitCode {
    let settings = match config::load(&arguments.config, std::env::vars()) {
        Ok((settings, _)) => settings,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return EXIT_CONFIG_ERROR.into();
        }
    };
    let done = match &arguments.target {
        RevokeTarget { links, all: false, since: None } => revoke_each(&settings, links),
        RevokeTarget { since, .. } => {
            revoke_since(&settings, since.unwrap_or(Timestamp::UNIX_EPOCH))
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => EXIT_FAILURE.into(),
        Err(error) => {
            eprintln!("{error}");
            EXIT_FAILURE.into()
        }
    }
}

fn revoke_since(settings: &Settings, since: Timestamp) -> Result<bool, StoreError> {
    web::revoke_since(settings, since)?;
    println!("what was made since {since} leads nowhere any more");
    Ok(true)
}

/// Takes back each of `links`. Says whether all of them were ours.
fn revoke_each(settings: &Settings, links: &[String]) -> Result<bool, StoreError> {
    let mut all = true;
    for text in links {
        let what = match web::revoke_link(settings, text)? {
            Some(LinkTarget::File(id)) => format!("the file {id}"),
            Some(LinkTarget::Paste(id)) => format!("the message of {}", id.sent_at()),
            None => {
                eprintln!("{text}: is not a link of this bridge; copy the whole of it");
                all = false;
                continue;
            }
        };
        println!("{text}: leads nowhere any more, nor does any other link to {what}");
    }
    Ok(all)
}
