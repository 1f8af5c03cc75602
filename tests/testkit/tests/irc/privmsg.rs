//! Speaking and being heard.

use letsbridge_testkit::irc::{Caps, MessageKind, ReceivedMessage, Setup};

use crate::client::{Client, server, soon, start};

#[tokio::test]
async fn talk_is_heard_by_all_others() {
    let server = server().await;
    let bob = server.virtual_user("bob");
    bob.join("#tea");
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    let mut eve = Client::in_channel(&server, "eve", "#TEA").await;
    ann.expect(&[":eve!~eve@127.0.0.1 JOIN #tea"]).await;

    ann.send("PRIVMSG #Tea :the kettle  is on ").await;
    ann.send("NOTICE #tea hot").await;
    ann.send("PRIVMSG #tea :\u{1}ACTION pours\u{1}").await;

    eve.expect(&[
        ":ann!~ann@127.0.0.1 PRIVMSG #tea :the kettle  is on ",
        ":ann!~ann@127.0.0.1 NOTICE #tea :hot",
        ":ann!~ann@127.0.0.1 PRIVMSG #tea :\u{1}ACTION pours\u{1}",
    ])
    .await;
    bob.send("#tea", "two\nlines");
    for client in [&mut ann, &mut eve] {
        client
            .expect(&[
                ":bob!~bob@people.example PRIVMSG #tea :two",
                ":bob!~bob@people.example PRIVMSG #tea :lines",
            ])
            .await;
        client.expect_nothing().await;
    }
    let heard = soon(bob.wait_for_messages("#TEA", |heard| heard.len() == 3)).await;
    let told = |h: &ReceivedMessage| (h.nick.clone(), h.kind, h.text.clone());
    assert_eq!(
        heard.iter().map(told).collect::<Vec<_>>(),
        [
            ("ann".to_owned(), MessageKind::Text, "the kettle  is on ".to_owned()),
            ("ann".to_owned(), MessageKind::Notice, "hot".to_owned()),
            ("ann".to_owned(), MessageKind::Action, "pours".to_owned()),
        ]
    );
}

#[tokio::test]
async fn talk_goes_from_one_to_one() {
    let server = server().await;
    let bob = server.virtual_user("Bob");
    let mut ann = Client::registered(&server, "ann").await;
    ann.send("PRIVMSG bob,nobody :psst").await;
    ann.expect(&[":irc.example 401 ann nobody :No such nick/channel"]).await;
    let heard = soon(bob.wait_for_messages("ann", |heard| !heard.is_empty())).await;
    assert_eq!(heard[0].source, "ann!~ann@127.0.0.1");
    bob.action("ann", "nods");
    ann.expect(&[":Bob!~bob@people.example PRIVMSG ann :\u{1}ACTION nods\u{1}"]).await;
    bob.send_line("AWAY :asleep");
    ann.send("PRIVMSG bob :psst").await;
    ann.expect(&[":irc.example 301 ann Bob :asleep"]).await;
    ann.send("PRIVMSG ann :note to self").await;
    ann.expect(&[":ann!~ann@127.0.0.1 PRIVMSG ann :note to self"]).await;
    ann.expect_nothing().await;
}

#[tokio::test]
async fn talk_that_cannot_be_is_refused() {
    let server = server().await;
    server.virtual_user("bob").join("#tea");
    let mut ann = Client::registered(&server, "ann").await;
    for (said, heard) in [
        ("PRIVMSG", ":irc.example 411 ann :No recipient given (PRIVMSG)"),
        ("PRIVMSG #tea", ":irc.example 412 ann :No text to send"),
        ("PRIVMSG #tea :", ":irc.example 412 ann :No text to send"),
        ("PRIVMSG #tea :hi", ":irc.example 404 ann #tea :Cannot send to nick/channel"),
        ("PRIVMSG #milk :hi", ":irc.example 403 ann #milk :No such channel"),
        ("PRIVMSG a,b,c,d,e :hi", ":irc.example 407 ann e :Too many targets"),
    ] {
        ann.send(said).await;
        ann.expect(&[heard]).await;
    }
    ann.send("NOTICE #tea :nobody answers a notice").await;
    ann.send("NOTICE nobody :nor this").await;
    ann.expect_nothing().await;
}

