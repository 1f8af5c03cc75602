use std::time::Duration;

use serde_json::json;

use super::client::path;
use super::raw::{Request, fetch, soon};
use super::*;

#[tokio::test]
async fn the_engine_opens_before_the_token_is_checked_and_hears_only_pings_until_then() {
    let chat = start(Setup { token_check_time: Duration::from_secs(3600), ..setup() }).await;
    let mut socket = Client::open(chat.address(), &path(&chat.token("alice"))).await;
    assert!(socket.receive().await.contains(r#""pingInterval":25000,"pingTimeout":60000"#));
    socket.send(r#"420["account:whoami"]"#).await;
    assert_eq!(socket.received().await, [""; 0]);
}

#[tokio::test]
async fn a_check_takes_its_time_and_one_waits_for_the_other() {
    let cost = Duration::from_millis(20);
    let chat = start(Setup { token_check_time: cost, ..setup() }).await;
    let began = tokio::time::Instant::now();
    tokio::join!(connect(&chat, "alice"), connect(&chat, "bob"));
    assert!(began.elapsed() >= 2 * cost);
}

#[tokio::test]
async fn whoever_is_refused_may_wait_and_ping_and_is_not_heard() {
    let chat = start(setup()).await;
    let stranger = format!("{}:{}", "0".repeat(24), "0".repeat(48));
    let stranger = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, stranger);
    for (token, said) in
        [("Zm9v", vec!["44", "44"]), (&stranger, vec!["44"]), ("", vec![r#"44"No session found""#])]
    {
        let mut socket = Client::open(chat.address(), &path(token)).await;
        assert!(socket.receive().await.starts_with("0{"));
        assert_eq!(socket.received().await, said, "{token:?}");
        socket.send(r#"420["account:whoami"]"#).await;
        assert_eq!(socket.received().await, [""; 0]);
    }
}

#[tokio::test]
async fn a_revoked_token_ends_no_connection_and_opens_none() {
    let chat = start(setup()).await;
    let token = chat.token("alice");
    let mut before = connect(&chat, "alice").await;
    chat.revoke_token("alice");
    assert_eq!(before.call("account:whoami", &json!(null)).await["username"], "alice");
    let mut after = Client::open(chat.address(), &path(&token)).await;
    after.receive().await;
    assert_eq!(after.received().await, ["44"]);
    let fresh = chat.new_token("alice");
    assert_ne!(fresh, token);
    Client::let_in(chat.address(), &fresh).await;
}

#[tokio::test]
async fn a_client_that_does_not_ping_is_closed() {
    let brief = Duration::from_millis(40);
    let chat = start(Setup { ping_interval: brief, ping_timeout: brief, ..setup() }).await;
    let mut socket = connect(&chat, "alice").await;
    assert_eq!(socket.received_until_closed().await, [""; 0]);
    soon(chat.wait_for_connections(|count| count == 0)).await;
}

#[tokio::test]
async fn frames_that_are_not_engineio_end_the_connection_and_odd_packets_do_not() {
    let chat = start(setup()).await;
    let mut socket = connect(&chat, "alice").await;
    for odd in ["42{}", "42[", "4", "5", "429[\"no:such:event\",{}]"] {
        socket.send(odd).await;
    }
    assert_eq!(socket.received().await, [""; 0]);
    socket.send("hello").await;
    assert_eq!(socket.received_until_closed().await, [""; 0]);
}

#[tokio::test]
async fn a_client_may_leave_and_keep_its_connection() {
    let chat = start(setup()).await;
    let mut socket = join(&chat, "alice", "tea").await;
    socket.send("41").await;
    soon(chat.wait_for_leave("tea", "alice")).await;
    socket.send(r#"420["account:whoami"]"#).await;
    assert_eq!(socket.received().await, [""; 0]);
    socket.send("1").await;
    assert_eq!(socket.received_until_closed().await, [""; 0]);
}

#[tokio::test]
async fn only_websockets_are_spoken() {
    let chat = start(setup()).await;
    for (query, error) in [
        ("EIO=3&transport=polling", r#"{"code":0,"message":"Transport unknown"}"#),
        ("EIO=3", r#"{"code":0,"message":"Transport unknown"}"#),
        ("EIO=3&transport=websocket&sid=x", r#"{"code":1,"message":"Session ID unknown"}"#),
        ("EIO=3&transport=websocket", r#"{"code":3,"message":"Bad request"}"#),
    ] {
        let path = format!("/socket.io/?{query}");
        let answer =
            fetch(chat.address(), &Request { method: "GET", path: &path, ..Request::default() })
                .await
                .unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (400, error), "{query}");
    }
}

#[tokio::test]
async fn a_server_may_lie_behind_a_prefix() {
    let chat = start(Setup { prefix: "/chat".to_owned(), ..setup() }).await;
    assert_eq!(chat.url(), format!("http://{}/chat", chat.address()));
    let token = chat.token("alice");
    let mut socket = Client::open(chat.address(), &format!("/chat{}", path(&token))).await;
    socket.receive().await;
    assert_eq!(socket.receive().await, "40");
    for (path, status) in [("/chat/account", 200), ("/account", 404)] {
        let request = Request {
            method: "GET",
            path,
            auth: Some(format!("Bearer {token}")),
            ..Request::default()
        };
        assert_eq!(fetch(chat.address(), &request).await.unwrap().status, status, "{path}");
    }
}

#[tokio::test]
async fn dropping_the_server_ends_its_connections_and_frees_its_port() {
    let chat = start(setup()).await;
    let address = chat.address();
    let mut socket = connect(&chat, "alice").await;
    drop(chat);
    assert_eq!(socket.received_until_closed().await, [""; 0]);
    soon(async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn it_speaks_tls() {
    use tokio_rustls::rustls::{self, pki_types::PrivateKeyDer};
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let server = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let chat = start(Setup { tls: Some(server.into()), ..setup() }).await;
    assert!(chat.url().starts_with("https://127.0.0.1:"));
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(chat.address()).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(client));
    let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    let url = format!("ws://localhost{}", path(&chat.token("alice")));
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    let mut hear = async || {
        futures_util::StreamExt::next(&mut socket).await.unwrap().unwrap().into_text().unwrap()
    };
    assert!(soon(hear()).await.starts_with("0{"));
    assert_eq!(soon(hear()).await.as_str(), "40");
}
