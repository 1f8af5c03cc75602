//! Two nodes of one bridge, over a PostgreSQL of the tests' own.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use letsbridge_testkit::irc;
use letsbridge_testkit::letschat::{self, Post};
use letsbridge_testkit::postgres::PostgresServer;
use tokio::time::sleep;

use crate::harness::{BRIDGE, World};
use crate::program::{Program, Start, soon};

/// How often the IRC server asks for a sign of life.
const ASK_INTERVAL: Duration = Duration::from_millis(50);

/// The servers, the database, and a directory for each node.
pub(crate) struct Nodes {
    pub(crate) world: World,
    pub(crate) server: &'static PostgresServer,
    /// The database that the nodes share.
    pub(crate) database: String,
}

impl Nodes {
    /// The nodes `a` and `b`, which are not started.
    pub(crate) async fn new() -> Self {
        Self::over(PostgresServer::shared()).await
    }

    /// Nodes over a server that the test may stop. It is gone with the program of the tests.
    pub(crate) async fn with_own_server() -> Self {
        Self::over(Box::leak(Box::new(PostgresServer::start()))).await
    }

    /// Nodes over this server.
    pub(crate) async fn over(server: &'static PostgresServer) -> Self {
        Self::with(irc::Setup::default(), server).await
    }

    /// Nodes over this server, and with that server of IRC.
    pub(crate) async fn with(irc: irc::Setup, server: &'static PostgresServer) -> Self {
        let world = World::with(irc, letschat::Setup::default()).await;
        world.configure(common);
        let database = server.create_database();
        let nodes = Self { world, server, database };
        for node in ["a", "b"] {
            nodes.add(node);
        }
        nodes
    }

    /// A node more, which is not started.
    pub(crate) fn add(&self, node: &str) {
        self.write_url(node, &self.server.url(&self.database));
        self.configure(node, "");
    }

    /// The directory of a node.
    pub(crate) fn directory(&self, node: &str) -> PathBuf {
        self.world.path().join(node)
    }

    /// Names the database of a node.
    pub(crate) fn write_url(&self, node: &str, url: &str) {
        self.world.write(&format!("{node}/store.url"), url);
    }

    /// Writes the configuration of a node, with more at its end.
    pub(crate) fn configure(&self, node: &str, more: &str) {
        let store = format!("[store]\nurl_file = \"store.url\"\nnode = \"{node}\"\n");
        self.write_configuration(node, &format!("{store}{more}"));
    }

    /// Writes the configuration of a bridge that runs alone.
    pub(crate) fn run_alone(&self, node: &str) {
        self.write_configuration(node, "");
    }

    fn write_configuration(&self, node: &str, more: &str) {
        let common = fs::read_to_string(self.world.path().join("bridge.toml")).unwrap();
        self.world.write(&format!("{node}/bridge.toml"), &format!("{common}\n{more}"));
    }

    /// `letsbridge` with these arguments, on a node.
    pub(crate) fn command(&self, node: &str, arguments: &[&str]) -> Start {
        Start::new(&self.directory(node), arguments)
    }

    /// `letsbridge run` on a node.
    pub(crate) fn run(&self, node: &str) -> Start {
        self.command(node, &["run"])
    }

    /// Both nodes: `a` has joined everything, `b` waits.
    pub(crate) async fn both(&self) -> (Program, Program) {
        let mut a = self.run("a").start();
        is_up(&mut a).await;
        let mut b = self.run("b").start();
        b.err.says("this node (b) waits: a is the active one").await;
        (a, b)
    }
}

/// What the configurations of all nodes have in common.
pub(crate) fn common(toml: String) -> String {
    toml.replace("letschat.token", "../letschat.token")
        + "\n[format]\nmerge_lines = \"never\"\nanti_ping = false\n"
}

/// What nodes have said in the room.
pub(crate) fn texts(posts: &[Post]) -> Vec<&str> {
    let mirrored = posts.iter().filter(|post| post.owner == "bridge");
    mirrored.map(|post| post.text.as_str()).collect()
}

/// Waits until ann's words have arrived in the room, and gives all that was said there.
pub(crate) async fn in_room(nodes: &Nodes, text: &str) -> Vec<Post> {
    let last = format!("<ann> {text}");
    let has = nodes
        .world
        .letschat
        .wait_for_posts("tea", move |posts| posts.iter().any(|post| post.text == last));
    soon(text, has).await
}

/// Waits until ann's words have arrived in the channel, once.
pub(crate) async fn in_channel(nodes: &Nodes, text: &str) {
    let line = format!("<ann> {text}");
    let ann = nodes.world.irc.virtual_user("ann");
    let heard = ann.wait_for_messages("#tea", |heard| heard.iter().any(|it| it.text == line));
    let heard = soon(text, heard).await;
    assert_eq!(heard.iter().filter(|it| it.text == line).count(), 1, "{heard:?}");
}

/// Says something on both sides, and waits until it has arrived on the other: once.
pub(crate) async fn assert_mirrors(nodes: &Nodes, text: &str) {
    nodes.world.say_on_irc(text);
    let posts = in_room(nodes, text).await;
    let all = texts(&posts);
    assert_eq!(all.iter().filter(|it| it.ends_with(text)).count(), 1, "{all:?}");
    nodes.world.say_in_letschat(text);
    in_channel(nodes, text).await;
}

/// Waits until a node has joined everything.
pub(crate) async fn is_up(node: &mut Program) {
    node.err.says("all links up").await;
}

/// The IRC server asks for signs of life until a node says that it may give none.
pub(crate) async fn lease_runs_out(nodes: &Nodes, node: &mut Program) {
    let asking = async {
        loop {
            nodes.world.irc.faults().send(BRIDGE, b"PING :are you there?\r\n");
            sleep(ASK_INTERVAL).await;
        }
    };
    tokio::select! {
        () = asking => {}
        _ = node.err.says("the lease in PostgreSQL has run out") => {}
    }
}
