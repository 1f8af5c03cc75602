//! The bridge of the demo: `letsbridge run` as a process of its own, so that it can really be killed.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::UnixDatagram;
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::bridge_log::{self, BridgeLogEntry};
use super::relay::Relay;
use super::servers::{BOT_NAME, CHANNELS, DemoServers, HALL, MADE_EMAIL};
use super::web_port::WebPort;
use crate::cli::run;

/// The file name of the configuration.
const CONFIG: &str = "bridge.toml";
/// The file name of the token.
const TOKEN: &str = "letschat.token";
/// The file name of the socket on which the bridge reports its status, as it does to systemd.
const STATUS_SOCKET: &str = "status";

/// The longest report of the status.
const MAX_REPORT: usize = 4_096;

/// The bridge has `shutdown_timeout` to stop, and this much more.
const STOP_TIMEOUT: Duration = Duration::from_secs(8);

/// What the bridge's process reports about itself.
#[derive(Debug)]
pub(super) enum ProcessReport {
    /// It has joined everything.
    Ready,
    /// A line of its log.
    Log(BridgeLogEntry),
}

/// Where the bridge's process runs, and how to start it.
#[derive(Debug)]
pub(super) struct BridgeHome {
    directory: PathBuf,
    reports: mpsc::Sender<ProcessReport>,
    _web: WebPort,
}

/// A running bridge. Dropping it kills it.
#[derive(Debug)]
pub(super) struct BridgeProcess {
    child: Child,
    /// Ends when all of its log has been read.
    log: Option<JoinHandle<()>>,
}

/// Runs the bridge of the demo, which ends with the demo.
pub(in crate::cli) fn run_as_child(config: &Path) -> ExitCode {
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(Signal::KILL)) {
        eprintln!("cannot end with the demo: {error}");
    }
    run::run(&run::RunArgs::new(config))
}

impl BridgeHome {
    /// Writes the bridge's configuration into `directory`. Its processes report to `reports`.
    pub(super) fn prepare(
        directory: &Path,
        servers: &DemoServers,
        relay: &Relay,
        reports: mpsc::Sender<ProcessReport>,
    ) -> io::Result<Self> {
        write_private(&directory.join(TOKEN), &servers.letschat.token(BOT_NAME))?;
        let web = WebPort::take()?;
        write_private(&directory.join(CONFIG), &configuration(servers, relay, &web))?;
        let socket = UnixDatagram::bind(directory.join(STATUS_SOCKET))?;
        tokio::spawn(read_status(socket, reports.clone()));
        Ok(Self { directory: directory.to_owned(), reports, _web: web })
    }

    /// Starts a process.
    pub(super) fn start(&self) -> io::Result<BridgeProcess> {
        // This program, even if its file has been replaced since it was started.
        let mut child = Command::new("/proc/self/exe")
            .arg0("letsbridge")
            .args(["demo-bridge", "--config", CONFIG])
            .current_dir(&self.directory)
            .env_clear()
            .env("NOTIFY_SOCKET", self.directory.join(STATUS_SOCKET))
            .env("RUST_LOG", bridge_log::LOG_FILTER)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C is for the demo, which then stops the bridge.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let log = child.stderr.take();
        let log = log.map(|log| tokio::spawn(read_log(log, self.reports.clone())));
        Ok(BridgeProcess { child, log })
    }
}

impl BridgeProcess {
    /// The id of the process; `None` once it has ended.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Kills it with SIGKILL.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.child.start_kill()
    }

    /// Waits until it has ended and its log has been read.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await;
        if let Some(log) = &mut self.log {
            // It ends with the process; a panic in it would end the demo.
            let _ = log.await;
            self.log = None;
        }
        status
    }

    /// Stops it with SIGTERM, as an administrator does.
    pub(super) async fn stop(mut self) {
        let pid = self.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let asked = pid.map(|pid| rustix::process::kill_process(pid, Signal::TERM));
        // Otherwise it is killed when it is dropped.
        if matches!(asked, Some(Ok(()))) {
            let _ = timeout(STOP_TIMEOUT, self.child.wait()).await;
        }
    }
}

/// The configuration: what a small `bridge.toml` says. There are no bots here that need protection from each
/// other, and each line is shown on its own. The IRC server has no services: a nick is who has it.
fn configuration(servers: &DemoServers, relay: &Relay, web: &WebPort) -> String {
    let links: String = CHANNELS
        .iter()
        .map(|(name, _)| *name)
        .chain([HALL])
        .map(|name| format!("\n[[link]]\nchannel = \"demo/#{name}\"\nroom = \"{name}\"\n"))
        .collect();
    format!(
        r#"state_dir = "state"
shutdown_timeout = "5s"
loop_protection = false

[irc.demo]
servers = ["{irc}"]
tls = false
nick = "{BOT_NAME}"
realname = "The bridge to Let's Chat"
flood_control = "off"

[letschat]
url = "{letschat}"
token_file = "{TOKEN}"
sender_mode = "accounts"

[letschat.accounts]
email = "{{user}}{MADE_EMAIL}"
login_interval = "0s"
link_requires_account = false

[web]
public_url = "http://{web}/"
listen = "{web}"
requests_per_minute = "none"

[format]
merge_lines = "never"

[log]
format = "json"
{links}"#,
        irc = relay.address(),
        letschat = servers.letschat.url(),
        web = web.address(),
    )
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
    io::Write::write_all(&mut file, text.as_bytes())
}

/// Reads what the bridge reports to systemd.
async fn read_status(socket: UnixDatagram, reports: mpsc::Sender<ProcessReport>) {
    let mut report = [0; MAX_REPORT];
    while let Ok(length) = socket.recv(&mut report).await {
        let text = String::from_utf8_lossy(&report[..length]);
        for line in text.lines() {
            if line == "READY=1" && reports.send(ProcessReport::Ready).await.is_err() {
                return;
            }
        }
    }
}

/// Reads the log of one process until its end.
async fn read_log(log: ChildStderr, reports: mpsc::Sender<ProcessReport>) {
    let mut lines = BufReader::new(log).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(entry) = bridge_log::read(&line)
            && reports.send(ProcessReport::Log(entry)).await.is_err()
        {
            return;
        }
    }
}
