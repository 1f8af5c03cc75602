//! The same work by this program and by matterbridge: from the channels of one IRC server into those of another. This
//! program has a room between each two channels, and stores every message; matterbridge keeps it in memory.
//!
//! `MATTERBRIDGE` names the program of matterbridge, which is not part of this repository.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use letsbridge_testkit::irc::{IrcServer, Setup as IrcSetup, VirtualUser};
use letsbridge_testkit::letschat::{LetsChat, NewRoom, NewUser, Setup};
use tempfile::TempDir;

use crate::process::Process;
use crate::program;
use crate::report::{millis, written_mb, written_rate};

/// How many links.
const LINKS: usize = 100;

/// How many messages one at a time, and at once.
const WHOLE: (usize, usize) = (1_000, 10_000);
const QUICK: (usize, usize) = (30, 300);

/// When no message arrives for so long, those that are missing are lost.
const LOST_AFTER: Duration = Duration::from_secs(10);

/// How long the other program may take to join all channels.
const JOIN_TIMEOUT: Duration = Duration::from_secs(60);

/// Two IRC servers, somebody on each, and a Let's Chat with the rooms between their channels.
struct Networks {
    servers: [IrcServer; 2],
    ann: VirtualUser,
    bob: VirtualUser,
    letschat: LetsChat,
    directory: TempDir,
}

/// What was found of one program.
struct Found {
    p50: Duration,
    p99: Duration,
    rate: f64,
    lost: usize,
    memory: u64,
    cpu: Duration,
}

/// Measures, and prints.
pub(crate) async fn run(quick: bool) {
    let Some(peer) = std::env::var_os("MATTERBRIDGE") else {
        eprintln!(
            "MATTERBRIDGE names no program: build matterbridge 1.26 \
             (https://github.com/42wim/matterbridge), and set MATTERBRIDGE=/path/to/matterbridge"
        );
        std::process::exit(2);
    };
    let size = if quick { QUICK } else { WHOLE };
    let networks = Networks::start().await;
    let ours = networks.measure(&networks.start_ours().await, size).await;
    drop(networks);
    let networks = Networks::start().await;
    let theirs = networks.measure(&networks.start_matterbridge(Path::new(&peer)).await, size).await;
    println!("From IRC to IRC, {LINKS} channels, {} messages at once.\n", size.1);
    println!("{:<40} {:>14} {:>14}", "", "letsbridge", "matterbridge");
    let row = |what, written: fn(&Found) -> String| {
        println!("{what:<40} {:>14} {:>14}", written(&ours), written(&theirs));
    };
    row("added latency, one at a time, p50", |found| millis(found.p50));
    row("added latency, one at a time, p99", |found| millis(found.p99));
    row("messages a second", |found| written_rate(found.rate));
    row("messages lost", |found| found.lost.to_string());
    row("processor for all messages", |found| millis(found.cpu));
    row("resident memory afterwards", |found| written_mb(found.memory as f64));
}

impl Networks {
    async fn start() -> Self {
        let start = || async {
            let setup = IrcSetup { channel_limit: LINKS, transcript: 0, ..IrcSetup::default() };
            IrcServer::start(setup).await.unwrap()
        };
        let servers = [start().await, start().await];
        let [ann, bob] = [servers[0].virtual_user("ann"), servers[1].virtual_user("bob")];
        for link in 0..LINKS {
            ann.join(&channel(link));
            bob.join(&channel(link));
        }
        let users = vec![NewUser::new("bridge", "IRC")];
        let rooms = (0..LINKS).map(|link| NewRoom::new(&format!("room{link}"))).collect();
        let letschat = LetsChat::start(Setup { users, rooms, ..Setup::default() }).await.unwrap();
        let directory = tempfile::Builder::new().prefix("letsbridge-").tempdir().unwrap();
        Self { servers, ann, bob, letschat, directory }
    }

