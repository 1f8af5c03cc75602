//! What servers and services do to a client that does nothing wrong, on command.

use letsbridge_testkit::irc::{MessageRefusal, Playback};

use crate::client::{Client, modern, server, soon};
use crate::fixture::{expect_line, expect_messages, tea_room};

#[tokio::test]
async fn services_kick_ban_and_rename() {
    let (server, bob, mut ann) = tea_room().await;
    let faults = server.faults();
    faults.mode("#tea", "+ob-t", "ann *!*@spam.example");
    ann.expect(&[":ChanServ!services@services.example MODE #tea +ob-t ann *!*@spam.example"]).await;
    faults.mode("#tea", "+m", "");
    ann.expect(&["* MODE #tea +m"]).await;
    faults.mode("#tea", "+m", "");
    faults.kick("#tea", "ann", "enough");
    ann.expect(&[":ChanServ!services@services.example KICK #tea ann :enough"]).await;
    expect_line(&bob, "KICK #tea ann :enough").await;
    faults.rename("ann", "Guest1");
    ann.expect(&[":ann!~ann@127.0.0.1 NICK :Guest1"]).await;
    faults.mode("#tea", "+b", "*!*@127.0.0.1");
    ann.send("JOIN #tea").await;
    ann.expect(&["* 474 Guest1 #tea :Cannot join channel (+b)"]).await;
}

#[tokio::test]
async fn somebody_is_thrown_out_and_kept_out() {
    let (server, bob, mut ann) = tea_room().await;
    server.faults().disconnect("ann", "K-Lined");
    ann.expect(&["ERROR :Closing Link: ann[127.0.0.1] (K-Lined)"]).await;
    ann.expect_closed().await;
    expect_line(&bob, "QUIT :K-Lined").await;
    server.faults().kline("*!*@127.*", "spam");
    let mut ann = Client::connect(&server).await;
    ann.send("NICK ann").await;
    ann.send("USER ann 0 * :Ann").await;
    ann.expect(&[
        ":irc.example 465 ann :You are banned from this server- spam",
        "ERROR :Closing Link: ann[127.0.0.1] (K-Lined)",
    ])
    .await;
    ann.expect_closed().await;
    server.faults().clear_klines();
    drop(Client::registered(&server, "ann").await);
}

#[tokio::test]
async fn a_host_can_change_and_nobody_knows() {
    let (server, bob, mut ann) = tea_room().await;
    server.faults().change_host("ann", "a.cloak.example");
    ann.expect(&[":irc.example 396 ann a.cloak.example :is now your displayed host"]).await;
    let long = "l".repeat(100);
    server.faults().change_host_silently("ann", &long);
    ann.send(&format!("PRIVMSG #tea :{}", "x".repeat(480))).await;
    let heard = soon(bob.wait_for_messages("#tea", |heard| heard.len() == 1)).await;
    assert_eq!(heard[0].text.len(), 510 - format!(":ann!~ann@{long} PRIVMSG #tea :").len());
    ann.expect_nothing().await;
}

#[tokio::test]
async fn a_netsplit_takes_many_and_gives_them_back() {
    let server = modern().await;
    let people: Vec<_> = ["bob", "eve", "zed"].map(|nick| server.virtual_user(nick)).into();
    people.iter().for_each(|person| person.join("#tea"));
    let mut plain = Client::in_channel(&server, "plain", "#tea").await;
    let mut ann = Client::with_caps(&server, "ann", "batch").await;
    ann.join("#tea").await;
    plain.expect(&["* JOIN #tea"]).await;

    let split = server.faults().netsplit(&["bob", "eve", "plain"]);
    plain
        .expect(&[
            ":bob!~bob@people.example QUIT :a.example b.example",
            ":eve!~eve@people.example QUIT :a.example b.example",
        ])
        .await;
    ann.expect(&[
        ":irc.example BATCH +b? netsplit a.example b.example",
        "@batch=b? :bob!~bob@people.example QUIT :a.example b.example",
        "@batch=b? :eve!~eve@people.example QUIT :a.example b.example",
        ":irc.example BATCH -b?",
    ])
    .await;
    assert_eq!(server.members("#tea"), ["zed", "plain", "ann"]);
    people[0].send("#tea", "into the void");
    ann.send("NICK eve").await;
    soon(server.wait_for_join("#tea", "eve")).await;
    split.rejoin();
    for client in [&mut plain, &mut ann] {
        client
            .expect(&[
                ":ann!* NICK :eve",
                ":bob!~bob@people.example JOIN #tea",
                ":irc.example MODE #tea +o bob",
                ":eve_!~eve@people.example JOIN #tea",
            ])
            .await;
    }
    people[0].send("#tea", "back");
    plain.expect(&["* PRIVMSG #tea :back"]).await;
}

#[tokio::test]
async fn joins_can_be_forwarded_and_refused() {
    let (server, _, mut ann) = tea_room().await;
    let faults = server.faults();
    faults.forward_joins("#milk", Some("##overflow"));
    ann.send("JOIN #milk").await;
    ann.expect(&[
        ":irc.example 470 ann #milk ##overflow :Forwarding to another channel",
        ":ann!~ann@127.0.0.1 JOIN ##overflow",
        "* 353 *",
        "* 366 *",
    ])
    .await;
    faults.forward_joins("#milk", None);
    faults.refuse_joins("#Milk", 477, 1);
    ann.send("JOIN #milk").await;
    ann.expect(&[":irc.example 477 ann #milk :Cannot join channel (+r) *"]).await;
    faults.refuse_joins("#milk", 471, 2);
    for _ in 0..2 {
        ann.send("JOIN #milk").await;
        ann.expect(&[":irc.example 471 ann #milk :Cannot join channel (+l)"]).await;
    }
    ann.join("#milk").await;
}

