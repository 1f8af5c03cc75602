//! `letsbridge demo`: an IRC server and a Let's Chat on this machine, a bridge between them, and a page with both.
//!
//! ```text
//! page ── web ──orders──▶ director ──▶ bridge_process: `letsbridge run`, with relay between it and IRC
//!          ▲                │  ▲
//!          └── snapshot ◀───┘  └── what both servers saw (observe, tally), and the bridge's log
//! ```

mod bridge_log;
mod bridge_process;
mod cast;
mod director;
mod irc_socket;
mod observe;
mod relay;
mod servers;
mod show;
mod sign_in;
mod snapshot;
mod tally;
mod web;
mod web_port;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::config;

use super::signals::ProgramSignals;
use super::{EXIT_FAILURE, logging, run};
use bridge_process::BridgeHome;
use director::{Director, Inputs, Order};
use relay::Relay;
use servers::{CHANNELS, DemoServers, loopback};
use snapshot::{DemoSnapshot, PartState};
use web::{PageContext, PageServer};

pub(super) use bridge_process::run_as_child;

/// How long stopping may take.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// The port of the page where none is given; any free one if another program has it.
const DEFAULT_PORT: u16 = 8667;

/// How many orders and reports may wait.
const QUEUE: usize = 256;

/// Why the demo failed.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("cannot listen on port {port} ({error}); choose another with {option}")]
    Port { port: u16, option: &'static str, error: io::Error },
    #[error("cannot prepare the bridge in {directory} ({error}); set TMPDIR to another directory")]
    Directory { directory: String, error: io::Error },
    #[error("cannot start the bridge: {0}")]
    Start(io::Error),
    #[error("the bridge has ended: {0}")]
    Bridge(String),
    #[error("the demo's Let's Chat has ended: {0}")]
    LetsChat(io::Error),
}

impl DemoError {
    fn port(port: u16, option: &'static str, error: io::Error) -> Self {
        Self::Port { port, option, error }
    }

    fn directory(error: io::Error) -> Self {
        Self::Directory { directory: std::env::temp_dir().display().to_string(), error }
    }
}

/// Runs the demo until a signal stops it.
pub(super) fn demo(irc_port: u16, letschat_port: u16, port: Option<u16>) -> ExitCode {
    let quiet = config::LogSettings { format: config::LogOutput::Auto, level: "warn".to_owned() };
    if let Err(error) = logging::init(&quiet) {
        eprintln!("{error}");
        return EXIT_FAILURE.into();
    }
    match run::build_runtime().block_on(run_until_stopped(irc_port, letschat_port, port)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            EXIT_FAILURE.into()
        }
    }
}

async fn run_until_stopped(
    irc_port: u16,
    letschat_port: u16,
    port: Option<u16>,
) -> Result<(), DemoError> {
    let servers = Arc::new(DemoServers::start(irc_port, letschat_port).await?);
    let listener = listen(port).await?;
    let mut stop = ProgramSignals::listen(SHUTDOWN_TIMEOUT, || {});

    // Removed at the end, with the bridge's database in it.
    let directory = tempfile::Builder::new().prefix("letsbridge-demo-").tempdir();
    let directory = directory.map_err(DemoError::directory)?;
    let relay = Relay::start(servers.irc.address()).await.map_err(DemoError::directory)?;
    let (reporting, reports) = mpsc::channel(QUEUE);
    let home = BridgeHome::prepare(directory.path(), &servers, &relay, reporting);
    let home = home.map_err(DemoError::directory)?;
    let (publishing, mut snapshots) = watch::channel(DemoSnapshot::new());
    let (ordering, orders) = mpsc::channel(QUEUE);
    let (messages, posts) = (servers.irc.watch(), servers.letschat.watch());
    let host = servers.set_topics();
    let director = Director::start(Arc::clone(&servers), relay, home, publishing)?;
    let director = director.run(Inputs { orders, reports, messages, posts });
    let mut director = tokio::spawn(director);

    let is_ready = |it: &DemoSnapshot| it.bridge.state == PartState::Up;
    tokio::select! {
        _ = snapshots.wait_for(is_ready) => {}
        outcome = &mut director => return ended(outcome),
        () = stop.wait_stop() => return stop_director(&ordering, director).await,
    }
    tokio::select! {
        () = cast::say_hello(&servers) => {}
        outcome = &mut director => return ended(outcome),
        () = stop.wait_stop() => return stop_director(&ordering, director).await,
    }
    if let Some(host) = host {
        host.quit("the bridge is here");
    }
    let context =
        PageContext { servers: Arc::clone(&servers), orders: ordering.clone(), snapshots };
    let page = PageServer::start(listener, context).map_err(DemoError::Start)?;
    print_instructions(&servers, &page);
    tokio::select! {
        outcome = &mut director => ended(outcome),
        () = stop.wait_stop() => stop_director(&ordering, director).await,
    }
}

async fn stop_director(
    orders: &mpsc::Sender<Order>,
    director: JoinHandle<Result<(), DemoError>>,
) -> Result<(), DemoError> {
    // A director that has ended needs no order.
    let _ = orders.send(Order::Stop).await;
    ended(director.await)
}

fn ended(outcome: Result<Result<(), DemoError>, tokio::task::JoinError>) -> Result<(), DemoError> {
    outcome.expect("a panic ends the process")
}

/// Takes the page's port.
async fn listen(port: Option<u16>) -> Result<TcpListener, DemoError> {
    let listener = TcpListener::bind(loopback(port.unwrap_or(DEFAULT_PORT))).await;
    let listener = match (listener, port) {
        (Err(_), None) => TcpListener::bind(loopback(0)).await,
        (listener, _) => listener,
    };
    listener.map_err(|error| DemoError::port(port.unwrap_or(DEFAULT_PORT), "--port", error))
}

/// Prints how to connect to the demo.
fn print_instructions(servers: &DemoServers, page: &PageServer) {
    let port = servers.irc.address().port();
    let port_option = if port == 6667 { String::new() } else { format!(" -p {port}") };
    let (first, _) = CHANNELS[0];
    let others: Vec<String> = CHANNELS[1..].iter().map(|(name, _)| format!("#{name}")).collect();
    println!(
        "\nAn IRC server and a Let's Chat are running, with a bridge between them.\n\n\
         Open this page in a browser. It shows both sides:\n\n    \
             http://{page}\n\n\
         Or use your own clients:\n\n    \
             Let's Chat   http://localhost:{letschat}/#{first}\n    \
             IRC          irssi -c localhost{port_option}, then: /join #{first}\n\n\
         The channel #{first} is bridged with the room {first}, and so are {others}.\n\
         Press Ctrl-C to stop; nothing is saved.\n",
        page = page.address(),
        letschat = servers.letschat.address().port(),
        others = others.join(" and "),
    );
}
