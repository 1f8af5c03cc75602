use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use letsbridge::demo::irc::{Account, Cap, Caps, IrcServer, Setup};

use crate::client::{Client, server, soon, start};

async fn modern() -> IrcServer {
    let account = |name: &str| Account { name: name.to_owned(), password: "sesame".to_owned() };
    let accounts = vec![account("Ann")];
    start(Setup { caps: Caps::all(), accounts, ..Setup::default() }).await
}

/// base64 of `NUL name NUL password`.
const ANN: &str = "AEFubgBzZXNhbWU=";
const WRONG: &str = "AEFubgBvcGVu";

#[tokio::test]
async fn capabilities_are_offered_and_granted() {
    let server = modern().await;
    let mut ann = Client::connect(&server).await;
    ann.says("CAP LS 302").await;
    let offer = ann.line().await;
    assert!(offer.starts_with(":irc.example CAP * LS :"), "{offer}");
    for cap in ["server-time", "sasl=PLAIN", "draft/relaymsg=/", "draft/chathistory"] {
        assert!(offer.split([' ', ':']).any(|offered| offered == cap), "{cap}: {offer}");
    }
    ann.says("NICK ann").await;
    ann.says("USER ann 0 * :Ann").await;
    for (said, heard) in [
        ("CAP REQ :batch klingon", "CAP ann NAK :batch klingon"),
        ("CAP LIST", "CAP ann LIST :cap-notify"),
        ("CAP REQ :batch server-time", "CAP ann ACK :batch server-time"),
        ("CAP REQ -batch", "CAP ann ACK :-batch"),
        ("CAP LIST", "CAP ann LIST :cap-notify server-time"),
        ("CAP MAYBE", "410 ann MAYBE :Invalid CAP command"),
    ] {
        ann.says(said).await;
        ann.skips_to(&format!("*:irc.example {heard}")).await;
    }
    ann.says("CAP END").await;
    ann.hears(&["@time=20??-??-??T??:??:??.???Z :irc.example 001 ann :*"]).await;
}

#[tokio::test]
async fn an_old_client_sees_no_values() {
    let server = modern().await;
    let mut ann = Client::connect(&server).await;
    ann.says("CAP LS").await;
    let offer = ann.line().await;
    assert!(offer.contains(" sasl ") && !offer.contains('='), "{offer}");
}

#[tokio::test]
async fn a_long_offer_takes_several_lines() {
    let vendor_caps = (0..40).map(|n| format!("vendor.example/capability-{n}=x")).collect();
    let server = start(Setup { caps: Caps::all(), vendor_caps, ..Setup::default() }).await;
    let mut ann = Client::connect(&server).await;
    ann.says("CAP LS 302").await;
    let mut offered = Vec::new();
    loop {
        let line = ann.line().await;
        assert!(line.len() <= 510);
        let more = line.contains(" LS * :");
        offered.extend(line.split(" :").nth(1).unwrap().split(' ').map(str::to_owned));
        if !more {
            break;
        }
    }
    assert_eq!(offered.len(), 40 + Cap::ALL.len());
    ann.says("CAP REQ :vendor.example/capability-7").await;
    ann.hears(&[":irc.example CAP * ACK :vendor.example/capability-7"]).await;
}

#[tokio::test]
async fn servers_differ_in_what_they_know_of_capabilities() {
    let server = server().await;
    let mut ann = Client::connect(&server).await;
    ann.says("CAP LS 302").await;
    ann.hears(&[":irc.example CAP * LS :"]).await;
    let ancient = start(Setup { speaks_cap: false, ..Setup::default() }).await;
    let mut bob = Client::connect(&ancient).await;
    bob.says("CAP LS 302").await;
    bob.hears(&[":irc.example 451 * :You have not registered"]).await;
    bob.register("bob").await;
    bob.says("CAP LS").await;
    bob.hears(&[":irc.example 421 bob CAP :Unknown command"]).await;
}

