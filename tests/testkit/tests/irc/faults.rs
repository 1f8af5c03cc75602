//! Servers and connections break, on command.

use std::time::{Duration, Instant};

use letsbridge_testkit::irc::CloseKind;
use tokio::net::TcpStream;

use crate::client::{Client, modern, server, soon};
use crate::fixture::{expect_line, expect_messages, tea_room};

#[tokio::test]
async fn a_message_can_be_lost_with_its_connection() {
    let (server, bob, mut ann) = tea_room().await;
    server.faults().drop_before(2);
    ann.send("PRIVMSG #tea :one").await;
    ann.expect_closed().await;
    expect_line(&bob, "QUIT :Connection reset by peer").await;
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    ann.send("PRIVMSG #tea :two\r\nPRIVMSG #tea :with it").await;
    ann.expect_closed().await;
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    ann.send("PRIVMSG #tea :three").await;
    expect_messages(&bob, &["three"]).await;
    assert_eq!(server.connections_accepted(), 3);
}

#[tokio::test]
async fn a_message_can_be_heard_and_never_answered() {
    let server = modern().await;
    let bob = server.virtual_user("bob");
    bob.join("#tea");
    let mut ann = Client::with_caps(&server, "ann", "echo-message").await;
    ann.join("#tea").await;
    server.faults().drop_after(1);
    ann.send("PRIVMSG #tea :one\r\nPING :two").await;
    ann.expect_closed().await;
    expect_messages(&bob, &["one"]).await;
    soon(server.wait_for_part("#tea", "ann")).await;
}

#[tokio::test]
async fn a_ghost_keeps_its_nick_until_it_is_buried() {
    let (server, bob, mut ann) = tea_room().await;
    server.faults().leave_ghosts(true);
    server.faults().drop_connection("ann");
    ann.expect_closed().await;
    assert_eq!(
        (server.client_count(), server.members("#tea")),
        (0, vec!["@bob".into(), "ann".into()])
    );
    let mut again = Client::connect(&server).await;
    again.send("NICK ann").await;
    again.expect(&["* 433 * ann :*"]).await;
    server.faults().remove_ghost("ann");
    expect_line(&bob, "QUIT :Ping timeout: 240 seconds").await;
    again.register("ann").await;
}

#[tokio::test]
async fn a_stalled_server_goes_on_where_it_stood() {
    let (server, bob, mut ann) = tea_room().await;
    server.faults().stall();
    ann.send("PRIVMSG #tea :one").await;
    let mut late = Client::connect(&server).await;
    late.send("NICK late").await;
    late.send("USER late 0 * :Late").await;
    bob.send("#tea", "two");
    // Bounded waits for what must not come: a stall has no other sign.
    let silent = tokio::time::timeout(Duration::from_millis(100), ann.line()).await;
    assert!(silent.is_err());
    assert!(bob.messages("#tea").is_empty());
    server.faults().resume();
    ann.expect(&["* PRIVMSG #tea :two"]).await;
    expect_messages(&bob, &["one"]).await;
    late.skip_to("* 001 late *").await;
}

#[tokio::test]
async fn answers_can_be_late() {
    let (server, _, mut ann) = tea_room().await;
    let delay = Duration::from_millis(50);
    server.faults().delay(delay);
    let asked = Instant::now();
    ann.send("PING :1").await;
    ann.expect(&["* PONG irc.example :1"]).await;
    assert!(asked.elapsed() >= delay);
    server.faults().delay(Duration::ZERO);
    ann.expect_nothing().await;
}

#[tokio::test]
async fn late_answers_delay_no_message_to_others() {
    let (server, bob, mut ann) = tea_room().await;
    server.faults().delay(Duration::from_secs(3600));
    ann.send("PRIVMSG #tea :one").await;
    expect_messages(&bob, &["one"]).await;
}

#[tokio::test]
async fn a_killed_server_comes_back_on_its_port() {
    let (server, bob, mut ann) = tea_room().await;
    ann.send("PRIVMSG #tea :before").await;
    expect_messages(&bob, &["before"]).await;
    server.faults().kill(CloseKind::Error("Server going down")).await;
    ann.expect(&["ERROR :Closing Link: ann[127.0.0.1] (Server going down)"]).await;
    ann.expect_closed().await;
    assert!(TcpStream::connect(server.address()).await.is_err());
    bob.send("#tea", "nobody hears it");
    server.faults().revive().await.unwrap();
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    server.faults().restart(CloseKind::Silent).await.unwrap();
    ann.expect_closed().await;
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    ann.send("PRIVMSG #tea :after").await;
    expect_messages(&bob, &["before", "after"]).await;
    expect_line(&bob, "QUIT :irc.example other.example").await;
    // Killing the dead and reviving the living change nothing.
    server.faults().revive().await.unwrap();
    ann.expect_nothing().await;
    server.faults().kill(CloseKind::Silent).await;
    server.faults().kill(CloseKind::Silent).await;
    server.faults().revive().await.unwrap();
    drop(Client::registered(&server, "ann").await);
}

#[tokio::test]
async fn the_past_outlives_the_server() {
    let server = modern().await;
    let bob = server.virtual_user("bob");
    bob.join("#tea");
    bob.send("#tea", "before");
    server.faults().kill(CloseKind::Silent).await;
    bob.send("#tea", "meanwhile");
    server.faults().revive().await.unwrap();
    let mut ann = Client::with_caps(&server, "ann", "draft/chathistory").await;
    ann.join("#tea").await;
    ann.send("CHATHISTORY LATEST #tea * 9").await;
    ann.expect(&["* PRIVMSG #tea :before", "* PRIVMSG #tea :meanwhile"]).await;
    ann.expect_nothing().await;
}

#[tokio::test]
async fn chaos_strikes_by_its_seed() {
    async fn fate(seed: u64) -> (u64, usize) {
        let server = server().await;
        let bob = server.virtual_user("bob");
        bob.join("#tea");
        server.faults().chaos(seed, 0.5);
        let mut ann = Client::in_channel(&server, "ann", "#tea").await;
        for n in 0..40 {
            ann.send(&format!("PRIVMSG #tea :{n}\r\nPING :{n}")).await;
            let pong = format!(":irc.example PONG irc.example :{n}");
            if ann.next().await.as_deref() != Some(pong.as_bytes()) {
                ann = Client::in_channel(&server, "ann", "#tea").await;
            }
        }
        server.faults().stop_chaos();
        ann.send("PRIVMSG #tea :end").await;
        let heard =
            soon(bob.wait_for_messages("#tea", |h| h.last().is_some_and(|h| h.text == "end")))
                .await;
        // None is heard twice, and order is kept.
        let numbers: Vec<i32> = heard.iter().filter_map(|heard| heard.text.parse().ok()).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b));
        (server.connections_accepted(), heard.len())
    }
    let (connections, heard) = fate(1).await;
    assert!(connections > 5 && (15..40).contains(&heard), "{connections} {heard}");
    assert_eq!(fate(1).await, (connections, heard));
}