#[tokio::test]
async fn bytes_are_relayed_as_they_are() {
    let server = server().await;
    let bob = server.virtual_user("bob");
    bob.join("#tea");
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    ann.send_bytes(b"PRIVMSG #tea :caf\xe9\n").await;
    let heard = soon(bob.wait_for_messages("#tea", |heard| !heard.is_empty())).await;
    assert_eq!(heard[0].bytes, b"caf\xe9");
    assert_eq!(heard[0].text, "caf\u{fffd}");
    bob.send_bytes("#tea", b"\xe0 la carte");
    assert_eq!(ann.bytes().await, b":bob!~bob@people.example PRIVMSG #tea :\xe0 la carte");
}

#[tokio::test]
async fn a_server_of_utf8_refuses_other_bytes() {
    let server = start(Setup { utf8_only: true, ..Setup::default() }).await;
    let bob = server.virtual_user("bob");
    bob.join("#tea");
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    ann.send_bytes(b"PRIVMSG #tea :caf\xe9\r\n").await;
    ann.expect(&[":irc.example NOTICE ann :Message is not valid UTF-8"]).await;
    assert!(bob.messages("#tea").is_empty());
}

#[tokio::test]
async fn a_long_line_is_cut_with_the_source_before_it() {
    let server = server().await;
    let bob = server.virtual_user("bob");
    bob.join("#tea");
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    // 512 bytes with CR LF: as long as a line may be on its way to the server.
    let text = "x".repeat(512 - 2 - "PRIVMSG #tea :".len());
    ann.send(&format!("PRIVMSG #tea :{text}")).await;
    let fits = 512 - 2 - ":ann!~ann@127.0.0.1 PRIVMSG #tea :".len();
    let heard = soon(bob.wait_for_messages("#tea", |heard| !heard.is_empty())).await;
    assert_eq!(heard[0].text, text[..fits]);

    // Longer ones lose what is beyond, already on the way in.
    ann.send(&format!("PRIVMSG #tea :{}", "y".repeat(20_000))).await;
    ann.send("PRIVMSG #tea :next").await;
    let heard = soon(bob.wait_for_messages("#tea", |heard| heard.len() == 3)).await;
    assert_eq!(heard[1].text, "y".repeat(fits));
    assert_eq!(heard[2].text, "next");

    bob.send("#tea", &"z".repeat(1000));
    assert_eq!(ann.bytes().await.len(), 510);
}

#[tokio::test]
async fn a_watcher_sees_what_is_said_in_channels() {
    let server = start(Setup { caps: Caps::all(), ..Setup::default() }).await;
    let bob = server.virtual_user("bob");
    bob.join("#tea");
    let mut watcher = server.watch();
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    ann.send("PRIVMSG #TEA :hello").await;
    let seen = soon(watcher.recv()).await.unwrap();
    assert_eq!((seen.nick.as_str(), seen.channel.as_str()), ("ann", "#tea"));
    assert_eq!((seen.command.as_str(), seen.text.as_str()), ("PRIVMSG", "hello"));
    let heard = soon(bob.wait_for_messages("#tea", |heard| !heard.is_empty())).await;
    assert_eq!(seen.msgid.as_deref(), heard[0].tag("msgid"));
    bob.send("ann", "psst");
    bob.notice("#tea", "hot");
    assert_eq!(soon(watcher.recv()).await.unwrap().command, "NOTICE");
}

#[tokio::test]
async fn a_virtual_user_does_not_take_the_nick_of_a_client() {
    let server = server().await;
    let _ann = Client::in_channel(&server, "ann", "#tea").await;
    assert!(server.try_virtual_user("Ann").is_none());
    assert!(server.try_virtual_user("bob").is_some());
    assert!(server.try_virtual_user("bob").is_some());
}
