//! Two nodes of one bridge over PostgreSQL, each with its own way to it and to the servers.

use std::path::PathBuf;

use letsbridge_testkit::postgres::{PostgresProxy, PostgresServer};

use super::fixture::{Place, Stage, Variant};
use super::local_copy::LocalCopy;
use super::program::Program;
use super::relay::{Server, Transcript};

/// A node.
pub(crate) struct Node {
    pub(crate) name: &'static str,
    pub(crate) program: Program,
    pub(crate) local_copy: LocalCopy,
    /// Its way to PostgreSQL.
    pub(crate) proxy: PostgresProxy,
    pub(crate) state: NodeState,
    /// Nothing passes on that way.
    pub(crate) is_cut_off: bool,
}

/// What has been done to a node and is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeState {
    Runs,
    IsPaused,
    IsDown,
}

/// Both nodes, and what they have in common.
pub(crate) struct Nodes {
    pub(crate) all: [Node; 2],
    pub(crate) transcript: Transcript,
    /// PostgreSQL: it is gone with the program of the tests.
    pub(crate) postgres: &'static PostgresServer,
    /// PostgreSQL is stopped or stands still.
    pub(crate) is_postgres_away: bool,
}

impl Node {
    pub(crate) async fn start(&mut self) {
        self.program.start().await;
        self.state = NodeState::Runs;
    }
}

impl Nodes {
    /// Nodes between these servers that were never started.
    pub(crate) fn new(stage: &Stage) -> Self {
        let postgres: &'static _ = Box::leak(Box::new(PostgresServer::start_durable()));
        let database = postgres.create_database();
        let transcript = Transcript::default();
        let node = |name: &'static str| {
            let proxy = PostgresProxy::start(postgres);
            let irc = transcript.relay(name, Server::Irc, stage.irc.address());
            let letschat = transcript.relay(name, Server::LetsChat, stage.letschat_address());
            let place = Place {
                irc: irc.to_string(),
                letschat: format!("http://{letschat}"),
                store: store_section(proxy.port(), &database, name),
            };
            let program = Program::new(&stage.config_in(&place, Variant::default()));
            let local_copy = LocalCopy::new(program.directory());
            let state = NodeState::IsDown;
            Node { name, program, local_copy, proxy, state, is_cut_off: false }
        };
        let all = [node("a"), node("b")];
        Self { all, transcript, postgres, is_postgres_away: false }
    }

    /// The number of the node that spoke last, and of the other one.
    pub(crate) fn active_and_other(&self) -> (usize, usize) {
        let last = self.transcript.last_on_irc();
        let active = self.all.iter().position(|node| Some(node.name) == last).unwrap_or(0);
        (active, 1 - active)
    }

    /// The programs, the active one at the end.
    pub(crate) fn active_last(&mut self) -> Vec<&mut Program> {
        let active = self.active_and_other().0;
        let [a, b] = &mut self.all;
        if active == 0 {
            vec![&mut b.program, &mut a.program]
        } else {
            vec![&mut a.program, &mut b.program]
        }
    }

    /// Where their configurations are.
    pub(crate) fn directories(&self) -> Vec<PathBuf> {
        self.all.iter().map(|node| node.program.directory().to_owned()).collect()
    }
}

/// `[store]` of a node, with that port of PostgreSQL.
pub(crate) fn store_section(port: u16, database: &str, node: &str) -> String {
    format!(
        "[store]\nurl = \"postgresql://postgres@127.0.0.1:{port}/{database}?sslmode=disable\"\nnode = \"{node}\"\n"
    )
}