#[tokio::test]
async fn one_logs_in_with_sasl() {
    let server = modern().await;
    let mut eve =
        Client::with_caps(&server, "eve", "account-notify account-tag extended-join").await;
    eve.joins("#tea").await;
    let mut ann = Client::connect(&server).await;
    ann.says("AUTHENTICATE PLAIN").await;
    ann.hears(&["* 904 *"]).await;
    ann.says("CAP REQ :sasl").await;
    ann.hears(&["* ACK :sasl"]).await;
    for (said, heard) in [
        ("AUTHENTICATE EXTERNAL", &["* 908 * PLAIN :*", "* 904 *"][..]),
        ("AUTHENTICATE PLAIN", &[":irc.example AUTHENTICATE +"]),
        ("AUTHENTICATE *", &["* 906 *"]),
        ("AUTHENTICATE PLAIN", &["* AUTHENTICATE +"]),
        (&format!("AUTHENTICATE {WRONG}"), &["* 904 *"]),
        ("AUTHENTICATE PLAIN", &["* AUTHENTICATE +"]),
        (&format!("AUTHENTICATE {}", "A".repeat(401)), &["* 905 *"]),
        ("AUTHENTICATE PLAIN", &["* AUTHENTICATE +"]),
        (
            &format!("AUTHENTICATE {ANN}"),
            &["* 900 ? ?!?@127.0.0.1 Ann :You are now logged in as Ann", "* 903 *"],
        ),
        ("AUTHENTICATE PLAIN", &["* 907 *"]),
    ] {
        ann.says(said).await;
        ann.hears(heard).await;
    }
    ann.says("CAP END").await;
    ann.register("ann").await;
    ann.joins("#tea").await;
    ann.says("PRIVMSG #tea :me").await;
    eve.hears(&[
        "@account=Ann :ann!* JOIN #tea Ann :ann itself",
        "@account=Ann :ann!* PRIVMSG #tea :me",
    ])
    .await;
    eve.says("WHO ann %na").await;
    eve.hears(&["* 354 eve ann Ann", "* 315 *"]).await;
    eve.says("WHOIS ann").await;
    eve.skips_to("* 330 eve ann Ann :is logged in as").await;
    eve.skips_to("* 318 *").await;

    let mut late = Client::with_caps(&server, "late", "sasl").await;
    late.joins("#tea").await;
    late.says("AUTHENTICATE PLAIN").await;
    late.says(&format!("AUTHENTICATE {ANN}")).await;
    late.skips_to("* 903 *").await;
    eve.hears(&[":late!* JOIN #tea * :late itself", "@account=Ann :late!* ACCOUNT Ann"]).await;
}

#[tokio::test]
async fn credentials_come_in_chunks() {
    let accounts = vec![Account { name: "ann".to_owned(), password: "x".repeat(400) }];
    let server = start(Setup { caps: Caps::all(), accounts, ..Setup::default() }).await;
    let mut ann = Client::with_caps(&server, "ann", "sasl").await;
    let credentials = STANDARD.encode(format!("\0ann\0{}", "x".repeat(400)));
    ann.says("AUTHENTICATE PLAIN").await;
    ann.hears(&["* AUTHENTICATE +"]).await;
    for chunk in credentials.as_bytes().chunks(400) {
        ann.says(&format!("AUTHENTICATE {}", std::str::from_utf8(chunk).unwrap())).await;
    }
    ann.hears(&["* 900 *", "* 903 *"]).await;
}

#[tokio::test]
async fn everyone_gets_the_tags_they_asked_for() {
    let server = modern().await;
    let mut plain = Client::in_channel(&server, "plain", "#tea").await;
    let mut timed = Client::with_caps(&server, "timed", "server-time").await;
    timed.joins("#tea").await;
    let mut ann = Client::with_caps(&server, "ann", "message-tags echo-message").await;
    ann.joins("#tea").await;
    plain.hears(&["* JOIN #tea", "* JOIN #tea"]).await;
    timed.hears(&["@time=* JOIN #tea"]).await;

    ann.says("@+draft/reply=m1;label=7;+typing PRIVMSG #tea :hi").await;
    plain.hears(&[":ann!~ann@127.0.0.1 PRIVMSG #tea :hi"]).await;
    timed.hears(&["@time=????-??-??T??:??:??.???Z :ann!~ann@127.0.0.1 PRIVMSG #tea :hi"]).await;
    ann.hears(&["@msgid=*;+draft/reply=m1;+typing :ann!~ann@127.0.0.1 PRIVMSG #tea :hi"]).await;

    let bob = server.person("bob");
    bob.join("#tea");
    ann.says("@+typing=active TAGMSG #tea").await;
    ann.hears(&[":bob!* JOIN #tea", "@msgid=*;+typing=active :ann!* TAGMSG #tea"]).await;
    plain.hears(&["* JOIN #tea"]).await;
    plain.says("TAGMSG #tea").await;
    plain.hears_nothing().await;

    ann.says("MODE ann +B").await;
    ann.says("@+x PRIVMSG #tea :beep").await;
    ann.hears(&["* MODE ann :+B", "@msgid=*;bot;+x :ann!* PRIVMSG #tea :beep"]).await;
    let heard = soon(bob.hears("#tea", |heard| !heard.is_empty())).await;
    assert_eq!(heard[0].tag("+x"), Some(""));
    assert!(heard[0].tag("msgid").is_some());
}

