//! Metrics and health checks, as Prometheus and uptime checks see them.

mod canary;
mod health;
mod metrics;
mod prometheus;

use std::net::SocketAddr;
use std::time::Duration;

use letsbridge_testkit::{irc, letschat};
use reqwest::Client;

use crate::harness::World;
use crate::program::{Program, soon};

/// The token of `[admin]`.
const TOKEN: &str = "0b1c2d3e4f5061728394a5b6c7d8e9f0";

/// How often something is asked again until it is as wanted.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A bridge whose metrics can be read, and a client that reads them.
struct Monitored {
    world: World,
    bridge: Program,
    address: SocketAddr,
    client: Client,
}

impl Monitored {
    /// A bridge between servers of the usual kind.
    async fn new() -> Self {
        let world = World::with(irc::Setup::default(), letschat::Setup::default()).await;
        Self::in_world(world, |toml| toml).await
    }

    /// With a configuration that `change` changes.
    async fn in_world(world: World, change: impl FnOnce(String) -> String) -> Self {
        world.write("admin.token", TOKEN);
        world.configure(|toml| {
            let admin = "[admin]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"admin.token\"";
            change(format!("{toml}\n{admin}\n"))
        });
        let mut bridge = world.run().start();
        let line = bridge.err.says("the administrator's API listens").await;
        let (_, rest) = line.split_once("address=").unwrap();
        let address = rest.split_whitespace().next().unwrap().parse().unwrap();
        bridge.ready().await;
        Self { world, bridge, address, client: client() }
    }

    /// The status and the body of the answer, asked for with the token.
    async fn get(&self, path: &str) -> (u16, String) {
        self.answer(path, Some(TOKEN)).await
    }

    async fn answer(&self, path: &str, token: Option<&str>) -> (u16, String) {
        let mut request = self.client.get(format!("http://{}{path}", self.address));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = soon(path, request.send()).await.unwrap();
        (response.status().as_u16(), soon(path, response.text()).await.unwrap())
    }

    /// Asks until the answer is as `wanted`, and gives its body.
    async fn becomes(&self, path: &str, wanted: impl Fn(u16, &str) -> bool) -> String {
        let asking = async {
            let mut pause = tokio::time::interval(POLL_INTERVAL);
            loop {
                pause.tick().await;
                let (status, body) = self.get(path).await;
                if wanted(status, &body) {
                    break body;
                }
            }
        };
        soon(&format!("an answer of {path}"), asking).await
    }

    /// Waits until the page has all of these lines.
    async fn page_with(&self, lines: &[&str]) -> String {
        let has_all = |page: &str| lines.iter().all(|line| page.lines().any(|it| it == *line));
        self.becomes("/metrics", |_, page| has_all(page)).await
    }
}

fn client() -> Client {
    // Another test may have done it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().unwrap()
}
