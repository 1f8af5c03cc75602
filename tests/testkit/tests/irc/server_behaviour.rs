//! What servers and services do to a client that does nothing wrong, on command.

use letsbridge_testkit::irc::{Playback, TalkRefusal};

use crate::client::{Client, modern, server, soon};
use crate::fixture::{hears, sees, tea};

#[tokio::test]
async fn services_kick_ban_and_rename() {
    let (server, bob, mut ann) = tea().await;
    let mischief = server.mischief();
    mischief.mode("#tea", "+ob-t", "ann *!*@spam.example");
    ann.hears(&[":ChanServ!services@services.example MODE #tea +ob-t ann *!*@spam.example"]).await;
    mischief.mode("#tea", "+m", "");
    ann.hears(&["* MODE #tea +m"]).await;
    mischief.mode("#tea", "+m", "");
    mischief.kick("#tea", "ann", "enough");
    ann.hears(&[":ChanServ!services@services.example KICK #tea ann :enough"]).await;
    sees(&bob, "KICK #tea ann :enough").await;
    mischief.rename("ann", "Guest1");
    ann.hears(&[":ann!~ann@127.0.0.1 NICK :Guest1"]).await;
    mischief.mode("#tea", "+b", "*!*@127.0.0.1");
    ann.says("JOIN #tea").await;
    ann.hears(&["* 474 Guest1 #tea :Cannot join channel (+b)"]).await;
}

#[tokio::test]
async fn somebody_is_thrown_out_and_kept_out() {
    let (server, bob, mut ann) = tea().await;
    server.mischief().throw_out("ann", "K-Lined");
    ann.hears(&["ERROR :Closing Link: ann[127.0.0.1] (K-Lined)"]).await;
    ann.is_cut().await;
    sees(&bob, "QUIT :K-Lined").await;
    server.mischief().kline("*!*@127.*", "spam");
    let mut ann = Client::connect(&server).await;
    ann.says("NICK ann").await;
    ann.says("USER ann 0 * :Ann").await;
    ann.hears(&[
        ":irc.example 465 ann :You are banned from this server- spam",
        "ERROR :Closing Link: ann[127.0.0.1] (K-Lined)",
    ])
    .await;
    ann.is_cut().await;
    server.mischief().pardon();
    drop(Client::registered(&server, "ann").await);
}

#[tokio::test]
async fn a_host_can_change_and_nobody_knows() {
    let (server, bob, mut ann) = tea().await;
    server.mischief().change_host("ann", "a.cloak.example");
    ann.hears(&[":irc.example 396 ann a.cloak.example :is now your displayed host"]).await;
    let long = "l".repeat(100);
    server.mischief().change_host_silently("ann", &long);
    ann.says(&format!("PRIVMSG #tea :{}", "x".repeat(480))).await;
    let heard = soon(bob.hears("#tea", |heard| heard.len() == 1)).await;
    assert_eq!(heard[0].text.len(), 510 - format!(":ann!~ann@{long} PRIVMSG #tea :").len());
    ann.hears_nothing().await;
}

#[tokio::test]
async fn a_netsplit_takes_many_and_gives_them_back() {
    let server = modern().await;
    let people: Vec<_> = ["bob", "eve", "zed"].map(|nick| server.person(nick)).into();
    people.iter().for_each(|person| person.join("#tea"));
    let mut plain = Client::in_channel(&server, "plain", "#tea").await;
    let mut ann = Client::with_caps(&server, "ann", "batch").await;
    ann.joins("#tea").await;
    plain.hears(&["* JOIN #tea"]).await;

    let split = server.mischief().netsplit(&["bob", "eve", "plain"]);
    plain
        .hears(&[
            ":bob!~bob@people.example QUIT :a.example b.example",
            ":eve!~eve@people.example QUIT :a.example b.example",
        ])
        .await;
    ann.hears(&[
        ":irc.example BATCH +b? netsplit a.example b.example",
        "@batch=b? :bob!~bob@people.example QUIT :a.example b.example",
        "@batch=b? :eve!~eve@people.example QUIT :a.example b.example",
        ":irc.example BATCH -b?",
    ])
    .await;
    assert_eq!(server.members("#tea"), ["zed", "plain", "ann"]);
    people[0].say("#tea", "into the void");
    ann.says("NICK eve").await;
    soon(server.joined("#tea", "eve")).await;
    split.rejoin();
    for client in [&mut plain, &mut ann] {
        client
            .hears(&[
                ":ann!* NICK :eve",
                ":bob!~bob@people.example JOIN #tea",
                ":irc.example MODE #tea +o bob",
                ":eve_!~eve@people.example JOIN #tea",
            ])
            .await;
    }
    people[0].say("#tea", "back");
    plain.hears(&["* PRIVMSG #tea :back"]).await;
}

#[tokio::test]
async fn joins_can_be_forwarded_and_refused() {
    let (server, _, mut ann) = tea().await;
    let mischief = server.mischief();
    mischief.forward_joins("#milk", Some("##overflow"));
    ann.says("JOIN #milk").await;
    ann.hears(&[
        ":irc.example 470 ann #milk ##overflow :Forwarding to another channel",
        ":ann!~ann@127.0.0.1 JOIN ##overflow",
        "* 353 *",
        "* 366 *",
    ])
    .await;
    mischief.forward_joins("#milk", None);
    mischief.refuse_joins("#Milk", 477, 1);
    ann.says("JOIN #milk").await;
    ann.hears(&[":irc.example 477 ann #milk :Cannot join channel (+r) *"]).await;
    mischief.refuse_joins("#milk", 471, 2);
    for _ in 0..2 {
        ann.says("JOIN #milk").await;
        ann.hears(&[":irc.example 471 ann #milk :Cannot join channel (+l)"]).await;
    }
    ann.joins("#milk").await;
}

