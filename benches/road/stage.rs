use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::Mutex;
use std::time::Duration;

use letsbridge::store::archive::ArchiveReader;
use letsbridge_testkit::irc::{Caps, IrcServer, Setup as IrcSetup, VirtualUser};
use letsbridge_testkit::letschat::{self, LetsChat, NewRoom, Setup};
use tempfile::TempDir;
use tokio::net::UnixDatagram;

/// Which way messages go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    FromIrc,
    FromLetsChat,
}

/// How the program and its IRC server are set up.
#[derive(Clone, Copy)]
pub(crate) struct Plan<'a> {
    pub(crate) links: usize,
    /// Below which directory its store is.
    pub(crate) state: &'a Path,
    /// How fast it speaks on IRC, as in its configuration.
    pub(crate) pace: &'a str,
    /// How much of each channel the IRC server keeps, and tells whoever asks; 0 for a server that
    /// keeps nothing and confirms nothing.
    pub(crate) kept: usize,
    /// Whether people of IRC speak by accounts of their own.
    pub(crate) accounts: bool,
    /// Whether it archives what is said.
    pub(crate) archive: bool,
}

impl<'a> Plan<'a> {
    /// So many links before an IRC server that trusts us and keeps nothing; its store below `state`.
    pub(crate) fn new(links: usize, state: &'a Path) -> Self {
        Self { links, state, pace: "off", kept: 0, accounts: false, archive: false }
    }
}

/// The program between two servers, with so many links, everything joined.
pub(crate) struct Stage {
    pub(crate) links: usize,
    pub(crate) letschat: LetsChat,
    pub(crate) ann: VirtualUser,
    program: Program,
    irc: IrcServer,
    directory: TempDir,
}

impl Stage {
    /// Sets it up, its store below `state`, before an IRC server that trusts us.
    pub(crate) async fn set(links: usize, state: &Path) -> Self {
        Self::planned(Plan::new(links, state)).await
    }

    pub(crate) async fn planned(plan: Plan<'_>) -> Self {
        let links = plan.links;
        let people =
            vec![letschat::NewUser::new("bridge", "IRC"), letschat::NewUser::new("bob", "Bob")];
        let rooms = (0..links).map(|link| NewRoom::new(&format!("room{link}"))).collect();
        let letschat =
            LetsChat::start(Setup { users: people, rooms, ..Setup::default() }).await.unwrap();
        let setup = IrcSetup {
            channel_limit: links,
            transcript: 0,
            caps: if plan.kept > 0 { Caps::all() } else { Caps::none() },
            history: plan.kept,
            chathistory_limit: 1_000,
            ..IrcSetup::default()
        };
        let irc = IrcServer::start(setup).await.unwrap();
        let ann = irc.virtual_user("ann");
        (0..links).for_each(|link| ann.join(&format!("#room{link}")));

        let directory =
            tempfile::Builder::new().prefix("letsbridge-").tempdir_in(plan.state).unwrap();
        let config = configuration(directory.path(), plan, &irc, &letschat);
        fs::write(directory.path().join("bridge.toml"), config).unwrap();
        let program = Program::start(directory.path()).await;
        Self { links, letschat, ann, program, irc, directory }
    }

    /// Somebody comes to IRC, and into the first channel.
    pub(crate) fn arrives_on_irc(&self, nick: &str) -> VirtualUser {
        let person = self.irc.virtual_user(nick);
        person.join("#room0");
        person
    }

    /// Has the program be away while `meanwhile` happens.
    pub(crate) async fn away(&mut self, meanwhile: impl FnOnce(&Self)) {
        self.program.stop();
        meanwhile(self);
        self.program = Program::start(self.directory.path()).await;
    }

    /// The output of `work`, for which the program must run on.
    pub(crate) async fn while_running<T>(&self, work: impl Future<Output = T>) -> T {
        self.program.while_running(work).await
    }

    /// The program's resident memory, in kilobytes.
    pub(crate) fn memory(&self) -> u64 {
        self.program.kilobytes("VmRSS:")
    }

    /// Waits until the program has archived so many lines.
    pub(crate) async fn archived(&self, count: usize) {
        let archived = async {
            let reader = ArchiveReader::open(&self.directory.path().join("state")).unwrap();
            let lines = || reader.rooms().unwrap().iter().map(|room| room.lines).sum::<u64>();
            while lines() < count as u64 {
                tokio::time::sleep(ARCHIVE_INTERVAL).await;
            }
            assert_eq!(lines(), count as u64);
        };
        self.program.while_running(archived).await;
    }

    /// The most that it ever was.
    pub(crate) fn peak(&self) -> u64 {
        self.program.kilobytes("VmHWM:")
    }

