//! `letsbridge status`: shows how the running bridge is.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::time;

use super::cluster_text;
use super::running::BridgeAt;
use super::status_text;
use crate::admin::{AdminClient, ClientError, ClusterView, StatusView};
use crate::cli::{EXIT_FAILURE, run, table};
use crate::config;
use crate::service::cluster::cluster_config;
use crate::store::read_cluster;

/// The exit code if a bridge runs, and something does not work.
const EXIT_NOT_READY: u8 = 3;

/// The path in the API.
const PATH: &str = "/api/v1/status";

/// How often `--watch` looks.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// Moves to the top of a terminal and clears it.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// The arguments of `status`.
#[derive(Debug, Args)]
#[command(
    after_help = "Columns of links: IRC and CHAT are the messages that wait for the channel and for the room, OLDEST is \
                  the age of the oldest of them. Exit status: 0 everything works; 1 no bridge runs, or this user may \
                  not control it; 2 argument error; 3 a bridge runs, and something does not work. With --health, a \
                  network that cannot be reached counts as working: a restart would not help. So does a node that \
                  waits for its turn; without --health, that is status 3. Where no bridge runs, and the configuration \
                  names a store in PostgreSQL, the nodes that it knows are shown."
)]
pub(in crate::cli) struct StatusArgs {
    /// Print JSON, as GET /api/v1/status answers it
    #[arg(long, conflicts_with = "watch")]
    json: bool,
    /// Show it again each second, until Ctrl-C
    #[arg(long, short)]
    watch: bool,
    /// Print only whether the program works, for supervisors: networks and links do not matter
    #[arg(long, conflicts_with_all = ["json", "watch"])]
    health: bool,
    #[command(flatten)]
    bridge: BridgeAt,
}

/// Shows how the bridge is.
pub(in crate::cli) fn status(arguments: &StatusArgs) -> ExitCode {
    let bridge = match arguments.bridge.client() {
        Ok(bridge) => bridge,
        Err(code) => return code.into(),
    };
    if arguments.health {
        return match bridge.ask(async |client| client.check_health().await) {
            Ok(None) => {
                println!("ok");
                ExitCode::SUCCESS
            }
            Ok(Some(problem)) => {
                println!("{problem}");
                EXIT_NOT_READY.into()
            }
            Err(code) => code.into(),
        };
    }
    let asked = bridge.try_ask(async |client| {
        if arguments.watch {
            watch(client).await;
        }
        client.get::<StatusView>(PATH).await
    });
    match asked {
        Ok(status) => {
            let text = match arguments.json {
                true => serde_json::to_string_pretty(&status).unwrap_or_default() + "\n",
                false => status_text::render(&status, table::terminal_width()),
            };
            print!("{text}");
            if status.ready { ExitCode::SUCCESS } else { EXIT_NOT_READY.into() }
        }
        Err(error) => {
            eprintln!("{error}");
            if matches!(error, ClientError::NotRunning(_)) && !arguments.bridge.has_socket() {
                show_other_nodes(arguments);
            }
            EXIT_FAILURE.into()
        }
    }
}

/// No bridge runs here: shows which nodes PostgreSQL knows, if several share the store.
fn show_other_nodes(arguments: &StatusArgs) {
    let config = arguments.bridge.config_or_usual();
    // Without a configuration, or with mistakes in it, nothing more is known.
    let Ok((settings, _)) = config::load(&config, std::env::vars()) else { return };
    let found = match cluster_config(&settings) {
        Ok(None) => return,
        Ok(Some(cluster)) => run::build_runtime().block_on(read_cluster(&cluster)),
        Err(error) => Err(error),
    };
    match found {
        Ok(status) => {
            let view = ClusterView::new(&status);
            let text = match arguments.json {
                true => serde_json::to_string_pretty(&view).unwrap_or_default() + "\n",
                false => cluster_text::render_from_outside(&view, table::terminal_width()),
            };
            print!("{text}");
        }
        Err(error) => eprintln!("{error}"),
    }
}

/// Shows the status again and again, until nobody reads it.
async fn watch(client: &AdminClient) {
    let on_terminal = std::io::stdout().is_terminal();
    let mut often = time::interval(WATCH_INTERVAL);
    often.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        often.tick().await;
        let asked: Result<StatusView, ClientError> = client.get(PATH).await;
        let text = match asked {
            Ok(status) => status_text::render(&status, table::terminal_width()),
            Err(error) => format!("{error}\n"),
        };
        let around = if on_terminal { (CLEAR, "") } else { ("", "\n") };
        let mut out = std::io::stdout().lock();
        let written = write!(out, "{}{text}{}", around.0, around.1).and_then(|()| out.flush());
        if written.is_err() {
            return;
        }
    }
}
