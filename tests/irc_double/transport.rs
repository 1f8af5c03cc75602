//! TLS, and a lot of talk.

use std::sync::Arc;

use letsbridge::demo::irc::Setup;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::client::{Client, soon, start};

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
    ann.joins("#tea").await;
    assert_eq!(server.members("#tea"), ["@ann"]);
    ann.says("QUIT").await;
    ann.hears(&["ERROR :Closing Link: ann[127.0.0.1] (Client Quit)"]).await;
    ann.is_cut().await;
    assert_eq!((server.connections(), server.connected()), (1, 0));
}

#[tokio::test]
async fn who_does_not_read_is_cut() {
    let server = start(Setup { sendq: 10_000, ..Setup::default() }).await;
    let bob = server.person("bob");
    bob.join("#tea");
    let _ann = Client::in_channel(&server, "ann", "#tea").await;
    let text = "x".repeat(400);
    // The system's buffers take some before anything waits with us.
    soon(async {
        while server.connected() > 0 {
            bob.say("#tea", &text);
            tokio::task::yield_now().await;
        }
    })
    .await;
    let quit = |line: &String| line.ends_with("QUIT :Max SendQ exceeded");
    soon(bob.sees(|saw| saw.iter().any(quit))).await;
}

#[tokio::test]
async fn many_speak_and_all_hear_everything_in_order() {
    let server = start(Setup::default()).await;
    let bob = server.person("bob");
    bob.join("#tea");
    let mut tasks = Vec::new();
    for speaker in 0..5 {
        let mut client = Client::in_channel(&server, &format!("s{speaker}"), "#tea").await;
        tasks.push(tokio::spawn(async move {
            for n in 0..200 {
                client.says(&format!("PRIVMSG #tea :{n}")).await;
            }
            client
        }));
    }
    let heard = soon(bob.hears("#tea", |heard| heard.len() == 1000)).await;
    for speaker in 0..5 {
        let by = |heard: &&letsbridge::demo::irc::Heard| heard.nick == format!("s{speaker}");
        let said: Vec<usize> = heard.iter().filter(by).map(|h| h.text.parse().unwrap()).collect();
        assert_eq!(said, (0..200).collect::<Vec<_>>());
    }
    for task in tasks {
        task.await.unwrap();
    }
}
