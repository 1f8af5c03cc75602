//! The program as a process: what it prints, what it tells systemd, and how it ends.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::UnixDatagram;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::terminal::Terminal;

/// How long anything may be waited for.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// `future`, which must be there in time.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future).await.unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

/// A program yet to be started. It knows nothing of the environment that the tests run in.
pub(crate) struct Start {
    command: Command,
    directory: PathBuf,
}

impl Start {
    /// `letsbridge` with these arguments, in `directory`.
    pub(crate) fn new(directory: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_letsbridge"));
        command.args(arguments).current_dir(directory).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        Self { command, directory: directory.to_owned() }
    }

    /// `letsbridge run` by another program, which has what to start as its last arguments.
    pub(crate) fn by(directory: &Path, program: &str, arguments: &[&str]) -> Self {
        Self::through(directory, (program, arguments), &["run"])
    }

    /// `letsbridge` with arguments of its own by another program.
    pub(crate) fn through(
        directory: &Path,
        (program, arguments): (&str, &[&str]),
        own: &[&str],
    ) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).arg(env!("CARGO_BIN_EXE_letsbridge")).args(own);
        command.current_dir(directory).env_clear();
        // Where to find what the other program needs.
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        Self { command, directory: directory.to_owned() }
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it as another user, which only root can.
    #[allow(dead_code)]
    pub(crate) fn user(mut self, user: u32) -> Self {
        self.command.uid(user);
        self
    }

    /// Starts it on a terminal.
    pub(crate) fn on_terminal(self) -> Terminal {
        Terminal::start(self.command)
    }

    /// Starts it, with somebody listening as systemd would.
    pub(crate) fn start(mut self) -> Program {
        let socket = self.directory.join("notify");
        // One that an earlier run has left behind.
        let _ = std::fs::remove_file(&socket);
        let notices = UnixDatagram::bind(&socket).unwrap();
        let mut child = self.command.env("NOTIFY_SOCKET", &socket).spawn().unwrap();
        let out = Printed::of(child.stdout.take().unwrap());
        let err = Printed::of(child.stderr.take().unwrap());
        Program { child, notices, out, err }
    }

    /// Starts it, and waits until it has ended.
    pub(crate) async fn ends(self) -> End {
        self.start().ends().await
    }
}

/// A running program; killed when dropped.
pub(crate) struct Program {
    child: Child,
    notices: UnixDatagram,
    pub(crate) out: Printed,
    pub(crate) err: Printed,
}

/// How it ended, and all that it printed.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Program {
    /// The next thing that it tells systemd.
    pub(crate) async fn notice(&self) -> String {
        let mut notice = [0; 1_024];
        let length = soon("a notice", self.notices.recv(&mut notice)).await.unwrap();
        String::from_utf8(notice[..length].to_vec()).unwrap().trim_end().to_owned()
    }

    /// Waits until it tells systemd so; what it told before.
    pub(crate) async fn notices(&self, wanted: &str) -> Vec<String> {
        let mut told = Vec::new();
        loop {
            let notice = self.notice().await;
            if notice == wanted {
                return told;
            }
            told.push(notice);
        }
    }

    /// Waits until it tells systemd something that begins so, and gives all of it.
    pub(crate) async fn stands(&self, beginning: &str) -> String {
        loop {
            let notice = self.notice().await;
            if notice.starts_with(beginning) {
                return notice;
            }
        }
    }

    /// Waits until all links up.
    pub(crate) async fn ready(&self) {
        self.notices("READY=1").await;
    }

    /// Sends it a signal, such as `TERM`.
    pub(crate) async fn signal(&self, name: &str) {
        let signal = match name {
            "TERM" => Signal::TERM,
            "INT" => Signal::INT,
            "KILL" => Signal::KILL,
            "HUP" => Signal::HUP,
            "STOP" => Signal::STOP,
            "CONT" => Signal::CONT,
            other => panic!("no signal of these tests: {other}"),
        };
        kill_process(self.pid(), signal).unwrap();
    }

    /// From now on no file of it may grow beyond so many bytes; `None` lets it write as it likes.
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        prlimit(Some(self.pid()), Resource::Fsize, Rlimit { current: bytes, maximum: None })
            .unwrap();
    }

    fn pid(&self) -> Pid {
        let pid = self.child.id().expect("it runs");
        Pid::from_raw(pid.try_into().unwrap()).expect("not 0")
    }

    /// Where its own files are to be found from outside, whatever it has mounted.
    pub(crate) fn root(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.child.id().expect("it runs")))
    }

    /// The most memory that it has had so far, in bytes.
    pub(crate) fn most_memory(&self) -> u64 {
        let pid = self.child.id().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        kilobytes * 1024
    }

    /// Asks it to stop, as systemd would, and waits until it has.
    pub(crate) async fn stop(self) -> End {
        self.signal("TERM").await;
        self.ends().await
    }

    /// Waits until it has ended.
    pub(crate) async fn ends(mut self) -> End {
        let status = soon("its end", self.child.wait()).await.unwrap();
        let (out, err) = (self.out.rest().await, self.err.rest().await);
        End { code: status.code(), out, err }
    }
}

/// What is printed, line by line.
pub(crate) struct Printed {
    lines: mpsc::UnboundedReceiver<String>,
    so_far: String,
}

impl Printed {
    fn of(stream: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let (sender, lines) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut reader = BufReader::new(stream).lines();
            // Nobody listens any more when the test is over.
            while let Ok(Some(line)) = reader.next_line().await
                && sender.send(line).is_ok()
            {}
        });
        Self { lines, so_far: String::new() }
    }

    /// Waits until a line says `words`, and gives that line.
    pub(crate) async fn says(&mut self, words: &str) -> String {
        loop {
            let line = soon(words, self.lines.recv()).await;
            let Some(line) = line else { panic!("never said {words:?}:\n{}", self.so_far) };
            writeln!(self.so_far, "{line}").unwrap();
            if line.contains(words) {
                return line;
            }
        }
    }

    /// What was printed so far.
    pub(crate) fn so_far(&self) -> &str {
        &self.so_far
    }

    /// Waits until there was a line for each of `words`, in whatever order.
    pub(crate) async fn says_all(&mut self, words: &[&str]) {
        let mut missing = words.to_vec();
        let all = async {
            while !missing.is_empty() {
                let line = self.says("").await;
                if let Some(at) = missing.iter().position(|words| line.contains(words)) {
                    missing.swap_remove(at);
                }
            }
        };
        soon("all of its words", all).await;
    }

    /// All that was printed, from the beginning to the end.
    async fn rest(mut self) -> String {
        while let Some(line) = soon("the end of what it prints", self.lines.recv()).await {
            writeln!(self.so_far, "{line}").unwrap();
        }
        self.so_far
    }
}
