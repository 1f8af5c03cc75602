//! `letsbridge store copy`: moves the database between SQLite and PostgreSQL.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use super::{EXIT_CONFIG_ERROR, EXIT_FAILURE, run};
use crate::config;
use crate::config::{ClusterSettings, Settings};
use crate::domain::Secret;
use crate::service::cluster::config_of;
use crate::store::{
    CopyProgress, CopyStep, CopySummary, StoreError, copy_to_postgres, copy_to_sqlite,
};

/// How often the bar is drawn, also while nothing moves.
const TICK: Duration = Duration::from_millis(100);

/// The arguments of `store`.
#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    #[command(subcommand)]
    command: StoreCommand,
}

#[derive(Debug, Subcommand)]
enum StoreCommand {
    /// Copy the database from SQLite to PostgreSQL, or back, and check the copy
    Copy(CopyStoreArgs),
}

/// The arguments of `store copy`.
#[derive(Debug, Args)]
#[command(
    after_help = "Stop the bridge first, on all nodes. What was copied from is not used any more: the bridge refuses to \
                  start on it, so that no two run. `postgresql` means [store] url of the configuration, which keeps the \
                  password out of the list of processes; a URL means that database. The archive is not part of it. See \
                  docs/high-availability.md. Exit status: 0 done and checked; 1 it failed, and nothing was changed; 2 \
                  configuration or argument error, or one of the two cannot be used."
)]
struct CopyStoreArgs {
    /// Where to: `postgresql`, a URL like postgresql://user@host/database, or `sqlite`
    #[arg(long, value_name = "WHERE")]
    to: Destination,
    /// Configuration file
    #[arg(long, short, default_value = "bridge.toml", env = "LETSBRIDGE_CONFIG")]
    config: PathBuf,
}

/// Where to copy to.
#[derive(Debug, Clone)]
enum Destination {
    Sqlite,
    /// The database of `[store] url`.
    Configured,
    Url(Secret),
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "sqlite" => Ok(Self::Sqlite),
            "postgresql" | "postgres" => Ok(Self::Configured),
            _ if text.contains("://") => Ok(Self::Url(Secret::new(text))),
            _ => Err("write `postgresql`, a URL like postgresql://user@host/database, or `sqlite`"
                .to_owned()),
        }
    }
}

/// Runs the command in `arguments`.
pub(super) fn store(arguments: &StoreArgs) -> ExitCode {
    let StoreCommand::Copy(arguments) = &arguments.command;
    let settings = match config::load(&arguments.config, std::env::vars()) {
        Ok((settings, _)) => settings,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return EXIT_CONFIG_ERROR.into();
        }
    };
    let cluster = match cluster_of(&settings, &arguments.to) {
        Ok(cluster) => cluster,
        Err(words) => {
            eprintln!("{words}");
            return EXIT_CONFIG_ERROR.into();
        }
    };
    match copy(&settings, &cluster, &arguments.to) {
        Ok(summary) => {
            print_summary(&summary);
            println!("{}", what_is_next(&arguments.to, &settings));
            ExitCode::SUCCESS
        }
        Err(error) => {
            let lasting = error.is_lasting();
            eprintln!("{}", error.in_directory(&settings.state_dir));
            if lasting { EXIT_CONFIG_ERROR.into() } else { EXIT_FAILURE.into() }
        }
    }
}

/// Where PostgreSQL is: the URL that was named, or the one of the configuration.
fn cluster_of(settings: &Settings, to: &Destination) -> Result<ClusterSettings, String> {
    let configured = settings.store.cluster.as_ref();
    match to {
        Destination::Url(url) => Ok(ClusterSettings {
            url: url.clone(),
            node: configured.and_then(|it| it.node.clone()),
            share_keys: configured.is_none_or(|it| it.share_keys),
        }),
        Destination::Sqlite | Destination::Configured => configured.cloned().ok_or_else(|| {
            "store.url: missing; write url_file = \"store.url\" in [store], a file with the URL of the PostgreSQL database"
                .to_owned()
        }),
    }
}

fn copy(
    settings: &Settings,
    cluster: &ClusterSettings,
    to: &Destination,
) -> Result<CopySummary, StoreError> {
    let cluster = config_of(cluster)?;
    let directory = &settings.state_dir;
    let bar = progress_bar();
    let shown = bar.clone();
    let tell = move |progress| show(&shown, progress);
    let copied = run::build_runtime().block_on(async {
        match to {
            Destination::Sqlite => copy_to_sqlite(&cluster, directory, tell).await,
            Destination::Configured | Destination::Url(_) => {
                copy_to_postgres(directory, &cluster, tell).await
            }
        }
    });
    bar.finish_and_clear();
    copied
}

/// Shows on a terminal how far the copy is.
fn progress_bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{spinner} {msg}  {wide_bar}  {percent}%  {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message("connecting");
    bar.enable_steady_tick(TICK);
    bar
}

/// Shows how far it is now.
fn show(bar: &ProgressBar, progress: CopyProgress) {
    let doing = match progress.step {
        CopyStep::Copying => "copying",
        CopyStep::Checking => "checking",
    };
    if progress.rows == 0 {
        bar.reset();
        bar.set_message(doing);
        bar.set_length(progress.total);
    }
    bar.set_position(progress.rows);
}

fn print_summary(summary: &CopySummary) {
    let rows: u64 = summary.tables.iter().map(|table| table.rows).sum();
    let tables = summary.tables.len();
    println!("copied and checked: {rows} rows in {tables} tables, the same here and there");
    for table in summary.tables.iter().filter(|table| table.rows > 0) {
        println!("  {}: {} rows, digest {}", table.name, table.rows, table.digest);
    }
    if !summary.files.is_empty() {
        println!("  files: {}", summary.files.join(", "));
    }
}

/// What the administrator does now.
fn what_is_next(to: &Destination, settings: &Settings) -> String {
    match to {
        Destination::Sqlite => {
            "Remove url from [store], then start the bridge on this machine alone.".to_owned()
        }
        Destination::Configured => {
            "Start the bridge here, then on the other node with the same [store] url.".to_owned()
        }
        Destination::Url(_) if settings.store.cluster.is_some() => {
            "Start the bridge once [store] url is this database.".to_owned()
        }
        Destination::Url(_) => {
            "Set [store] url to this database, then start the bridge here and on the other node."
                .to_owned()
        }
    }
}
