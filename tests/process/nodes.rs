//! Two nodes of one bridge, over a PostgreSQL of the tests' own.

use std::fs;
use std::path::PathBuf;

use letsbridge_testkit::postgres::PostgresServer;

use crate::harness::World;
use crate::program::{Program, Start};

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
        let world = World::new().await;
        world.configure(|toml| {
            toml.replace("letschat.token", "../letschat.token")
                + "\n[format]\nmerge_lines = \"never\"\nanti_ping = false\n"
        });
        let database = server.create_database();
        let nodes = Self { world, server, database };
        for node in ["a", "b"] {
            nodes.write_url(node, &server.url(&nodes.database));
            nodes.configure(node, "");
        }
        nodes
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
        a.err.says("all links up").await;
        let mut b = self.run("b").start();
        b.err.says("this node (b) waits: a is the active one").await;
        (a, b)
    }
}
