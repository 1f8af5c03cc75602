//! TLS, and a lot of talk.

use std::sync::Arc;

use letsbridge_testkit::irc::Setup;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::client::{Client, modern, soon, start};

#[tokio::test]
async fn clients_come_over_tls() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let server = start(Setup { tls: Some(Arc::new(config)), ..Setup::default() }).await;

    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = soon(TlsConnector::from(Arc::new(config)).connect(name, stream)).await.unwrap();
    let mut ann = Client::over(stream);
    ann.register("ann").await;
    ann.join("#tea").await;
    assert_eq!(server.members("#tea"), ["@ann"]);
    ann.send("QUIT").await;
    ann.expect(&["ERROR :Closing Link: ann[127.0.0.1] (Client Quit)"]).await;
    ann.expect_closed().await;
    assert_eq!((server.connections_accepted(), server.client_count()), (1, 0));
}

#[tokio::test]
async fn who_does_not_read_is_cut() {
    let server = start(Setup { sendq: 10_000, ..Setup::default() }).await;
    let bob = server.virtual_user("bob");
    bob.join("#tea");
    let _ann = Client::in_channel(&server, "ann", "#tea").await;
    let text = "x".repeat(400);
    // The system's buffers take some before anything waits with us.
    soon(async {
        while server.client_count() > 0 {
            bob.send("#tea", &text);
            tokio::task::yield_now().await;
        }
    })
    .await;
    let quit = |line: &String| line.ends_with("QUIT :Max SendQ exceeded");
    soon(bob.wait_for_lines(|saw| saw.iter().any(quit))).await;
}

#[tokio::test]
async fn many_speak_and_all_hear_everything_in_order() {
    let server = start(Setup::default()).await;
    let bob = server.virtual_user("bob");
    bob.join("#tea");
    let mut tasks = Vec::new();
    for speaker in 0..5 {
        let mut client = Client::in_channel(&server, &format!("s{speaker}"), "#tea").await;
        tasks.push(tokio::spawn(async move {
            for n in 0..200 {
                client.send(&format!("PRIVMSG #tea :{n}")).await;
            }
            client
        }));
    }
    let heard = soon(bob.wait_for_messages("#tea", |heard| heard.len() == 1000)).await;
    for speaker in 0..5 {
        let by =
            |heard: &&letsbridge_testkit::irc::ReceivedMessage| heard.nick == format!("s{speaker}");
        let said: Vec<usize> = heard.iter().filter(by).map(|h| h.text.parse().unwrap()).collect();
        assert_eq!(said, (0..200).collect::<Vec<_>>());
    }
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn no_command_brings_the_server_down() {
    const WORDS: [&str; 62] = [
        "PASS",
        "NICK",
        "USER",
        "CAP",
        "AUTHENTICATE",
        "PING",
        "PONG",
        "JOIN",
        "PART",
        "PRIVMSG",
        "NOTICE",
        "TAGMSG",
        "NAMES",
        "WHO",
        "WHOIS",
        "MODE",
        "TOPIC",
        "KICK",
        "INVITE",
        "LIST",
        "ISON",
        "MONITOR",
        "USERHOST",
        "AWAY",
        "MOTD",
        "LUSERS",
        "VERSION",
        "CHATHISTORY",
        "RELAYMSG",
        "SETNAME",
        "QUIT",
        "#a",
        "#b",
        "#a,#b,",
        "a",
        "b",
        "a,b,c",
        "*",
        "0",
        "-1",
        "5",
        "+o-v",
        "+bklo",
        "-k",
        "+",
        "LS",
        "REQ",
        "END",
        "302",
        "PLAIN",
        "LATEST",
        "BETWEEN",
        "TARGETS",
        "msgid=x",
        "timestamp=2026-01-01T00:00:00Z",
        "x/y",
        "%tcuhnfar,1",
        ":",
        ":a b",
        "",
        "\u{1}",
        "@label=1;+x",
    ];
    let server = modern().await;
    let mut dice = fastrand::Rng::with_seed(7);
    for round in 0..30 {
        let caps = "labeled-response batch message-tags echo-message draft/chathistory";
        let mut client = Client::with_caps(&server, &format!("n{round}"), caps).await;
        for _ in 0..200 {
            let words = (0..dice.usize(1..6)).map(|_| WORDS[dice.usize(..WORDS.len())]);
            client.try_send(&words.collect::<Vec<_>>().join(" ")).await;
        }
    }
    drop(Client::in_channel(&server, "end", "#end").await);
}
