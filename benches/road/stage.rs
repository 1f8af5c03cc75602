use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use letsbridge::demo::irc::{IrcServer, Person, Setup as IrcSetup};
use letsbridge::demo::letschat::{self, LetsChat, NewRoom, Setup};
use tempfile::TempDir;
use tokio::net::UnixDatagram;

/// Which way messages go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    FromIrc,
    FromLetsChat,
}

/// The program between two servers, with so many links, everything joined.
pub(crate) struct Stage {
    pub(crate) links: usize,
    pub(crate) letschat: LetsChat,
    pub(crate) ann: Person,
    program: Child,
    _irc: IrcServer,
    _directory: TempDir,
}

impl Stage {
    /// Sets it up, its store below `state`, before an IRC server that trusts us.
    pub(crate) async fn set(links: usize, state: &Path) -> Self {
        Self::paced(links, state, "off").await
    }

    /// The same, which speaks on IRC as fast as `pace` says.
    pub(crate) async fn paced(links: usize, state: &Path, pace: &str) -> Self {
        let people =
            vec![letschat::Person::new("bridge", "IRC"), letschat::Person::new("bob", "Bob")];
        let rooms = (0..links).map(|link| NewRoom::new(&format!("room{link}"))).collect();
        let letschat = LetsChat::start(Setup { people, rooms, ..Setup::default() }).await.unwrap();
        let setup = IrcSetup { channel_limit: links, transcript: 0, ..IrcSetup::default() };
        let irc = IrcServer::start(setup).await.unwrap();
        let ann = irc.person("ann");
        (0..links).for_each(|link| ann.join(&format!("#room{link}")));

        let directory = tempfile::Builder::new().prefix("letsbridge-").tempdir_in(state).unwrap();
        let config = directory.path().join("bridge.toml");
        fs::write(&config, configuration(directory.path(), (links, pace), &irc, &letschat))
            .unwrap();
        let notices = UnixDatagram::bind(directory.path().join("notify")).unwrap();
        let program = Command::new(env!("CARGO_BIN_EXE_letsbridge"))
            .args(["run", "--config"])
            .arg(&config)
            .env("NOTIFY_SOCKET", directory.path().join("notify"))
            .env("RUST_LOG", "error")
            .spawn()
            .unwrap();
        ready(&notices).await;
        Self { links, letschat, ann, program, _irc: irc, _directory: directory }
    }

    /// The program's resident memory, in kilobytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.program.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
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

impl Drop for Stage {
    fn drop(&mut self) {
        // It is gone already where it has failed, which was told.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn configuration(
    state: &Path,
    (links, pace): (usize, &str),
    irc: &IrcServer,
    letschat: &LetsChat,
) -> String {
    let mut text = format!(
        "state_dir = {:?}\nbreak_loops = false\n[irc.net]\nservers = [\"{}\"]\ntls = false\npace = \"{pace}\"\n\
         [looks]\njoin_lines = \"never\"\n[letschat]\nurl = \"{}\"\ntoken = \"{}\"\n",
        state.join("state").display().to_string(),
        irc.address(),
        letschat.url(),
        letschat.token("bridge"),
    );
    for link in 0..links {
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
