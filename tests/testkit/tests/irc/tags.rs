//! What tags tell, and who hears of changes.

use crate::client::{Client, modern, server, soon};

#[tokio::test]
async fn everyone_gets_the_tags_they_asked_for() {
    let server = modern().await;
    let mut plain = Client::in_channel(&server, "plain", "#tea").await;
    let mut timed = Client::with_caps(&server, "timed", "server-time").await;
    timed.join("#tea").await;
    let mut ann = Client::with_caps(&server, "ann", "message-tags echo-message").await;
    ann.join("#tea").await;
    plain.expect(&["* JOIN #tea", "* JOIN #tea"]).await;
    timed.expect(&["@time=* JOIN #tea"]).await;

    ann.send("@+draft/reply=m1;label=7;+typing PRIVMSG #tea :hi").await;
    plain.expect(&[":ann!~ann@127.0.0.1 PRIVMSG #tea :hi"]).await;
    timed.expect(&["@time=????-??-??T??:??:??.???Z :ann!~ann@127.0.0.1 PRIVMSG #tea :hi"]).await;
    ann.expect(&["@msgid=*;+draft/reply=m1;+typing :ann!~ann@127.0.0.1 PRIVMSG #tea :hi"]).await;

    let bob = server.virtual_user("bob");
    bob.join("#tea");
    ann.send("@+typing=active TAGMSG #tea").await;
    ann.expect(&[":bob!* JOIN #tea", "@msgid=*;+typing=active :ann!* TAGMSG #tea"]).await;
    plain.expect(&["* JOIN #tea"]).await;
    plain.send("TAGMSG #tea").await;
    plain.expect_nothing().await;

    ann.send("MODE ann +B").await;
    ann.send("@+x PRIVMSG #tea :beep").await;
    ann.expect(&["* MODE ann :+B", "@msgid=*;bot;+x :ann!* PRIVMSG #tea :beep"]).await;
    let heard = soon(bob.wait_for_messages("#tea", |heard| !heard.is_empty())).await;
    assert_eq!(heard[0].tag("+x"), Some(""));
    assert!(heard[0].tag("msgid").is_some());
}

#[tokio::test]
async fn too_much_is_refused_where_tags_are_on() {
    let server = modern().await;
    let mut ann = Client::with_caps(&server, "ann", "message-tags").await;
    ann.send(&format!("PRIVMSG ann :{}", "x".repeat(600))).await;
    ann.expect(&["* 417 ann :Input line was too long"]).await;
    ann.send(&format!("@+x={} PRIVMSG ann :hi", "y".repeat(4096))).await;
    ann.expect(&["* 417 ann :Input line was too long"]).await;
    ann.send(&format!("@+x={} PRIVMSG ann :hi", "y".repeat(4000))).await;
    ann.expect(&["@msgid=*;+x=y* PRIVMSG ann :hi"]).await;
}

#[tokio::test]
async fn answers_carry_their_label() {
    let server = modern().await;
    let caps = "labeled-response batch echo-message message-tags";
    let mut ann = Client::with_caps(&server, "ann", caps).await;
    ann.join("#tea").await;
    for (said, heard) in [
        ("@label=a PRIVMSG #tea :hi", &["@label=a;msgid=* :ann!* PRIVMSG #tea :hi"][..]),
        ("@label=b PONG x", &["@label=b :irc.example ACK"]),
        ("@label=c PRIVMSG nobody :hi", &["@label=c :irc.example 401 *"]),
        ("@label=d PING x", &["@label=d :irc.example PONG irc.example :x"]),
        ("@label=e NOTICE nobody :hi", &["@label=e :irc.example ACK"]),
        (
            "@label=f WHO #tea",
            &[
                "@label=f :irc.example BATCH +b? labeled-response",
                "@batch=b? :irc.example 352 *",
                "@batch=b? :irc.example 315 *",
                ":irc.example BATCH -b?",
            ],
        ),
        // What one says to oneself comes twice; one of them answers.
        (
            "@label=g PRIVMSG ann :me",
            &["@msgid=* :ann!* PRIVMSG ann :me", "@label=g;msgid=* :ann!* PRIVMSG ann :me"],
        ),
    ] {
        ann.send(said).await;
        ann.expect(heard).await;
    }
    ann.expect_nothing().await;
    let mut bob = Client::with_caps(&server, "bob", "labeled-response batch").await;
    bob.send("@label=a CAP REQ :draft/chathistory").await;
    bob.expect(&["@label=a :irc.example CAP bob ACK :draft/chathistory"]).await;
    bob.join("#tea").await;
    bob.send("@label=b CHATHISTORY LATEST #tea * 5").await;
    bob.expect(&[
        "@label=b :irc.example BATCH +b? chathistory #tea",
        "@batch=b? :ann!*",
        "* BATCH -b?",
    ])
    .await;
}

