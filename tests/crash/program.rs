//! The bridge's program, killed and started again on one state directory, which may lose its power.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use fastrand::Rng;
use letsbridge_testkit::systemd::says_all_joined;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::UnixDatagram;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep, timeout};

use super::power::Power;

/// How long it may take to stop when it is asked to.
const PATIENCE: Duration = Duration::from_secs(30);

/// Held while a process is started, and while a server shuts its door to take the port again: until it
/// has become the program, a new process holds all that this one holds, the server's socket too.
pub(crate) static DOORS: Mutex<()> = Mutex::const_new(());

/// The program and what it leaves behind: `state/` and `bridge.log`, kept when the test fails.
pub(crate) struct Program {
    directory: TempDir,
    child: Option<Child>,
    told: watch::Receiver<Told>,
    began: Instant,
    starts: usize,
    /// What its disk holds, if the machine can lose its power.
    power: Option<Power>,
}

/// What a program has told systemd.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    /// It has started. A node that waits says so, too.
    has_started: bool,
    /// All links were up.
    has_joined: bool,
}

impl Program {
    /// A program that was never started, with this configuration.
    pub(crate) fn new(toml: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("letsbridge-crash-").tempdir().unwrap();
        let told = watch::channel(Told::default()).1;
        let began = Instant::now();
        let program = Self { directory, child: None, told, began, starts: 0, power: None };
        program.configure(toml);
        program
    }

    /// The machine can lose its power from the next start on.
    pub(crate) fn record_disk(&mut self) {
        self.power = Some(Power::new(self.directory.path()));
    }

    /// The machine has lost its power, if it can. Says how often it has. The program was killed.
    pub(crate) fn lose_power(&mut self, dice: &mut Rng) -> usize {
        let Some(power) = &mut self.power else { return 0 };
        power.lose(dice);
        power.losses()
    }

    /// Writes the configuration for the next start or reload: at no moment there is only a part of it.
    pub(crate) fn configure(&self, toml: &str) {
        let state = self.directory.path().join("state");
        let config = format!("state_dir = {:?}\n{toml}", state.display().to_string());
        let path = self.directory.path().join("bridge.toml");
        fs::write(path.with_extension("new"), config).unwrap();
        fs::rename(path.with_extension("new"), path).unwrap();
    }

    /// Whether it has said that all links are up: from then on, it hears signals.
    pub(crate) fn is_ready(&self) -> bool {
        self.told.borrow().has_joined
    }

    /// Tells it to read its configuration again.
    pub(crate) fn reload(&self) {
        self.note("reloads");
        self.signal(Signal::HUP);
    }

