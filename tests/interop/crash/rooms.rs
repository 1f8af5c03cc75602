//! Let's Chat: the demo's, or a real one.

use std::collections::HashMap;
use std::time::Duration;

use letsbridge_testkit::letschat::{LetsChat, NewRoom, NewUser, Setup};
use serde_json::json;
use tokio::process::Command;
use tokio::time::sleep;

use super::check::Arrival;
use super::environment;
use super::people::ALICE;
use crate::support::letschat_client::Member;

const BRIDGE: &str = "bridge";

/// The rooms, and alice in them.
pub(super) struct Rooms {
    server: Server,
    falls: usize,
}

enum Server {
    Demo(LetsChat),
    Real(Box<Real>),
}

struct Real {
    url: String,
    alice: Member,
    /// By slug.
    ids: HashMap<String, String>,
}

impl Rooms {
    pub(super) async fn demo() -> Self {
        let people = [BRIDGE, ALICE].map(|it| NewUser::new(it, it)).to_vec();
        let server = LetsChat::start(Setup { users: people, ..Setup::default() }).await.unwrap();
        Self { server: Server::Demo(server), falls: 0 }
    }

    /// The one that the environment names, if it names one.
    pub(super) async fn of_environment() -> Self {
        let Some(url) = environment("LETSCHAT_URL") else { return Self::demo().await };
        let alice = Member::connect(&url, &token("LETSCHAT_TOKEN_ALICE")).await;
        let real = Real { url, alice, ids: HashMap::new() };
        Self { server: Server::Real(Box::new(real)), falls: 0 }
    }

    /// Its URL, and the token of the bridge's account.
    pub(super) fn address(&self) -> (String, String) {
        match &self.server {
            Server::Demo(server) => (server.url(), server.token(BRIDGE)),
            Server::Real(real) => (real.url.clone(), token("LETSCHAT_TOKEN")),
        }
    }

    /// How often it has fallen.
    pub(super) fn falls(&self) -> usize {
        self.falls
    }

    pub(super) async fn create(&mut self, room: &str) {
        match &mut self.server {
            Server::Demo(server) => drop(server.create_room(NewRoom::new(room))),
            Server::Real(real) => {
                let id = real.alice.create_room(room).await;
                real.ids.insert(room.to_owned(), id);
            }
        }
    }

    /// Alice says `text`, and waits until the server has it.
    pub(super) async fn post(&mut self, room: &str, text: &str) {
        match &mut self.server {
            Server::Demo(server) => drop(server.post(room, ALICE, text)),
            Server::Real(real) => {
                let post = json!({"room": real.ids[room], "text": text});
                let posted = real.alice.call("messages:create", post).await;
                assert!(posted["id"].is_string(), "{posted}");
            }
        }
    }

    /// The server's process ends, and is started again.
    pub(super) async fn fall(&mut self) {
        self.falls += 1;
        match &mut self.server {
            Server::Demo(server) => server.restart().await.unwrap(),
            Server::Real(real) => {
                let restart = Command::new("sh").args(["-c", &token("LETSCHAT_RESTART")]).status();
                assert!(restart.await.unwrap().success(), "LETSCHAT_RESTART works");
                real.alice = Member::connect(&real.url, &token("LETSCHAT_TOKEN_ALICE")).await;
            }
        }
    }

    /// What others than alice have said in `room`, once `last` is said there.
    pub(super) async fn posts_until(&mut self, room: &str, last: &str) -> Vec<String> {
        loop {
            let posts = self.posts(room).await;
            if posts
                .last()
                .and_then(|post| post.lines().last())
                .is_some_and(|line| Arrival::in_letschat(line, &["ann"]).text == last)
            {
                return posts;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn posts(&mut self, room: &str) -> Vec<String> {
        let posts: Vec<(String, String)> = match &mut self.server {
            Server::Demo(server) => {
                server.posts(room).into_iter().map(|post| (post.owner, post.text)).collect()
            }
            Server::Real(real) => real.alice.posts(&real.ids[room]).await,
        };
        posts.into_iter().filter(|(owner, _)| owner != ALICE).map(|(_, text)| text).collect()
    }
}

fn token(name: &str) -> String {
    environment(name).unwrap_or_else(|| panic!("{name} is not set; see tests/interop/letschat.rs"))
}
