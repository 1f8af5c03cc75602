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