#[tokio::test]
async fn nicks_can_be_refused_at_once_and_late() {
    let server = server().await;
    server.mischief().refuse_nicks(433, 1);
    server.mischief().refuse_nicks_late(433, 1);
    let mut ann = Client::connect(&server).await;
    ann.says("NICK ann").await;
    ann.hears(&[":irc.example 433 * ann :Nickname is already in use"]).await;
    ann.says("NICK ann_").await;
    ann.says("USER ann 0 * :Ann").await;
    ann.hears(&[":irc.example 433 * ann_ :Nickname is already in use"]).await;
    ann.says("NICK ann").await;
    ann.hears(&[":irc.example 001 ann :*"]).await;
    ann.skips_to("* 396 *").await;
    server.mischief().refuse_nicks(437, 1);
    ann.says("NICK bob").await;
    ann.hears(&[":irc.example 437 ann bob :Nick/channel is temporarily unavailable"]).await;
}

#[tokio::test]
async fn talk_can_be_refused() {
    let server = modern().await;
    let bob = server.person("bob");
    bob.join("#tea");
    let mut ann = Client::with_caps(&server, "ann", "standard-replies").await;
    ann.joins("#tea").await;
    let mut old = Client::in_channel(&server, "old", "#tea").await;
    ann.hears(&["* JOIN #tea"]).await;
    let mischief = server.mischief();
    mischief.refuse_talk("#tea", TalkRefusal::Numeric(477), 1);
    ann.says("PRIVMSG #tea :a").await;
    ann.hears(&[":irc.example 477 ann #tea :Cannot send to nick/channel"]).await;
    mischief.refuse_talk("#tea", TalkRefusal::Fail("BLOCKED".to_owned()), 2);
    ann.says("PRIVMSG #tea :b").await;
    ann.hears(&[":irc.example FAIL PRIVMSG BLOCKED #tea :Cannot send to channel"]).await;
    old.says("PRIVMSG #tea :c").await;
    old.hears(&[":irc.example 404 old #tea :*"]).await;
    mischief.refuse_talk("#tea", TalkRefusal::Silence, 1);
    ann.says("PRIVMSG #tea :d").await;
    ann.hears_nothing().await;
    ann.says("PRIVMSG #tea :e").await;
    hears(&bob, &["e"]).await;
}

#[tokio::test]
async fn a_ping_can_go_unanswered() {
    let (server, _, mut ann) = tea().await;
    server.mischief().swallow_pongs(true);
    ann.says("PING :lost\r\nTIME").await;
    ann.hears(&["* 391 *"]).await;
    server.mischief().swallow_pongs(false);
    ann.hears_nothing().await;
}

#[tokio::test]
async fn rubbish_is_sent_as_it_is() {
    let (server, _, mut ann) = tea().await;
    let mischief = server.mischief();
    mischief.send("ann", b":eve!e@h PRIVMSG #tea :caf\xe9\r\n");
    assert_eq!(ann.bytes().await, b":eve!e@h PRIVMSG #tea :caf\xe9");
    mischief.send_long_line("ann", "#tea");
    assert!(ann.bytes().await.len() > 20_000);
    mischief.send_nonsense("ann");
    assert_eq!(ann.bytes().await, b"");
    let mut lines = 1;
    ann.says("PING :end").await;
    while ann.bytes().await != b":irc.example PONG irc.example :end" {
        lines += 1;
    }
    assert_eq!(lines, 8);
}

#[tokio::test]
async fn the_past_is_played_back_unasked() {
    let server = modern().await;
    let bob = server.person("bob");
    bob.join("#tea");
    bob.say("#tea", "one\ntwo\nthree");
    let mut ann = Client::with_caps(&server, "ann", "batch server-time").await;
    server.mischief().play_back(Some(Playback::Batch(2)));
    ann.joins("#tea").await;
    ann.hears(&[
        "@time=* BATCH +b? chathistory #tea",
        "@batch=b?;time=20* :bob!* PRIVMSG #tea :two",
        "@batch=b?;time=20* :bob!* PRIVMSG #tea :three",
        "@time=* BATCH -b?",
    ])
    .await;
    server.mischief().play_back(Some(Playback::Znc(2)));
    let mut old = Client::in_channel(&server, "old", "#tea").await;
    old.hears(&[
        ":***!znc@znc.in PRIVMSG #tea :Buffer Playback...",
        ":bob!* PRIVMSG #tea :[??:??:??] two",
        ":bob!* PRIVMSG #tea :[??:??:??] three",
        ":***!znc@znc.in PRIVMSG #tea :Playback Complete.",
    ])
    .await;
    let mut timed = Client::with_caps(&server, "timed", "server-time").await;
    timed.joins("#tea").await;
    timed.skips_to("@time=20* :bob!* PRIVMSG #tea :three").await;
    server.mischief().play_back(None);
    let mut last = Client::in_channel(&server, "last", "#tea").await;
    last.hears_nothing().await;
}