    /// Where it works.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Starts it; it logs behind what it logged before.
    pub(crate) async fn start(&mut self) {
        let _doors = DOORS.lock().await;
        self.starts += 1;
        // A socket of its own for each life, so that no word of the one before is taken for its.
        let socket = self.directory.path().join("notify");
        let _ = fs::remove_file(&socket);
        let (sender, told) = watch::channel(Told::default());
        tokio::spawn(listen(UnixDatagram::bind(&socket).unwrap(), sender));
        self.told = told;
        self.note(&format!("start {}", self.starts));
        let log = self.log();
        let child = Command::new(env!("CARGO_BIN_EXE_letsbridge"))
            .envs(self.power.as_mut().map(Power::environment).unwrap_or_default())
            .args(["run", "--config"])
            .arg(self.directory.path().join("bridge.toml"))
            .env("NOTIFY_SOCKET", socket)
            .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "debug".to_owned()))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let pid = child.id().expect("it was just started");
        self.child = Some(child);
        become_the_program(pid).await;
    }

    /// Kills it with SIGKILL. Says whether it was ready before.
    pub(crate) async fn kill(&mut self) -> bool {
        self.assert_runs();
        self.child.take().expect("it was started").kill().await.unwrap();
        self.note("killed");
        self.is_ready()
    }

    /// Fails if it has ended by itself.
    pub(crate) fn assert_runs(&mut self) {
        let child = self.child.as_mut().expect("it was started");
        if let Some(status) = child.try_wait().unwrap() {
            panic!("the bridge has ended by itself: {status}; see {}", self.directory().display());
        }
    }

    /// Waits until it says, as systemd would hear it, that all links are up.
    pub(crate) async fn ready(&mut self) {
        self.tells(|told| told.has_started && told.has_joined).await;
    }

    /// Waits until it says that it has started: a node that waits has.
    pub(crate) async fn started(&mut self) {
        self.tells(|told| told.has_started).await;
    }

    async fn tells(&mut self, enough: impl Fn(&Told) -> bool) {
        let child = self.child.as_mut().expect("it was started");
        tokio::select! {
            told = self.told.wait_for(enough) => drop(told.expect("its listener lives")),
            status = child.wait() => panic!("the bridge has ended by itself: {}", status.unwrap()),
        }
    }

    /// Asks it to stop, as systemd would, and waits until it has.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        let mut child = self.child.take().expect("it was started");
        timeout(PATIENCE, child.wait()).await.expect("it stops in time").unwrap()
    }

    /// Has it replaced by the program that is installed, which is the same one. All connections to IRC are kept.
    pub(crate) async fn upgrade(&mut self) {
        self.note("upgrade");
        let asked = {
            let _doors = DOORS.lock().await;
            let mut command = Command::new(env!("CARGO_BIN_EXE_letsbridge"));
            command.args(["upgrade", "--config"]).arg(self.directory.path().join("bridge.toml"));
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let child = command.kill_on_drop(true).spawn().unwrap();
            become_the_program(child.id().expect("it was just started")).await;
            child
        };
        let end = timeout(PATIENCE, asked.wait_with_output()).await.expect("it ends").unwrap();
        assert!(end.status.success(), "letsbridge upgrade: {end:?}");
    }

    /// Makes it stand still for this long, as a paused machine does.
    pub(crate) async fn pause(&mut self, length: Duration) {
        self.stand_still();
        sleep(length).await;
        self.go_on();
    }

    /// Makes it stand still until it is told to go on.
    pub(crate) fn stand_still(&self) {
        self.note("stands still");
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        self.note("goes on");
        self.signal(Signal::CONT);
    }

    /// Writes into its log what is done to it.
    pub(crate) fn note(&self, what: &str) {
        writeln!(self.log(), "== {what} at {:.3?}", self.began.elapsed()).unwrap();
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.as_ref().and_then(Child::id).expect("it runs").cast_signed();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Keeps the directory beyond the test, and tells where it is.
    pub(crate) fn keep(&mut self) -> PathBuf {
        self.directory.disable_cleanup(true);
        self.directory.path().to_owned()
    }

    fn log(&self) -> File {
        let path = self.directory.path().join("bridge.log");
        OpenOptions::new().create(true).append(true).open(path).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("state and log are kept in {}", self.keep().display());
        }
    }
}

/// Waits until the process `pid` has let go of what it inherited: it gets its own name after that. Where
/// there is no such file, nothing is waited for.
pub(crate) async fn become_the_program(pid: u32) {
    while fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|it| it != "letsbridge\n") {
        sleep(Duration::from_millis(1)).await;
    }
}

/// Takes all that the program tells systemd: one whose words nobody takes would wait.
async fn listen(socket: UnixDatagram, told: watch::Sender<Told>) {
    let mut notice = [0; 1_024];
    while let Ok(length) = socket.recv(&mut notice).await {
        let notice = String::from_utf8_lossy(&notice[..length]);
        let has_started = notice.lines().any(|line| line == "READY=1");
        let has_joined = notice.lines().any(says_all_joined);
        told.send_modify(|told| {
            told.has_started |= has_started;
            told.has_joined |= has_joined;
        });
        if told.is_closed() {
            return;
        }
    }
}
