//! Capabilities, and logging in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use letsbridge_testkit::irc::{Account, Cap, Caps, Setup};

use crate::client::{Client, modern, server, start};

/// base64 of `NUL name NUL password`.
const ANN: &str = "AEFubgBzZXNhbWU=";
const WRONG: &str = "AEFubgBvcGVu";

#[tokio::test]
async fn capabilities_are_offered_and_granted() {
    let server = modern().await;
    let mut ann = Client::connect(&server).await;
    ann.send("CAP LS 302").await;
    let offer = ann.line().await;
    assert!(offer.starts_with(":irc.example CAP * LS :"), "{offer}");
    for cap in ["server-time", "sasl=PLAIN", "draft/relaymsg=/", "draft/chathistory"] {
        assert!(offer.split([' ', ':']).any(|offered| offered == cap), "{cap}: {offer}");
    }
    ann.send("NICK ann").await;
    ann.send("USER ann 0 * :Ann").await;
    for (said, heard) in [
        ("CAP REQ :batch klingon", "CAP ann NAK :batch klingon"),
        ("CAP LIST", "CAP ann LIST :cap-notify"),
        ("CAP REQ :batch server-time", "CAP ann ACK :batch server-time"),
        ("CAP REQ -batch", "CAP ann ACK :-batch"),
        ("CAP LIST", "CAP ann LIST :cap-notify server-time"),
        ("CAP MAYBE", "410 ann MAYBE :Invalid CAP command"),
    ] {
        ann.send(said).await;
        ann.skip_to(&format!("*:irc.example {heard}")).await;
    }
    ann.send("CAP END").await;
    ann.expect(&["@time=20??-??-??T??:??:??.???Z :irc.example 001 ann :*"]).await;
}

#[tokio::test]
async fn an_old_client_sees_no_values() {
    let server = modern().await;
    let mut ann = Client::connect(&server).await;
    ann.send("CAP LS").await;
    let offer = ann.line().await;
    assert!(offer.contains(" sasl ") && !offer.contains('='), "{offer}");
}

#[tokio::test]
async fn a_long_offer_takes_several_lines() {
    let vendor_caps = (0..40).map(|n| format!("vendor.example/capability-{n}=x")).collect();
    let server = start(Setup { caps: Caps::all(), vendor_caps, ..Setup::default() }).await;
    let mut ann = Client::connect(&server).await;
    ann.send("CAP LS 302").await;
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
    ann.send("CAP REQ :vendor.example/capability-7").await;
    ann.expect(&[":irc.example CAP * ACK :vendor.example/capability-7"]).await;
}

#[tokio::test]
async fn servers_differ_in_what_they_know_of_capabilities() {
    let server = server().await;
    let mut ann = Client::connect(&server).await;
    ann.send("CAP LS 302").await;
    ann.expect(&[":irc.example CAP * LS :"]).await;
    let ancient = start(Setup { speaks_cap: false, ..Setup::default() }).await;
    let mut bob = Client::connect(&ancient).await;
    bob.send("CAP LS 302").await;
    bob.expect(&[":irc.example 451 * :You have not registered"]).await;
    bob.register("bob").await;
    bob.send("CAP LS").await;
    bob.expect(&[":irc.example 421 bob CAP :Unknown command"]).await;
}

#[tokio::test]
async fn one_logs_in_with_sasl() {
    let server = modern().await;
    let mut eve =
        Client::with_caps(&server, "eve", "account-notify account-tag extended-join").await;
    eve.join("#tea").await;
    let mut ann = Client::connect(&server).await;
    ann.send("AUTHENTICATE PLAIN").await;
    ann.expect(&["* 904 *"]).await;
    ann.send("CAP REQ :sasl").await;
    ann.expect(&["* ACK :sasl"]).await;
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
        ann.send(said).await;
        ann.expect(heard).await;
    }
    ann.send("CAP END").await;
    ann.register("ann").await;
    ann.join("#tea").await;
    ann.send("PRIVMSG #tea :me").await;
    eve.expect(&[
        "@account=Ann :ann!* JOIN #tea Ann :ann itself",
        "@account=Ann :ann!* PRIVMSG #tea :me",
    ])
    .await;
    eve.send("WHO ann %na").await;
    eve.expect(&["* 354 eve ann Ann", "* 315 *"]).await;
    eve.send("WHOIS ann").await;
    eve.skip_to("* 330 eve ann Ann :is logged in as").await;
    eve.skip_to("* 318 *").await;

    let mut late = Client::with_caps(&server, "late", "sasl").await;
    late.join("#tea").await;
    late.send("AUTHENTICATE PLAIN").await;
    late.send(&format!("AUTHENTICATE {ANN}")).await;
    late.skip_to("* 903 *").await;
    eve.expect(&[":late!* JOIN #tea * :late itself", "@account=Ann :late!* ACCOUNT Ann"]).await;
}

#[tokio::test]
async fn credentials_come_in_chunks() {
    let accounts = vec![Account { name: "ann".to_owned(), password: "x".repeat(400) }];
    let server = start(Setup { caps: Caps::all(), accounts, ..Setup::default() }).await;
    let mut ann = Client::with_caps(&server, "ann", "sasl").await;
    let credentials = STANDARD.encode(format!("\0ann\0{}", "x".repeat(400)));
    ann.send("AUTHENTICATE PLAIN").await;
    ann.expect(&["* AUTHENTICATE +"]).await;
    for chunk in credentials.as_bytes().chunks(400) {
        ann.send(&format!("AUTHENTICATE {}", std::str::from_utf8(chunk).unwrap())).await;
    }
    ann.expect(&["* 900 *", "* 903 *"]).await;
}

#[tokio::test]
async fn capabilities_come_and_go() {
    let server = modern().await;
    let mut ann = Client::connect(&server).await;
    ann.send("CAP LS 302").await;
    ann.send("CAP REQ :echo-message").await;
    ann.send("CAP END").await;
    ann.register("ann").await;
    let mut old = Client::registered(&server, "old").await;
    server.faults().withdraw_caps(&[Cap::EchoMessage, Cap::Sasl]);
    ann.expect(&[":irc.example CAP ann DEL :echo-message sasl"]).await;
    ann.send("PRIVMSG ann :me").await;
    ann.expect(&[":ann!* PRIVMSG ann :me"]).await;
    ann.send("CAP REQ :echo-message").await;
    ann.expect(&["* NAK :echo-message"]).await;
    server.faults().offer_caps(&[Cap::Sasl]);
    ann.expect(&[":irc.example CAP ann NEW :sasl=PLAIN"]).await;
    old.expect_nothing().await;
}