#[tokio::test]
async fn too_much_is_refused_where_tags_are_on() {
    let server = modern().await;
    let mut ann = Client::with_caps(&server, "ann", "message-tags").await;
    ann.says(&format!("PRIVMSG ann :{}", "x".repeat(600))).await;
    ann.hears(&["* 417 ann :Input line was too long"]).await;
    ann.says(&format!("@+x={} PRIVMSG ann :hi", "y".repeat(4096))).await;
    ann.hears(&["* 417 ann :Input line was too long"]).await;
    ann.says(&format!("@+x={} PRIVMSG ann :hi", "y".repeat(4000))).await;
    ann.hears(&["@msgid=*;+x=y* PRIVMSG ann :hi"]).await;
}

#[tokio::test]
async fn answers_carry_their_label() {
    let server = modern().await;
    let caps = "labeled-response batch echo-message message-tags";
    let mut ann = Client::with_caps(&server, "ann", caps).await;
    ann.joins("#tea").await;
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
        ann.says(said).await;
        ann.hears(heard).await;
    }
    ann.hears_nothing().await;
    let mut bob = Client::with_caps(&server, "bob", "labeled-response batch").await;
    bob.says("@label=a CAP REQ :draft/chathistory").await;
    bob.hears(&["@label=a :irc.example CAP bob ACK :draft/chathistory"]).await;
    bob.joins("#tea").await;
    bob.says("@label=b CHATHISTORY LATEST #tea * 5").await;
    bob.hears(&[
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
    ann.joins("#tea").await;
    let mut old = Client::in_channel(&server, "old", "#tea").await;
    ann.hears(&["* JOIN #tea * :old itself"]).await;
    let bob = server.person("bob");
    bob.command("AWAY :tea time");
    bob.join("#tea");
    bob.command("AWAY");
    bob.command("SETNAME :Robert");
    ann.hears(&[
        ":bob!~bob@people.example JOIN #tea * :bob",
        ":bob!~bob@people.example AWAY :tea time",
        ":bob!~bob@people.example AWAY",
        ":bob!~bob@people.example SETNAME :Robert",
    ])
    .await;
    old.hears(&["* JOIN #tea"]).await;
    server.mischief().change_host("bob", "cloak.example");
    ann.hears(&[":bob!~bob@people.example CHGHOST ~bob cloak.example"]).await;
    ann.says("MODE #tea +vo bob bob").await;
    ann.says("NAMES #tea").await;
    ann.hears(&[
        "* MODE #tea +vo bob bob",
        "* 353 ann = #tea :@ann!~ann@127.0.0.1 old!~old@127.0.0.1 @+bob!~bob@cloak.example",
        "* 366 *",
    ])
    .await;
    old.hears(&["* MODE #tea +vo bob bob"]).await;
    old.says("NAMES #tea").await;
    old.hears(&["* 353 old = #tea :@ann old @bob", "* 366 *"]).await;
    server.person("eve");
    bob.command("INVITE eve #tea");
    ann.hears(&[":bob!~bob@cloak.example INVITE eve :#tea"]).await;
    old.hears_nothing().await;
}

#[tokio::test]
async fn capabilities_come_and_go() {
    let server = modern().await;
    let mut ann = Client::connect(&server).await;
    ann.says("CAP LS 302").await;
    ann.says("CAP REQ :echo-message").await;
    ann.says("CAP END").await;
    ann.register("ann").await;
    let mut old = Client::registered(&server, "old").await;
    server.mischief().withdraw_caps(&[Cap::EchoMessage, Cap::Sasl]);
    ann.hears(&[":irc.example CAP ann DEL :echo-message sasl"]).await;
    ann.says("PRIVMSG ann :me").await;
    ann.hears(&[":ann!* PRIVMSG ann :me"]).await;
    ann.says("CAP REQ :echo-message").await;
    ann.hears(&["* NAK :echo-message"]).await;
    server.mischief().offer_caps(&[Cap::Sasl]);
    ann.hears(&[":irc.example CAP ann NEW :sasl=PLAIN"]).await;
    old.hears_nothing().await;
}

#[tokio::test]
async fn a_server_without_capabilities_sends_no_tags() {
    let server = server().await;
    let bob = server.person("bob");
    bob.join("#tea");
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    ann.says("@+x=1;label=2 PRIVMSG #tea :hi").await;
    ann.hears_nothing().await;
    assert_eq!(soon(bob.hears("#tea", |heard| heard.len() == 1)).await[0].tags, []);
    ann.says("CHATHISTORY LATEST #tea * 5").await;
    ann.hears(&["* 421 ann CHATHISTORY :Unknown command"]).await;
}

#[tokio::test]
async fn a_bridge_can_speak_as_others() {
    let server = modern().await;
    let mut op =
        Client::with_caps(&server, "op", "message-tags draft/relaymsg standard-replies").await;
    op.joins("#tea").await;
    let bob = server.person("bob");
    bob.join("#tea");
    op.says("RELAYMSG #tea ann/chat :hello").await;
    let heard = soon(bob.hears("#tea", |heard| heard.len() == 1)).await;
    assert_eq!((heard[0].nick.as_str(), heard[0].text.as_str()), ("ann/chat", "hello"));
    assert_eq!(heard[0].tag("draft/relaymsg"), Some("op"));
    op.says("RELAYMSG #tea ann :hello").await;
    op.hears(&["* JOIN #tea", "* FAIL RELAYMSG INVALID_NICK ann :*"]).await;
    op.says("MODE #tea -o op").await;
    op.says("RELAYMSG #tea ann/chat :hello").await;
    op.hears(&["* MODE #tea -o op", "* FAIL RELAYMSG PRIVS_NEEDED :*"]).await;
}

const HISTORY: &str = "batch server-time message-tags draft/chathistory standard-replies";

/// What a history batch says, each message with its msgid and time.
async fn batch(client: &mut Client) -> Vec<(String, String, String)> {
    client.hears(&["* BATCH +b* chathistory #tea"]).await;
    let mut messages = Vec::new();
    loop {
        let line = client.line().await;
        if line.contains(" BATCH -") {
            return messages;
        }
        let (tags, rest) = line.split_once(' ').unwrap();
        assert!(tags.starts_with("@batch=b"), "{line}");
        let tag = |key: &str| {
            let mut tags = tags[1..].split(';').filter_map(|tag| tag.split_once('='));
            tags.find(|(name, _)| *name == key).unwrap().1.to_owned()
        };
        let text = rest.split_once(" :").unwrap().1.to_owned();
        messages.push((text, tag("msgid"), tag("time")));
    }
}

#[tokio::test]
async fn the_past_can_be_asked_for() {
    let server = modern().await;
    let bob = server.person("bob");
    bob.join("#tea");
    for text in ["a", "b", "c", "d", "e"] {
        bob.say("#tea", text);
        // Times are told to the millisecond, and are to tell the messages apart.
        let now = Timestamp::now().as_millisecond();
        while Timestamp::now().as_millisecond() == now {
            tokio::task::yield_now().await;
        }
    }
    let mut ann = Client::with_caps(&server, "ann", HISTORY).await;
    ann.joins("#tea").await;
    ann.says("CHATHISTORY LATEST #tea * 50").await;
    let all = batch(&mut ann).await;
    let (_, b_id, b_time) = all[1].clone();
    let (_, d_id, d_time) = all[3].clone();
    for (asked, texts) in [
        ("LATEST #tea * 2".to_owned(), "d e"),
        (format!("LATEST #tea msgid={b_id} 2"), "d e"),
        (format!("LATEST #tea timestamp={d_time} 9"), "e"),
        (format!("BEFORE #tea msgid={d_id} 2"), "b c"),
        (format!("BEFORE #tea timestamp={b_time} 2"), "a"),
        (format!("AFTER #tea msgid={b_id} 2"), "c d"),
        (format!("AFTER #tea timestamp={b_time} 9"), "c d e"),
        (format!("BETWEEN #tea msgid={b_id} msgid={d_id} 9"), "c"),
        (format!("BETWEEN #tea timestamp={d_time} timestamp={b_time} 9"), "c"),
        (format!("AROUND #tea msgid={b_id} 3"), "a b c"),
        ("AFTER #tea timestamp=2050-01-01T00:00:00.000Z 9".to_owned(), ""),
    ] {
        ann.says(&format!("CHATHISTORY {asked}")).await;
        let found: Vec<_> = batch(&mut ann).await.into_iter().map(|(text, ..)| text).collect();
        assert_eq!(found.join(" "), texts, "{asked}");
    }
    ann.says("CHATHISTORY TARGETS timestamp=2020-01-01T00:00:00.000Z timestamp=2050-01-01T00:00:00.000Z 9").await;
    ann.hears(&[
        "* BATCH +b* draft/chathistory-targets",
        "@batch=b*;time=* :irc.example CHATHISTORY TARGETS #tea 20*Z",
        "* BATCH -b*",
    ])
    .await;
}

#[tokio::test]
async fn a_wrong_question_about_the_past_fails() {
    let server = modern().await;
    let mut ann = Client::with_caps(&server, "ann", HISTORY).await;
    ann.joins("#tea").await;
    server.person("bob").join("#milk");
    for (asked, code) in [
        ("", "INVALID_PARAMS"),
        ("LATEST #tea", "INVALID_PARAMS LATEST :Insufficient parameters"),
        ("LATEST #tea * 5 x", "INVALID_PARAMS LATEST :Too many parameters"),
        ("LATEST #tea * many", "INVALID_PARAMS LATEST :Invalid limit"),
        ("LATEST #milk * 5", "INVALID_TARGET LATEST #milk"),
        ("BEFORE #tea * 5", "INVALID_PARAMS BEFORE * :"),
        ("YESTERDAY #tea * 5", "INVALID_PARAMS YESTERDAY :Unknown command"),
    ] {
        ann.says(&format!("CHATHISTORY {asked}")).await;
        ann.hears(&[&format!("*:irc.example FAIL CHATHISTORY {code}*")]).await;
    }
    ann.says("CHATHISTORY LATEST #tea * 5").await;
    assert_eq!(batch(&mut ann).await, []);
    ann.says("PRIVMSG #tea :first").await;
    ann.says("CHATHISTORY AFTER #tea msgid=unknown 5").await;
    ann.hears(&["* FAIL CHATHISTORY MESSAGE_ERROR AFTER #tea :*"]).await;
}

#[tokio::test]
async fn so_much_of_the_past_is_kept_and_told() {
    let setup = Setup { caps: Caps::all(), history: 5, chathistory_limit: 3, ..Setup::default() };
    let server = start(setup).await;
    let bob = server.person("bob");
    bob.join("#tea");
    for n in 0..9 {
        bob.say("#tea", &n.to_string());
    }
    let mut ann = Client::connect(&server).await;
    ann.says(&format!("CAP REQ :{HISTORY}")).await;
    ann.says("CAP END").await;
    ann.says("NICK ann").await;
    ann.says("USER ann 0 * :Ann").await;
    ann.skips_to("* CHATHISTORY=3 MSGREFTYPES=msgid,timestamp *").await;
    ann.joins("#tea").await;
    ann.says("CHATHISTORY LATEST #tea * 50").await;
    let last = batch(&mut ann).await;
    assert_eq!(last.iter().map(|(text, ..)| text.as_str()).collect::<String>(), "678");
    ann.says(&format!("CHATHISTORY BEFORE #tea msgid={} 50", last[0].1)).await;
    let before = batch(&mut ann).await;
    assert_eq!(before.iter().map(|(text, ..)| text.as_str()).collect::<String>(), "45");
}
