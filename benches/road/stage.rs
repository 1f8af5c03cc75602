//! The program between two servers.

use std::fmt::{self, Write as _};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use letsbridge::store::archive::ArchiveReader;
use letsbridge_testkit::irc::{Caps, IrcServer, Setup as IrcSetup, VirtualUser};
use letsbridge_testkit::letschat::{self, LetsChat, MongooseVersion, NewRoom, Setup};
use tempfile::TempDir;

use crate::process::Process;
use crate::{ledger, program};

/// Which way messages go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    FromIrc,
    FromLetsChat,
}

impl Way {
    pub(crate) const BOTH: [Self; 2] = [Self::FromIrc, Self::FromLetsChat];
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FromIrc => "from IRC",
            Self::FromLetsChat => "to IRC",
        })
    }
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
    /// Whether Let's Chat leaves out who has written a new post, as a fresh install does.
    pub(crate) null_owner: bool,
    /// How many messages of the first link were delivered before, by its store.
    pub(crate) ledger: usize,
    /// The URL of the PostgreSQL that holds the store, if it is in one.
    pub(crate) database: Option<&'a str>,
}

impl<'a> Plan<'a> {
    /// So many links before an IRC server that trusts us and keeps nothing; its store below `state`.
    pub(crate) fn new(links: usize, state: &'a Path) -> Self {
        Self {
            links,
            state,
            pace: "off",
            kept: 0,
            accounts: false,
            archive: false,
            null_owner: false,
            ledger: 0,
            database: None,
        }
    }
}

/// The program between two servers, with so many links, everything joined.
pub(crate) struct Stage {
    pub(crate) links: usize,
    pub(crate) letschat: LetsChat,
    pub(crate) ann: VirtualUser,
    program: Process,
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
        let mongoose = if plan.null_owner { MongooseVersion::V4_13 } else { MongooseVersion::V4_6 };
        let setup = Setup { users: people, rooms, mongoose, ..Setup::default() };
        let letschat = LetsChat::start(setup).await.unwrap();
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
        if plan.ledger > 0 {
            ledger::prepare(&directory.path().join("state"), plan.ledger);
        }
        let (program, _) = program::start(directory.path()).await;
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
        self.program.kill();
        meanwhile(self);
        self.program = program::start(self.directory.path()).await.0;
    }

    /// Kills the program, and starts it again when both servers have noticed. How long it takes until all links are
    /// up.
    pub(crate) async fn restart(&mut self) -> Duration {
        self.program.kill();
        self.letschat.wait_for_connections(|count| count == 0).await;
        while self.irc.client_count() > 0 {
            tokio::time::sleep(NOTICE_INTERVAL).await;
        }
        let (program, took) = program::start(self.directory.path()).await;
        self.program = program;
        took
    }

    /// The output of `work`, for which the program must run on.
    pub(crate) async fn while_running<T>(&self, work: impl Future<Output = T>) -> T {
        self.program.while_running(work).await
    }

    /// Waits until the program has archived so many lines.
    pub(crate) async fn archived(&self, count: usize) {
        let archived = async {
            let reader = ArchiveReader::open(&self.state()).unwrap();
            let lines = || reader.rooms().unwrap().iter().map(|room| room.lines).sum::<u64>();
            while lines() < count as u64 {
                tokio::time::sleep(ARCHIVE_INTERVAL).await;
            }
            assert_eq!(lines(), count as u64);
        };
        self.program.while_running(archived).await;
    }

    /// The program.
    pub(crate) fn program(&self) -> &Process {
        &self.program
    }

    /// A counter of the program's metrics, if it has one of this name.
    pub(crate) async fn counter(&self, name: &str) -> Option<f64> {
        program::counter(&self.state(), name).await
    }

    fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }
}

/// How often to look whether a server has noticed that the program is gone.
const NOTICE_INTERVAL: Duration = Duration::from_millis(1);

/// How often to look whether all is archived.
const ARCHIVE_INTERVAL: Duration = Duration::from_millis(100);

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
    if let Some(url) = plan.database {
        write!(text, "[store]\nurl = \"{url}\"\n").unwrap();
    }
    if plan.archive {
        text.push_str("[archive]\nenabled = true\n");
    }
    for link in 0..plan.links {
        write!(text, "[[link]]\nchannel = \"net/#room{link}\"\nroom = \"room{link}\"\n").unwrap();
    }
    text
}
