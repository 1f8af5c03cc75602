//! Servers and connections break, on command.

use std::time::{Duration, Instant};

use letsbridge_testkit::irc::CloseKind;
use tokio::net::TcpStream;

use crate::client::{Client, modern, server, soon};
use crate::fixture::{hears, sees, tea};

#[tokio::test]
async fn a_message_can_be_lost_with_its_connection() {
    let (server, bob, mut ann) = tea().await;
    server.mischief().drop_before(2);
    ann.says("PRIVMSG #tea :one").await;
    ann.is_cut().await;
    sees(&bob, "QUIT :Connection reset by peer").await;
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    ann.says("PRIVMSG #tea :two\r\nPRIVMSG #tea :with it").await;
    ann.is_cut().await;
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    ann.says("PRIVMSG #tea :three").await;
    hears(&bob, &["three"]).await;
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn a_message_can_be_heard_and_never_answered() {
    let server = modern().await;
    let bob = server.person("bob");
    bob.join("#tea");
    let mut ann = Client::with_caps(&server, "ann", "echo-message").await;
    ann.joins("#tea").await;
    server.mischief().drop_after(1);
    ann.says("PRIVMSG #tea :one\r\nPING :two").await;
    ann.is_cut().await;
    hears(&bob, &["one"]).await;
    soon(server.left("#tea", "ann")).await;
}

#[tokio::test]
async fn a_ghost_keeps_its_nick_until_it_is_buried() {
    let (server, bob, mut ann) = tea().await;
    server.mischief().leave_ghosts(true);
    server.mischief().cut("ann");
    ann.is_cut().await;
    assert_eq!(
        (server.connected(), server.members("#tea")),
        (0, vec!["@bob".into(), "ann".into()])
    );
    let mut again = Client::connect(&server).await;
    again.says("NICK ann").await;
    again.hears(&["* 433 * ann :*"]).await;
    server.mischief().bury("ann");
    sees(&bob, "QUIT :Ping timeout: 240 seconds").await;
    again.register("ann").await;
}

#[tokio::test]
async fn a_stalled_server_goes_on_where_it_stood() {
    let (server, bob, mut ann) = tea().await;
    server.mischief().stall();
    ann.says("PRIVMSG #tea :one").await;
    let mut late = Client::connect(&server).await;
    late.says("NICK late").await;
    late.says("USER late 0 * :Late").await;
    bob.say("#tea", "two");
    // Bounded waits for what must not come: a stall has no other sign.
    let silent = tokio::time::timeout(Duration::from_millis(100), ann.line()).await;
    assert!(silent.is_err());
    assert!(bob.heard("#tea").is_empty());
    server.mischief().unstall();
    ann.hears(&["* PRIVMSG #tea :two"]).await;
    hears(&bob, &["one"]).await;
    late.skips_to("* 001 late *").await;
}

#[tokio::test]
async fn answers_can_be_late() {
    let (server, bob, mut ann) = tea().await;
    let delay = Duration::from_millis(600);
    server.mischief().delay(delay);
    let asked = Instant::now();
    ann.says("PRIVMSG #tea :one\r\nPING :1\r\nPING :2").await;
    hears(&bob, &["one"]).await;
    assert!(asked.elapsed() < delay);
    ann.hears(&["* PONG irc.example :1"]).await;
    assert!(asked.elapsed() >= delay);
    ann.hears(&["* PONG irc.example :2"]).await;
    // Late, not slow: both were on their way together.
    assert!(asked.elapsed() < 2 * delay);
    server.mischief().delay(Duration::ZERO);
    ann.hears_nothing().await;
}

#[tokio::test]
async fn a_killed_server_comes_back_on_its_port() {
    let (server, bob, mut ann) = tea().await;
    ann.says("PRIVMSG #tea :before").await;
    hears(&bob, &["before"]).await;
    server.mischief().kill(CloseKind::Error("Server going down")).await;
    ann.hears(&["ERROR :Closing Link: ann[127.0.0.1] (Server going down)"]).await;
    ann.is_cut().await;
    assert!(TcpStream::connect(server.address()).await.is_err());
    bob.say("#tea", "nobody hears it");
    server.mischief().revive().await.unwrap();
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    server.mischief().restart(CloseKind::Silent).await.unwrap();
    ann.is_cut().await;
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    ann.says("PRIVMSG #tea :after").await;
    hears(&bob, &["before", "after"]).await;
    sees(&bob, "QUIT :irc.example other.example").await;
    // Killing the dead and reviving the living change nothing.
    server.mischief().revive().await.unwrap();
    ann.hears_nothing().await;
    server.mischief().kill(CloseKind::Silent).await;
    server.mischief().kill(CloseKind::Silent).await;
    server.mischief().revive().await.unwrap();
    drop(Client::registered(&server, "ann").await);
}

#[tokio::test]
async fn the_past_outlives_the_server() {
    let server = modern().await;
    let bob = server.person("bob");
    bob.join("#tea");
    bob.say("#tea", "before");
    server.mischief().kill(CloseKind::Silent).await;
    bob.say("#tea", "meanwhile");
    server.mischief().revive().await.unwrap();
    let mut ann = Client::with_caps(&server, "ann", "draft/chathistory").await;
    ann.joins("#tea").await;
    ann.says("CHATHISTORY LATEST #tea * 9").await;
    ann.hears(&["* PRIVMSG #tea :before", "* PRIVMSG #tea :meanwhile"]).await;
    ann.hears_nothing().await;
}

#[tokio::test]
async fn chaos_strikes_by_its_seed() {
    async fn fate(seed: u64) -> (u64, usize) {
        let server = server().await;
        let bob = server.person("bob");
        bob.join("#tea");
        server.mischief().chaos(seed, 0.5);
        let mut ann = Client::in_channel(&server, "ann", "#tea").await;
        for n in 0..40 {
            ann.says(&format!("PRIVMSG #tea :{n}\r\nPING :{n}")).await;
            let pong = format!(":irc.example PONG irc.example :{n}");
            if ann.next().await.as_deref() != Some(pong.as_bytes()) {
                ann = Client::in_channel(&server, "ann", "#tea").await;
            }
        }
        server.mischief().no_chaos();
        ann.says("PRIVMSG #tea :end").await;
        let heard = soon(bob.hears("#tea", |h| h.last().is_some_and(|h| h.text == "end"))).await;
        // None is heard twice, and order is kept.
        let numbers: Vec<i32> = heard.iter().filter_map(|heard| heard.text.parse().ok()).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b));
        (server.connections(), heard.len())
    }
    let (connections, heard) = fate(1).await;
    assert!(connections > 5 && (15..40).contains(&heard), "{connections} {heard}");
    assert_eq!(fate(1).await, (connections, heard));
}