#[tokio::test]
async fn nicks_can_be_refused_at_once_and_late() {
    let server = server().await;
    server.faults().refuse_nicks(433, 1);
    server.faults().refuse_nicks_late(433, 1);
    let mut ann = Client::connect(&server).await;
    ann.send("NICK ann").await;
    ann.expect(&[":irc.example 433 * ann :Nickname is already in use"]).await;
    ann.send("NICK ann_").await;
    ann.send("USER ann 0 * :Ann").await;
    ann.expect(&[":irc.example 433 * ann_ :Nickname is already in use"]).await;
    ann.send("NICK ann").await;
    ann.expect(&[":irc.example 001 ann :*"]).await;
    ann.skip_to("* 396 *").await;
    server.faults().refuse_nicks(437, 1);
    ann.send("NICK bob").await;
    ann.expect(&[":irc.example 437 ann bob :Nick/channel is temporarily unavailable"]).await;
}

#[tokio::test]
async fn talk_can_be_refused() {
    let server = modern().await;
    let bob = server.virtual_user("bob");
    bob.join("#tea");
    let mut ann = Client::with_caps(&server, "ann", "standard-replies").await;
    ann.join("#tea").await;
    let mut old = Client::in_channel(&server, "old", "#tea").await;
    ann.expect(&["* JOIN #tea"]).await;
    let faults = server.faults();
    faults.refuse_messages("#tea", MessageRefusal::Numeric(477), 1);
    ann.send("PRIVMSG #tea :a").await;
    ann.expect(&[":irc.example 477 ann #tea :Cannot send to nick/channel"]).await;
    faults.refuse_messages("#tea", MessageRefusal::Fail("BLOCKED".to_owned()), 2);
    ann.send("PRIVMSG #tea :b").await;
    ann.expect(&[":irc.example FAIL PRIVMSG BLOCKED #tea :Cannot send to channel"]).await;
    old.send("PRIVMSG #tea :c").await;
    old.expect(&[":irc.example 404 old #tea :*"]).await;
    faults.refuse_messages("#tea", MessageRefusal::Silence, 1);
    ann.send("PRIVMSG #tea :d").await;
    ann.expect_nothing().await;
    ann.send("PRIVMSG #tea :e").await;
    expect_messages(&bob, &["e"]).await;
}

#[tokio::test]
async fn a_ping_can_go_unanswered() {
    let (server, _, mut ann) = tea_room().await;
    server.faults().ignore_pings(true);
    ann.send("PING :lost\r\nTIME").await;
    ann.expect(&["* 391 *"]).await;
    server.faults().ignore_pings(false);
    ann.expect_nothing().await;
}

#[tokio::test]
async fn rubbish_is_sent_as_it_is() {
    let (server, _, mut ann) = tea_room().await;
    let faults = server.faults();
    faults.send("ann", b":eve!e@h PRIVMSG #tea :caf\xe9\r\n");
    assert_eq!(ann.bytes().await, b":eve!e@h PRIVMSG #tea :caf\xe9");
    faults.send_long_line("ann", "#tea");
    assert!(ann.bytes().await.len() > 20_000);
    faults.send_malformed_lines("ann");
    assert_eq!(ann.bytes().await, b"");
    let mut lines = 1;
    ann.send("PING :end").await;
    while ann.bytes().await != b":irc.example PONG irc.example :end" {
        lines += 1;
    }
    assert_eq!(lines, 8);
}

#[tokio::test]
async fn the_past_is_played_back_unasked() {
    let server = modern().await;
    let bob = server.virtual_user("bob");
    bob.join("#tea");
    bob.send("#tea", "one\ntwo\nthree");
    let mut ann = Client::with_caps(&server, "ann", "batch server-time").await;
    server.faults().play_back(Some(Playback::Batch(2)));
    ann.join("#tea").await;
    ann.expect(&[
        "@time=* BATCH +b? chathistory #tea",
        "@batch=b?;time=20* :bob!* PRIVMSG #tea :two",
        "@batch=b?;time=20* :bob!* PRIVMSG #tea :three",
        "@time=* BATCH -b?",
    ])
    .await;
    server.faults().play_back(Some(Playback::Znc(2)));
    let mut old = Client::in_channel(&server, "old", "#tea").await;
    old.expect(&[
        ":***!znc@znc.in PRIVMSG #tea :Buffer Playback...",
        ":bob!* PRIVMSG #tea :[??:??:??] two",
        ":bob!* PRIVMSG #tea :[??:??:??] three",
        ":***!znc@znc.in PRIVMSG #tea :Playback Complete.",
    ])
    .await;
    let mut timed = Client::with_caps(&server, "timed", "server-time").await;
    timed.join("#tea").await;
    timed.skip_to("@time=20* :bob!* PRIVMSG #tea :three").await;
    server.faults().play_back(None);
    let mut last = Client::in_channel(&server, "last", "#tea").await;
    last.expect_nothing().await;
}