#[tokio::test]
async fn changes_are_told_to_who_asked() {
    let server = modern().await;
    let caps =
        "away-notify chghost setname extended-join invite-notify multi-prefix userhost-in-names";
    let mut ann = Client::with_caps(&server, "ann", caps).await;
    ann.join("#tea").await;
    let mut old = Client::in_channel(&server, "old", "#tea").await;
    ann.expect(&["* JOIN #tea * :old itself"]).await;
    let bob = server.virtual_user("bob");
    bob.send_line("AWAY :tea time");
    bob.join("#tea");
    bob.send_line("AWAY");
    bob.send_line("SETNAME :Robert");
    ann.expect(&[
        ":bob!~bob@people.example JOIN #tea * :bob",
        ":bob!~bob@people.example AWAY :tea time",
        ":bob!~bob@people.example AWAY",
        ":bob!~bob@people.example SETNAME :Robert",
    ])
    .await;
    old.expect(&["* JOIN #tea"]).await;
    server.faults().change_host("bob", "cloak.example");
    ann.expect(&[":bob!~bob@people.example CHGHOST ~bob cloak.example"]).await;
    ann.send("MODE #tea +vo bob bob").await;
    ann.send("NAMES #tea").await;
    ann.expect(&[
        "* MODE #tea +vo bob bob",
        "* 353 ann = #tea :@ann!~ann@127.0.0.1 old!~old@127.0.0.1 @+bob!~bob@cloak.example",
        "* 366 *",
    ])
    .await;
    old.expect(&["* MODE #tea +vo bob bob"]).await;
    old.send("NAMES #tea").await;
    old.expect(&["* 353 old = #tea :@ann old @bob", "* 366 *"]).await;
    server.virtual_user("eve");
    bob.send_line("INVITE eve #tea");
    ann.expect(&[":bob!~bob@cloak.example INVITE eve :#tea"]).await;
    old.expect_nothing().await;
}

#[tokio::test]
async fn a_server_without_capabilities_sends_no_tags() {
    let server = server().await;
    let bob = server.virtual_user("bob");
    bob.join("#tea");
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    ann.send("@+x=1;label=2 PRIVMSG #tea :hi").await;
    ann.expect_nothing().await;
    assert_eq!(soon(bob.wait_for_messages("#tea", |heard| heard.len() == 1)).await[0].tags, []);
    ann.send("CHATHISTORY LATEST #tea * 5").await;
    ann.expect(&["* 421 ann CHATHISTORY :Unknown command"]).await;
}

#[tokio::test]
async fn a_bridge_can_speak_as_others() {
    let server = modern().await;
    let mut op =
        Client::with_caps(&server, "op", "message-tags draft/relaymsg standard-replies").await;
    op.join("#tea").await;
    let bob = server.virtual_user("bob");
    bob.join("#tea");
    op.send("RELAYMSG #tea ann/chat :hello").await;
    let heard = soon(bob.wait_for_messages("#tea", |heard| heard.len() == 1)).await;
    assert_eq!((heard[0].nick.as_str(), heard[0].text.as_str()), ("ann/chat", "hello"));
    assert_eq!(heard[0].tag("draft/relaymsg"), Some("op"));
    op.send("RELAYMSG #tea ann :hello").await;
    op.expect(&["* JOIN #tea", "* FAIL RELAYMSG INVALID_NICK ann :*"]).await;
    op.send("MODE #tea -o op").await;
    op.send("RELAYMSG #tea ann/chat :hello").await;
    op.expect(&["* MODE #tea -o op", "* FAIL RELAYMSG PRIVS_NEEDED :*"]).await;
}
