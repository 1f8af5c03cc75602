//! Tests of the proxies, against scripted ones.

#![allow(clippy::unwrap_used)]
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

/// A scripted proxy: for each step, the bytes it expects and its answer.
async fn actor(part: Vec<(Vec<u8>, Vec<u8>)>) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let playing = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        for (cue, line) in part {
            let mut heard = vec![0; cue.len()];
            stream.read_exact(&mut heard).await.unwrap();
            assert_eq!(String::from_utf8_lossy(&heard), String::from_utf8_lossy(&cue));
            stream.write_all(&line).await.unwrap();
        }
    });
    (port, playing)
}

fn https(address: &str) -> Matcher {
    Matcher::builder().https(address.to_owned()).build()
}

const CONNECT: &str = "CONNECT chat.example:443 HTTP/1.1\r\nHost: chat.example:443\r\n";

/// The first five bytes received through an HTTP proxy, or the error.
async fn connect_by_http(credentials: &str, header: &str, answer: &str) -> Result<String, String> {
    let cue = format!("{CONNECT}{header}\r\n");
    let (port, playing) = actor(vec![(cue.into(), answer.into())]).await;
    let proxies = https(&format!("http://{credentials}127.0.0.1:{port}"));
    let outcome = connect_by_proxies(&proxies, &Url::parse("wss://chat.example/x").unwrap()).await;
    playing.await.unwrap();
    let mut stream = outcome.map_err(|error| error.to_string())?;
    let mut first = [0; 5];
    stream.read_exact(&mut first).await.unwrap();
    Ok(String::from_utf8_lossy(&first).into_owned())
}

#[tokio::test]
async fn http_proxy_opens_a_tunnel_and_keeps_the_server_bytes() {
    let answer = "HTTP/1.1 200 Connection established\r\nVia: tea\r\n\r\nhello";
    assert_eq!(connect_by_http("", "", answer).await.unwrap(), "hello");
    let header = "Proxy-Authorization: Basic YW5uOnAgdw==\r\n";
    assert_eq!(connect_by_http("ann:p%20w@", header, answer).await.unwrap(), "hello");
}

#[tokio::test]
async fn http_proxy_errors_have_a_remedy() {
    for (answer, words) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407 Proxy Authentication Required"),
        ("HTTP/1.1 407 Who\r\n\r\n", "put the user and password into"),
        ("HTTP/1.0 403 Forbidden\r\n\r\n", "does not allow tunnels"),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "the proxy cannot reach the server"),
        ("HTTP/1.1 418\r\n\r\n", "status `418`"),
        (":irc.example NOTICE * :hi\r\n", "not an HTTP proxy"),
        ("HTTP/1.1 200 O", "closed the connection"),
        ("", "closed the connection"),
    ] {
        let error = connect_by_http(
            "ann:secret@",
            "Proxy-Authorization: Basic YW5uOnNlY3JldA==\r\n",
            answer,
        )
        .await
        .unwrap_err();
        assert!(error.contains(words), "{answer}: {error}");
        assert!(
            error.starts_with(
                "cannot connect to chat.example:443 through the proxy http://127.0.0.1:"
            )
        );
        assert!(!error.contains("secret"), "{error}");
    }
}

async fn connect_by_socks(address: &str, part: &[(&[u8], &[u8])]) -> Result<(), String> {
    let part = part.iter().map(|(cue, line)| (cue.to_vec(), line.to_vec())).collect();
    let (port, playing) = actor(part).await;
    let proxies = https(&address.replace("HOST", &format!("127.0.0.1:{port}")));
    let outcome = connect_by_proxies(&proxies, &Url::parse("https://chat.example").unwrap()).await;
    playing.await.unwrap();
    outcome.map(drop).map_err(|error| error.to_string())
}

const WANT: &[u8] = b"\x05\x01\x00\x03\x0cchat.example\x01\xbb";
const OPEN: &[u8] = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90";

#[tokio::test]
async fn socks_proxy_gets_the_host_name() {
    let part = [(&b"\x05\x01\x00"[..], &b"\x05\x00"[..]), (WANT, OPEN)];
    connect_by_socks("socks5h://HOST", &part).await.unwrap();
}