    /// The processor time that the program has used.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.program.id())).unwrap();
        // Behind the name in parentheses; user and system time are the 14th and 15th field of all,
        // in hundredths of a second on every Linux.
        let fields = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
        let hundredths: u64 = fields.map(|field| field.parse::<u64>().unwrap()).sum();
        Duration::from_millis(hundredths * 10)
    }
}

/// Prints which program is measured, and of which commit.
///
/// # Panics
/// When it was built beside another benchmark: a copied benchmark would measure the program of the tree
/// that it was copied from.
pub(crate) fn print_program() {
    let program = Path::new(PROGRAM).canonicalize().expect("the program is built");
    let benchmark = std::env::current_exe().unwrap().canonicalize().unwrap();
    // The benchmark is in `deps` of the directory that holds the program.
    assert_eq!(
        program.parent(),
        benchmark.parent().and_then(Path::parent),
        "the benchmark {} would measure the program of another tree",
        benchmark.display()
    );
    let version = Command::new(&program).arg("--version").output().unwrap();
    let version = String::from_utf8_lossy(&version.stdout);
    let version: Vec<&str> = version.lines().take(2).collect();
    println!("Measured is {}: {}.", program.display(), version.join(", "));
}

/// The program that is measured.
const PROGRAM: &str = env!("CARGO_BIN_EXE_letsbridge");

/// How often to look whether the program still runs.
const EXIT_INTERVAL: Duration = Duration::from_millis(200);

/// How often to look whether all is archived.
const ARCHIVE_INTERVAL: Duration = Duration::from_millis(100);

/// How long the program may take to be ready.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// The program itself, as long as it runs.
struct Program(Mutex<Child>);

impl Program {
    /// Starts it with the configuration in `directory`, and waits until it is ready.
    async fn start(directory: &Path) -> Self {
        let socket = directory.join("notify");
        // That of an earlier start, if there was one.
        let _ = fs::remove_file(&socket);
        let notices = UnixDatagram::bind(&socket).unwrap();
        let program = Command::new(PROGRAM)
            .args(["run", "--config"])
            .arg(directory.join("bridge.toml"))
            .env("NOTIFY_SOCKET", socket)
            .env("RUST_LOG", "error")
            .spawn()
            .unwrap();
        let program = Self(Mutex::new(program));
        let ready = tokio::time::timeout(READY_TIMEOUT, ready(&notices));
        program.while_running(ready).await.expect("the program is ready in time");
        program
    }

    /// The output of `work`, for which the program must run on.
    ///
    /// # Panics
    /// When the program exits before; what it has written to stderr is above that.
    async fn while_running<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            done = work => done,
            status = self.exited() => panic!("the program exited: {status}"),
        }
    }

    async fn exited(&self) -> ExitStatus {
        loop {
            tokio::time::sleep(EXIT_INTERVAL).await;
            if let Some(status) = self.0.lock().unwrap().try_wait().unwrap() {
                return status;
            }
        }
    }

    fn id(&self) -> u32 {
        self.0.lock().unwrap().id()
    }

    fn stop(&mut self) {
        let child = self.0.get_mut().unwrap();
        // It is gone already where it has failed, which was told.
        let _ = child.kill();
        let _ = child.wait();
    }

    /// What the system says of its memory.
    fn kilobytes(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.stop();
    }
}

fn configuration(state: &Path, plan: Plan<'_>, irc: &IrcServer, letschat: &LetsChat) -> String {
    let mut text = format!(
        "state_dir = {:?}\nloop_protection = false\ncatch_up = \"all\"\ncatch_up_limit = \"none\"\n\
         [irc.net]\nservers = [\"{}\"]\ntls = false\nflood_control = \"{}\"\n\
         [format]\nmerge_lines = \"never\"\n[letschat]\nurl = \"{}\"\ntoken = \"{}\"\n",
        state.join("state").display().to_string(),
        irc.address(),
        plan.pace,
        letschat.url(),
        letschat.token("bridge"),
    );
    if plan.accounts {
        text.push_str(
            "sender_mode = \"accounts\"\nannounce = false\n\
             [letschat.accounts]\nlogin_interval = \"0s\"\n",
        );
    }
    if plan.archive {
        text.push_str("[archive]\nenabled = true\n");
    }
    for link in 0..plan.links {
        write!(text, "[[link]]\nchannel = \"net/#room{link}\"\nroom = \"room{link}\"\n").unwrap();
    }
    text
}

async fn ready(notices: &UnixDatagram) {
    let mut notice = [0; 1_024];
    loop {
        let length = notices.recv(&mut notice).await.unwrap();
        if notice[..length].split(|byte| *byte == b'\n').any(|line| line == b"READY=1") {
            return;
        }
    }
}