    async fn start_ours(&self) -> Process {
        let mut text = format!(
            "state_dir = {:?}\nloop_protection = false\n[format]\nmerge_lines = \"never\"\n\
             [letschat]\nurl = \"{}\"\ntoken = \"{}\"\n",
            self.directory.path().join("state").display().to_string(),
            self.letschat.url(),
            self.letschat.token("bridge"),
        );
        for (name, server) in ["a", "b"].iter().zip(&self.servers) {
            let address = server.address();
            write!(
                text,
                "[irc.{name}]\nservers = [\"{address}\"]\ntls = false\nflood_control = \"off\"\n"
            )
            .unwrap();
        }
        for link in 0..LINKS {
            for name in ["a", "b"] {
                let channel = channel(link);
                write!(text, "[[link]]\nchannel = \"{name}/{channel}\"\nroom = \"room{link}\"\n")
                    .unwrap();
            }
        }
        fs::write(self.directory.path().join("bridge.toml"), text).unwrap();
        program::start(self.directory.path()).await.0
    }

    async fn start_matterbridge(&self, program: &Path) -> Process {
        let mut text = String::new();
        for (name, server) in ["a", "b"].iter().zip(&self.servers) {
            let address = server.address();
            // The shortest pause that it can be told, and no message that it drops for want of room.
            write!(
                text,
                "[irc.{name}]\nServer = \"{address}\"\nNick = \"{PEER_NICK}\"\nMessageDelay = 1\n\
                 MessageQueue = 100000\nRemoteNickFormat = \"<{{NICK}}> \"\n"
            )
            .unwrap();
        }
        for link in 0..LINKS {
            let channel = channel(link);
            write!(text, "[[gateway]]\nname = \"gateway{link}\"\nenable = true\n").unwrap();
            for name in ["a", "b"] {
                write!(
                    text,
                    "[[gateway.inout]]\naccount = \"irc.{name}\"\nchannel = \"{channel}\"\n"
                )
                .unwrap();
            }
        }
        let file = self.directory.path().join("matterbridge.toml");
        fs::write(&file, text).unwrap();
        let mut command = Command::new(program);
        command.arg("-conf").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        let program = Process::spawn(&mut command);
        let joined = tokio::time::timeout(JOIN_TIMEOUT, async {
            for server in &self.servers {
                for link in 0..LINKS {
                    server.wait_for_join(&channel(link), PEER_NICK).await;
                }
            }
        });
        program.while_running(joined).await.expect("matterbridge joins all channels in time");
        program
    }

    /// What a program makes of messages one at a time, and of many.
    async fn measure(&self, program: &Process, (single, many): (usize, usize)) -> Found {
        let mut times = Vec::with_capacity(single);
        for at in 0..single {
            let began = Instant::now();
            self.ann.send(&channel(0), &at.to_string());
            let lost = program.while_running(self.arrive(0, at + 1)).await;
            assert_eq!(lost, 0, "a message that was alone is lost");
            times.push(began.elapsed());
        }
        times.sort_unstable();
        let (cpu, began) = (program.cpu(), Instant::now());
        (0..many).for_each(|at| self.ann.send(&channel(at % LINKS), &format!("message {at}")));
        let mut lost = 0;
        for link in 0..LINKS {
            let sent = (0..many).filter(|at| at % LINKS == link).count();
            let before = if link == 0 { single } else { 0 };
            lost += program.while_running(self.arrive(link, before + sent)).await;
        }
        let time = began.elapsed() - if lost > 0 { LOST_AFTER } else { Duration::ZERO };
        Found {
            p50: times[single / 2],
            p99: times[single * 99 / 100],
            rate: (many - lost) as f64 / time.as_secs_f64(),
            lost,
            memory: program.memory(),
            cpu: program.cpu() - cpu,
        }
    }

    /// Waits until so many have arrived on a link. How many never do.
    async fn arrive(&self, link: usize, count: usize) -> usize {
        let channel = channel(link);
        loop {
            let there = self.bob.message_count(&channel);
            if there >= count {
                return 0;
            }
            let more = self.bob.wait_for_message_count(&channel, there + 1);
            if tokio::time::timeout(LOST_AFTER, more).await.is_err() {
                return count - there;
            }
        }
    }
}

/// The nick of matterbridge.
const PEER_NICK: &str = "peer";

fn channel(link: usize) -> String {
    format!("#room{link}")
}
