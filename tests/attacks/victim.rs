//! The program under attack, beside a network and a Let's Chat that behave, and what it costs it.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use letsbridge_testkit::irc::{self, IrcServer};
use letsbridge_testkit::letschat::{self, LetsChat, NewRoom};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::figures::Figures;
use super::letschat as letschat_attack;
use letschat_attack::Proxy;

/// How long it may take to stop before the test gives up; what it is to take stands in the figures.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// How long anything else may take.
const LIMIT: Duration = Duration::from_secs(60);

/// How long it waits for what it has just said to be confirmed.
pub(crate) const SETTLE: Duration = Duration::from_secs(3);

/// How long a message may take by which it is tried whether the others are served; none is tried after one
/// that took longer.
const PROBE_LIMIT: Duration = Duration::from_secs(10);

/// Between two messages by which it is tried whether the others are served.
const PROBES: Duration = Duration::from_millis(20);

/// A second channel for the room.
pub(crate) const TWO: &str = "[[link]]\nchannel = \"good/#two\"\nroom = \"tea\"\n";

/// The program, a network and a Let's Chat that behave, and their people.
pub(crate) struct Victim {
    pub(crate) irc: IrcServer,
    pub(crate) letschat: LetsChat,
    child: Child,
    directory: TempDir,
}

impl Victim {
    /// Starts it between `#tea` on a network that behaves and the room `tea`, with more in its configuration,
    /// and waits until both are joined.
    pub(crate) async fn start(more: &str) -> Self {
        Self::with(more, None).await
    }

    /// Starts it between `#tea` and `#two`, which are linked with one room, and with an attack between it and
    /// Let's Chat.
    pub(crate) async fn behind(attack: letschat_attack::Attack) -> (Self, Proxy) {
        let (victim, proxy) = Self::between(TWO, Some(attack)).await;
        (victim, proxy.expect("there is an attack"))
    }

    async fn with(more: &str, attack: Option<letschat_attack::Attack>) -> Self {
        Self::between(more, attack).await.0
    }

    async fn between(more: &str, attack: Option<letschat_attack::Attack>) -> (Self, Option<Proxy>) {
        let irc = IrcServer::start(irc::Setup::default()).await.unwrap();
        let person = |name: &str| letschat::NewUser::new(name, name);
        let letschat = LetsChat::start(letschat::Setup {
            users: ["bridge", "alice", "bob"].map(person).to_vec(),
            rooms: ["tea", "bad"].map(NewRoom::new).to_vec(),
            private_messages: true,
            ..letschat::Setup::default()
        });
        let letschat = letschat.await.unwrap();
        ["#tea", "#two"].into_iter().for_each(|channel| irc.virtual_user("ann").join(channel));
        irc.virtual_user("carl").join("#two");
        let proxy = match attack {
            Some(attack) => Some(Proxy::before(letschat.address(), attack).await),
            None => None,
        };
        let url = proxy
            .as_ref()
            .map_or_else(|| letschat.url(), |proxy| format!("http://{}", proxy.address));
        let directory = tempfile::Builder::new().prefix("letsbridge-attack-").tempdir().unwrap();
        // What is tried is how soon a line is there, not how long it waits for another to be joined with.
        let looks =
            if more.contains("[format]") { "" } else { "[format]\nmerge_lines = \"never\"\n" };
        let config = format!(
            "loop_protection = false\nstate_dir = {:?}\nshutdown_timeout = \"{}s\"\n\
             [irc.good]\nservers = [\"{}\"]\ntls = false\nnick = \"bridge\"\nflood_control = \"off\"\n\
             [letschat]\nurl = \"{}\"\ntoken = \"{}\"\n\
             {looks}[[link]]\nchannel = \"good/#tea\"\nroom = \"tea\"\n{more}",
            directory.path().join("state").display().to_string(),
            SETTLE.as_secs(),
            irc.address(),
            url,
            letschat.token("bridge"),
        );
        fs::write(directory.path().join("bridge.toml"), config).unwrap();
        let child = spawn(directory.path());
        let victim = Self { irc, letschat, child, directory };
        let joined = async {
            victim.irc.wait_for_join("#tea", "bridge").await;
            if proxy.is_none() {
                victim.letschat.wait_for_join("tea", "bridge").await;
            }
        };
        timeout(LIMIT, joined).await.expect("it joins what behaves");
        (victim, proxy)
    }