#[tokio::test]
async fn socks_proxy_gets_credentials_on_request() {
    let greeting = &b"\x05\x02\x00\x02"[..];
    let login = &b"\x01\x03ann\x02pw"[..];
    let part = [(greeting, &b"\x05\x02"[..]), (login, &b"\x01\x00"[..]), (WANT, OPEN)];
    connect_by_socks("socks5h://ann:pw@HOST", &part).await.unwrap();
    connect_by_socks("socks5h://ann:pw@HOST", &[(greeting, b"\x05\x00"), (WANT, OPEN)])
        .await
        .unwrap();
}

#[tokio::test]
async fn socks_proxy_errors_are_readable() {
    let greeting = &b"\x05\x01\x00"[..];
    for (part, words) in [
        (vec![(greeting, &b"\x05\xff"[..])], "requires a user and password"),
        (vec![(greeting, &b"HTTP/1.1 400"[..])], "not a SOCKS5 proxy"),
        (
            vec![(greeting, &b"\x05\x00"[..]), (WANT, b"\x05\x05\x00\x01")],
            "connection refused by the server",
        ),
        (vec![(greeting, &b"\x05\x00"[..]), (WANT, b"\x05\x4d\x00\x01")], "SOCKS error 77"),
        (vec![(greeting, &b""[..])], "closed the connection"),
    ] {
        let error = connect_by_socks("socks5h://HOST", &part).await.unwrap_err();
        assert!(error.contains(words), "{error}");
    }
    let part = [(&b"\x05\x02\x00\x02"[..], &b"\x05\x02"[..]), (b"\x01\x03ann\x02pw", b"\x01\x01")];
    let error = connect_by_socks("socks5h://ann:pw@HOST", &part).await.unwrap_err();
    assert!(error.contains("rejected the user and password"), "{error}");
}

#[tokio::test]
async fn socks_proxy_gets_an_address_as_an_address() {
    let (port, playing) = actor(vec![
        (b"\x05\x01\x00".to_vec(), b"\x05\x00".to_vec()),
        (b"\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50".to_vec(), OPEN.to_vec()),
    ])
    .await;
    let proxies = Matcher::builder().http(format!("socks5://127.0.0.1:{port}")).build();
    connect_by_proxies(&proxies, &Url::parse("ws://192.0.2.1/").unwrap()).await.unwrap();
    playing.await.unwrap();
}

#[test]
fn each_scheme_uses_its_proxy_and_no_proxy_wins() {
    let proxies = Matcher::builder()
        .http("http://plain:1")
        .https("http://safe:2")
        .no("inside.example,10.0.0.0/8,2001:db8::1")
        .build();
    for (address, proxy) in [
        ("ws://chat.example/socket.io/", Some("plain")),
        ("http://chat.example", Some("plain")),
        ("wss://chat.example:8443/prefix", Some("safe")),
        ("https://user@chat.example", Some("safe")),
        ("wss://chat.inside.example/", None),
        ("wss://10.1.2.3/", None),
        ("wss://[2001:db8::1]:5000/", None),
        ("wss://[2001:db8::2]:5000/", Some("safe")),
        ("wss://[::1]:5000/", None),
        ("ws://127.0.0.1:5000/", None),
        ("ws://localhost:5000/", None),
    ] {
        let found = proxy_for(&proxies, &Url::parse(address).unwrap());
        assert_eq!(found.as_ref().and_then(|proxy| proxy.uri().host()), proxy, "{address}");
    }
}

#[tokio::test]
async fn without_a_proxy_the_connection_is_direct() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let url = Url::parse(&format!("ws://{address}/socket.io/")).unwrap();
    let stream = connect_by_proxies(&Matcher::builder().build(), &url).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), address);
}

#[tokio::test]
async fn unreachable_or_unknown_proxy_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = Url::parse("https://chat.example").unwrap();
    for (proxy, words) in [
        (format!("http://127.0.0.1:{port}"), "refused"),
        ("https://127.0.0.1:1".to_owned(), "unknown proxy scheme `https`"),
        ("socks4://127.0.0.1:1".to_owned(), "unknown proxy scheme `socks4`"),
    ] {
        let error = connect_by_proxies(&https(&proxy), &url).await.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
