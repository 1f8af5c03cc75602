//! An IRC server, a Let's Chat, and a folder with a configuration that joins them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use letsbridge_testkit::irc::{self, IrcServer};
use letsbridge_testkit::letschat::{self, LetsChat, NewRoom};
use tempfile::TempDir;

use crate::program::{Program, Start, soon};

/// The bridge's nick and account.
pub(crate) const BRIDGE: &str = "bridge";

/// Two servers, with ann on both, and the folder where the program runs.
pub(crate) struct World {
    pub(crate) irc: IrcServer,
    pub(crate) letschat: LetsChat,
    directory: TempDir,
}

impl World {
    /// One channel, `#tea`, and one room, `tea`.
    pub(crate) async fn new() -> Self {
        Self::with(irc::Setup::default(), letschat::Setup::default()).await
    }

    /// The same with servers of another kind, and more users of Let's Chat.
    pub(crate) async fn with(irc: irc::Setup, letschat: letschat::Setup) -> Self {
        let irc = IrcServer::start(irc).await.unwrap();
        let person = |name: &str| letschat::NewUser::new(name, name);
        let users = [person(BRIDGE), person("ann")].into_iter().chain(letschat.users).collect();
        let letschat = LetsChat::start(letschat::Setup {
            users,
            rooms: vec![NewRoom { owner: Some("ann".to_owned()), ..NewRoom::new("tea") }],
            ..letschat
        });
        let letschat = letschat.await.unwrap();
        let directory = tempfile::Builder::new().prefix("letsbridge-").tempdir().unwrap();
        let world = Self { irc, letschat, directory };
        world.write("letschat.token", &world.letschat.token(BRIDGE));
        world.configure(|toml| toml);
        world
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    /// Writes a file that only its owner can read.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }

    /// Writes `bridge.toml`, changed by `change`.
    pub(crate) fn configure(&self, change: impl FnOnce(String) -> String) {
        let toml = format!(
            r##"state_dir = "state"
shutdown_timeout = "10s"

[irc.office]
servers = ["{irc}"]
tls = false
nick = "{BRIDGE}"
flood_control = "off"

[letschat]
url = "{letschat}"
token_file = "letschat.token"

[[link]]
channel = "office/#tea"
room = "tea"
"##,
            irc = self.irc.address(),
            letschat = self.letschat.url(),
        );
        self.write("bridge.toml", &change(toml));
    }

    /// `letsbridge` with these arguments, in the folder of the configuration.
    pub(crate) fn letsbridge(&self, arguments: &[&str]) -> Start {
        Start::new(self.path(), arguments)
    }

    /// `letsbridge run`.
    pub(crate) fn run(&self) -> Start {
        self.letsbridge(&["run"])
    }

    /// A bridge that has joined everything.
    pub(crate) async fn bridge(&self) -> Program {
        let bridge = self.run().start();
        bridge.ready().await;
        bridge
    }

    /// Starts it with a log of each received message.
    pub(crate) async fn talkative_bridge(&self) -> Program {
        let bridge = self.run().env("RUST_LOG", "letsbridge=debug").start();
        bridge.ready().await;
        bridge
    }

    /// Says `text` on IRC.
    pub(crate) fn say_on_irc(&self, text: &str) {
        let ann = self.irc.virtual_user("ann");
        ann.join("#tea");
        ann.send("#tea", text);
    }

    /// Says `text` in Let's Chat.
    pub(crate) fn say_in_letschat(&self, text: &str) {
        self.letschat.post("tea", "ann", text);
    }

    /// Waits until so many things were said in the room, and gives all of them.
    pub(crate) async fn room(&self, count: usize) -> Vec<String> {
        let posts = self.letschat.wait_for_posts("tea", |posts| posts.len() >= count);
        soon("what is said in the room", posts).await.into_iter().map(|post| post.text).collect()
    }

    /// Waits until ann has heard so many things said in the channel by others, and gives all of them.
    pub(crate) async fn channel(&self, count: usize) -> Vec<String> {
        let ann = self.irc.virtual_user("ann");
        let heard = ann.wait_for_messages("#tea", |heard| heard.len() >= count);
        soon("what is said in the channel", heard).await.into_iter().map(|it| it.text).collect()
    }
}