    /// As [`probe`](Self::probe), from channel to channel.
    pub(crate) async fn probe_channels(&self, over: &AtomicBool) -> Duration {
        let (ann, carl) = (self.irc.virtual_user("ann"), self.irc.virtual_user("carl"));
        let (mut worst, mut number) = (Duration::ZERO, 0);
        timeout(LIMIT, self.irc.wait_for_join("#two", "bridge"))
            .await
            .expect("it joins what behaves");
        while !over.load(Ordering::Relaxed) {
            number += 1;
            let (text, began) = (format!("across {number}"), Instant::now());
            ann.send("#tea", &text);
            let heard =
                carl.wait_for_messages("#two", |all| all.iter().any(|it| it.text.ends_with(&text)));
            let arrived = timeout(PROBE_LIMIT, heard).await.is_ok();
            worst = worst.max(began.elapsed());
            if !arrived {
                break;
            }
            sleep(PROBES).await;
        }
        worst
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(self.directory.path().join("bridge.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until it logs a line with `words`, and gives that line.
    pub(crate) async fn logs(&self, words: &str) -> String {
        let line = async {
            loop {
                if let Some(line) = self.log().lines().find(|line| line.contains(words)) {
                    return line.to_owned();
                }
                sleep(PROBES).await;
            }
        };
        timeout(LIMIT, line).await.unwrap_or_else(|_| panic!("{words:?} is not logged"))
    }

    /// Speaks in both directions until it is over; gives the longest time that a message took. One that does
    /// not arrive at all counts as long as was waited for it.
    pub(crate) async fn probe(&self, over: &AtomicBool) -> Duration {
        let (ann, mut worst, mut number) = (self.irc.virtual_user("ann"), Duration::ZERO, 0);
        while !over.load(Ordering::Relaxed) {
            number += 1;
            let (there, back) = (format!("there {number}"), format!("back {number}"));
            let began = Instant::now();
            ann.send("#tea", &there);
            let posted = self
                .letschat
                .wait_for_posts("tea", |all| all.iter().any(|it| it.text.ends_with(&there)));
            let arrived = timeout(PROBE_LIMIT, posted).await.is_ok();
            self.letschat.post("tea", "alice", &back);
            worst = worst.max(began.elapsed());
            let said = Instant::now();
            let heard =
                ann.wait_for_messages("#tea", |all| all.iter().any(|it| it.text.ends_with(&back)));
            let arrived = arrived && timeout(PROBE_LIMIT, heard).await.is_ok();
            worst = worst.max(said.elapsed());
            if !arrived {
                break;
            }
            sleep(PROBES).await;
        }
        worst
    }

    /// Asks it to stop, and gives what it has cost it.
    pub(crate) async fn end(mut self, attack: &str, worst: Duration) -> Figures {
        let mut figures = Figures {
            attack: attack.to_owned(),
            peak: 0,
            worst,
            stop: Duration::ZERO,
            log: 0,
            said: 0,
            fault: None,
        };
        if let Some(status) = self.child.try_wait().unwrap() {
            figures.fault =
                Some(format!("it has ended by itself, {status}: {}", self.last_words()));
            return figures;
        }
        let pid = self.child.id().expect("it runs");
        figures.peak = peak(pid);
        let asked = Instant::now();
        kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::TERM).unwrap();
        let status = timeout(STOP_LIMIT, self.child.wait()).await;
        figures.stop = asked.elapsed();
        figures.log = fs::metadata(self.directory.path().join("bridge.log")).unwrap().len();
        figures.fault = match status {
            Err(_) => Some("SIGTERM does not end it".to_owned()),
            Ok(status) if !status.as_ref().unwrap().success() => {
                Some(format!("it ends with {}: {}", status.unwrap(), self.last_words()))
            }
            Ok(_) => None,
        };
        figures
    }

    /// What it said of its end.
    fn last_words(&self) -> String {
        let log = self.log();
        let words = log.lines().skip_while(|line| !line.contains("panicked")).take(2);
        words.collect::<Vec<_>>().join(" ")
    }
}

fn spawn(directory: &Path) -> Child {
    let log = File::create(directory.join("bridge.log")).unwrap();
    Command::new(env!("CARGO_BIN_EXE_letsbridge"))
        .args(["run", "--config"])
        .arg(directory.join("bridge.toml"))
        .env("RUST_LOG", "info")
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// The most memory that the process `pid` has ever had, in bytes.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
