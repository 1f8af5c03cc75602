//! The program itself, run as an administrator runs it.

use std::fs::File;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::UnixDatagram;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long the bridge may take to join everything, and to stop.
const LIMIT: Duration = Duration::from_secs(60);

/// What it logs.
const LOG: &str = "bridge.log";

/// A running `letsbridge run`; killed when dropped.
pub(crate) struct Bridge {
    child: Child,
    notices: UnixDatagram,
    directory: TempDir,
}

impl Bridge {
    /// Starts it on the configuration `toml`, to which a state directory of its own is added.
    pub(crate) fn start(toml: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("letsbridge-").tempdir().unwrap();
        let state = directory.path().join("state");
        // Two test choirs are no conversation.
        let config = format!(
            "state_dir = {:?}\nloop_protection = false\n{toml}",
            state.display().to_string()
        );
        std::fs::write(directory.path().join("bridge.toml"), config).unwrap();
        let notices = UnixDatagram::bind(directory.path().join("notify")).unwrap();
        let child = spawn(directory.path());
        Self { child, notices, directory }
    }

    /// Where its configuration (`bridge.toml`) and its state (`state`) are.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Waits until it says, as systemd would hear it, that all links up.
    pub(crate) async fn ready(&self) {
        self.says("READY=1").await;
    }

    /// Waits until it says `words`, as systemd would hear it, and gives all of what it said then.
    pub(crate) async fn says(&self, words: &str) -> String {
        let said = async {
            let mut notice = [0; 1_024];
            loop {
                let length = self.notices.recv(&mut notice).await.unwrap();
                let notice = String::from_utf8_lossy(&notice[..length]);
                if notice.contains(words) {
                    return notice.into_owned();
                }
            }
        };
        timeout(LIMIT, said).await.unwrap_or_else(|_| panic!("{words:?} is not said in time"))
    }

    /// Kills it, as power loss would, and starts it again on the same state.
    pub(crate) async fn die_and_come_back(&mut self) {
        self.child.kill().await.unwrap();
        self.child = spawn(self.directory.path());
    }

    /// Asks it to stop, as systemd would, and waits until it has.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        let pid = Pid::from_raw(self.child.id().expect("it runs").cast_signed()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        timeout(LIMIT, self.child.wait()).await.expect("it stops in time").unwrap()
    }
}

impl Drop for Bridge {
    /// What it logged is of use where a test fails, and in nobody's way elsewhere.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read(self.directory.path().join(LOG)).unwrap_or_default();
            eprintln!("== the bridge's log\n{}", String::from_utf8_lossy(&log));
        }
    }
}

fn spawn(directory: &Path) -> Child {
    let log = File::options().create(true).append(true).open(directory.join(LOG)).unwrap();
    Command::new(env!("CARGO_BIN_EXE_letsbridge"))
        .args(["run", "--config"])
        .arg(directory.join("bridge.toml"))
        .env("NOTIFY_SOCKET", directory.join("notify"))
        .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".to_owned()))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}
