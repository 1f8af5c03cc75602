//! `letsbridge revoke`: revokes public links to files and long messages.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;

use super::audit::parse_since;
use super::{EXIT_CONFIG_ERROR, EXIT_FAILURE, run};
use crate::config;
use crate::config::Settings;
use crate::domain::LinkTarget;
use crate::service::cluster::cluster_config;
use crate::store::{ClusterConfig, StoreError};
use crate::web;

/// Which links to revoke.
#[derive(Debug, Args)]
#[command(
    after_help = "Revoking a link permanently disables all links to that file or message. --since \
                  and --all revoke existing links only; new links to the same target work. Exit \
                  status: 0 done; 1 a link could not be revoked; 2 configuration or argument error."
)]
#[group(required = true, multiple = false)]
pub(super) struct RevokeTarget {
    /// Links to revoke, as posted on IRC
    links: Vec<String>,
    /// Revoke all links created so far
    #[arg(long)]
    all: bool,
    /// Revoke links created since an age like "24h" or a time like "2026-11-22T10:00:00Z"
    #[arg(long, value_parser = parse_since)]
    since: Option<Timestamp>,
}

/// The arguments of `revoke`.
#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    /// Configuration file
    #[arg(long, short, default_value = "bridge.toml", env = "LETSBRIDGE_CONFIG")]
    config: PathBuf,
    #[command(flatten)]
    target: RevokeTarget,
}

/// Revokes the links that `arguments` select.
pub(super) fn revoke(arguments: &RevokeArgs) -> ExitCode {
    let settings = match config::load(&arguments.config, std::env::vars()) {
        Ok((settings, _)) => settings,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return EXIT_CONFIG_ERROR.into();
        }
    };
    let done = async {
        let cluster = cluster_config(&settings)?;
        let store = (&settings, cluster.as_ref());
        match &arguments.target {
            RevokeTarget { links, all: false, since: None } => revoke_each(store, links).await,
            RevokeTarget { since, .. } => {
                revoke_since(store, since.unwrap_or(Timestamp::UNIX_EPOCH)).await
            }
        }
    };
    match run::build_runtime().block_on(done) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => EXIT_FAILURE.into(),
        Err(error) => {
            eprintln!("{error}");
            EXIT_FAILURE.into()
        }
    }
}

/// The store: that of this bridge, or of several nodes.
type StoreOf<'a> = (&'a Settings, Option<&'a ClusterConfig>);

async fn revoke_since(
    (settings, cluster): StoreOf<'_>,
    since: Timestamp,
) -> Result<bool, StoreError> {
    web::revoke_since(settings, cluster, since).await?;
    println!("revoked all links created since {since}");
    Ok(true)
}

/// Revokes each of `links`. Returns whether all of them belong to this bridge.
async fn revoke_each(
    (settings, cluster): StoreOf<'_>,
    links: &[String],
) -> Result<bool, StoreError> {
    let mut all = true;
    for text in links {
        let what = match web::revoke_link(settings, cluster, text).await? {
            Some(LinkTarget::File(id)) => format!("the file {id}"),
            Some(LinkTarget::Paste(id)) => format!("the message of {}", id.sent_at()),
            None => {
                eprintln!("{text}: not a link of this bridge; copy the complete link");
                all = false;
                continue;
            }
        };
        println!("{text}: revoked, with all other links to {what}");
    }
    Ok(all)
}
