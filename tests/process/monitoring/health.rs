//! `/healthz` and `/readyz` tell the truth about servers and disks that fail.

use std::net::SocketAddr;
use std::time::Duration;

use letsbridge_testkit::{irc, letschat};
use rusqlite::Connection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Monitored;
use crate::harness::World;

#[tokio::test]
async fn lost_server_makes_the_bridge_not_ready_but_not_unhealthy() {
    let monitored = Monitored::new().await;
    monitored.becomes("/readyz", |status, body| (status, body) == (200, "ok\n")).await;
    assert_eq!(monitored.get("/healthz").await, (200, "ok\n".to_owned()));
    monitored.world.letschat.kill().await.unwrap();
    let reasons = monitored.becomes("/readyz", |status, body| {
        status == 503 && body.contains("letschat is down: ") && body.contains("the link office/")
    });
    let reasons = reasons.await;
    assert!(reasons.contains("the link office/#tea tea is down"), "{reasons}");
    assert_eq!(monitored.get("/healthz").await.0, 200);
    // Who has no token learns the status, and nothing more.
    assert_eq!(monitored.answer("/readyz", None).await, (503, String::new()));
    assert_eq!(monitored.answer("/healthz", None).await, (200, String::new()));
    monitored.world.letschat.revive().await.unwrap();
    monitored.becomes("/readyz", |status, _| status == 200).await;
    assert_eq!(monitored.bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn disk_that_takes_no_writes_is_unhealthy_until_it_does() {
    let monitored = Monitored::new().await;
    monitored.becomes("/healthz", |status, _| status == 200).await;
    let other = Connection::open(monitored.world.state().join("letsbridge.sqlite3")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    // Nobody speaks: the question itself finds out.
    let stalled = "the database cannot be written\n";
    monitored.becomes("/healthz", |status, body| (status, body) == (503, stalled)).await;
    let (status, body) = monitored.get("/readyz").await;
    assert_eq!((status, body.lines().next()), (503, stalled.lines().next()));
    monitored.page_with(&["letsbridge_storage_stalled 1", "letsbridge_ready 0"]).await;
    other.execute_batch("ROLLBACK").unwrap();
    monitored.becomes("/healthz", |status, _| status == 200).await;
    monitored.becomes("/readyz", |status, _| status == 200).await;
    monitored.page_with(&["letsbridge_storage_stalled 0", "letsbridge_ready 1"]).await;
    assert_eq!(monitored.bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn server_that_stands_still_makes_the_bridge_not_ready() {
    let setup =
        letschat::Setup { ping_interval: Duration::from_secs(1), ..letschat::Setup::default() };
    let world = World::with(irc::Setup::default(), setup).await;
    let proxy = FreezableProxy::start(world.letschat.address()).await;
    let (direct, proxied) = (world.letschat.url(), format!("http://{}", proxy.address));
    let monitored = Monitored::in_world(world, |toml| toml.replace(&direct, &proxied)).await;
    monitored.becomes("/readyz", |status, _| status == 200).await;
    let page = monitored.get("/metrics").await.1;
    let answered = "letsbridge_network_last_answer_timestamp_seconds{network=\"letschat\"}";
    let before = page.lines().find(|line| line.starts_with(answered)).unwrap().to_owned();
    let is_newer = |_, page: &str| page.contains(answered) && !page.contains(&before);
    monitored.becomes("/metrics", is_newer).await;
    // The system still acknowledges what is sent, as it does for a process that was stopped.
    proxy.freeze(true);
    let reasons = monitored.becomes("/readyz", |status, _| status == 503).await;
    assert!(reasons.starts_with("letschat "), "{reasons}");
    proxy.freeze(false);
    monitored.becomes("/readyz", |status, _| status == 200).await;
    assert_eq!(monitored.bridge.stop().await.code, Some(0));
}

/// Passes everything on, unless it is frozen.
struct FreezableProxy {
    address: SocketAddr,
    frozen: watch::Sender<bool>,
}

impl FreezableProxy {
    async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (frozen, is_frozen) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(server).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(pass_on(from_client, to_server, is_frozen.clone()));
                tokio::spawn(pass_on(from_server, to_client, is_frozen.clone()));
            }
        });
        Self { address, frozen }
    }

    fn freeze(&self, is_frozen: bool) {
        self.frozen.send_replace(is_frozen);
    }
}

async fn pass_on(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut frozen: watch::Receiver<bool>,
) {
    let mut bytes = [0; 4_096];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        if frozen.wait_for(|frozen| !frozen).await.is_err() {
            return;
        }
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
    // The other side may be gone already.
    let _ = to.shutdown().await;
}
