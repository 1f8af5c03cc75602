//! Which servers are believed to be themselves, and what is said about the others.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::Write;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use letsbridge::config::{CertificatePin, TlsTrust};
use letsbridge::net::connect::{ConnectError, connect_tcp};
use letsbridge::net::dial::tls_handshake;
use letsbridge::net::proxy::{Matcher, connect_by_proxies};
use letsbridge::net::rest::RestClient;
use letsbridge::net::tls::{Fingerprint, HandshakeError, RejectionCause, client_config};
use letsbridge::net::{WsRequest, open_websocket};
use letsbridge::protocol::letschat::ReceivedFrame;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use url::Url;

/// What a server shows: a certificate, and the key that it signs with.
struct Identity {
    certificate: CertificateDer<'static>,
    pem: String,
    key: KeyPair,
}

impl Identity {
    fn pin(&self) -> [u8; 32] {
        Sha256::digest(&self.certificate).into()
    }

    fn fingerprint(&self) -> String {
        Fingerprint(self.pin()).to_string()
    }
}

fn params(host: &str) -> CertificateParams {
    CertificateParams::new([host.to_owned()]).unwrap()
}

fn self_signed(params: &CertificateParams) -> Identity {
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Identity { certificate: certificate.der().clone(), pem: certificate.pem(), key }
}

/// What `openssl req -x509` makes: a certificate that is its own authority.
fn self_signed_authority(host: &str) -> Identity {
    let mut params = params(host);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    self_signed(&params)
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    authority_named("Tea Authority")
}

fn authority_named(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn signed(params: &CertificateParams, by: &CertifiedIssuer<'static, KeyPair>) -> Identity {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, by).unwrap();
    Identity { certificate: certificate.der().clone(), pem: certificate.pem(), key }
}

/// Shows its certificate whether or not the key fits, as an impostor would.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// The server's half of the handshake.
fn acceptor(identity: &Identity) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key.serialize_der()));
    let key = provider.key_provider.load_private_key(key).unwrap();
    let shown = CertifiedKey::new(vec![identity.certificate.clone()], key);
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Shows(Arc::new(shown))));
    TlsAcceptor::from(Arc::new(config))
}

/// A server that answers every connection with `answer` once it has heard something. Its port.
async fn server(identity: &Identity, answer: String) -> u16 {
    let acceptor = acceptor(identity);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that refuses us ends the handshake; that is its test, not ours.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            if stream.read(&mut [0; 4096]).await.is_ok() {
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        }
    });
    port
}

/// Speaks over TLS with a server that shows `identity`, calling it `host`: the answer to "ping".
async fn spoken(identity: &Identity, host: &str, trust: &TlsTrust) -> Result<String, ConnectError> {
    let port = server(identity, "pong".to_owned()).await;
    exchange(connect_tcp("127.0.0.1", port).await?, host, trust).await
}

async fn exchange(stream: TcpStream, host: &str, trust: &TlsTrust) -> Result<String, ConnectError> {
    let mut stream = tls_handshake(stream, host, &client_config(trust).unwrap()).await?;
    stream.write_all(b"ping").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    Ok(answer)
}

fn ca_file(pems: &[&str]) -> (NamedTempFile, TlsTrust) {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(pems.concat().as_bytes()).unwrap();
    let trust = TlsTrust::CaFile(file.path().to_owned());
    (file, trust)
}

#[track_caller]
fn accepted(outcome: Result<String, ConnectError>) {
    assert_eq!(outcome.expect("the server is accepted"), "pong");
}

#[track_caller]
fn refused(outcome: Result<String, ConnectError>, identity: &Identity) -> (RejectionCause, String) {
    let error = outcome.expect_err("the server is not accepted");
    let words = error.to_string();
    let ConnectError::Tls { reason: HandshakeError::CertRejected(refused), .. } = error else {
        panic!("not for its certificate: {words}");
    };
    assert_eq!(refused.fingerprint.to_string(), identity.fingerprint());
    // Whatever is wrong, the words say what to write to accept this very certificate.
    let remedy = format!("pin_sha256 = \"{}\"", identity.fingerprint());
    assert!(words.contains(&remedy), "{words}");
    (refused.cause, words)
}

#[tokio::test]
async fn certificate_signed_by_the_ca_file_is_accepted() {
    let ours = authority();
    let other = authority();
    let (_file, trust) = ca_file(&[&other.pem(), &ours.pem()]);
    let server = signed(&params("irc.example"), &ours);
    accepted(spoken(&server, "irc.example", &trust).await);
    let by_address = signed(&params("127.0.0.1"), &ours);
    accepted(spoken(&by_address, "127.0.0.1", &trust).await);
    let by_address = signed(&params("::1"), &ours);
    accepted(spoken(&by_address, "[::1]", &trust).await);
}

#[tokio::test]
async fn certificate_signed_by_another_authority_is_rejected() {
    let (_file, trust) = ca_file(&[&authority().pem()]);
    for name in ["Tea Authority", "Coffee Authority"] {
        let server = signed(&params("irc.example"), &authority_named(name));
        let (cause, words) = refused(spoken(&server, "irc.example", &trust).await, &server);
        assert_eq!(cause, RejectionCause::Untrusted);
        assert!(words.contains("`ca_file`"), "{words}");
    }
}

#[tokio::test]
async fn ca_file_replaces_the_system_authorities() {
    let ours = authority();
    let server = signed(&params("irc.example"), &ours);
    let system = client_config(&TlsTrust::System);
    if let Err(error) = system {
        // A machine without authorities: that is told, and nothing is accepted.
        assert!(error.to_string().contains("ca-certificates"), "{error}");
        return;
    }
    let outcome = spoken(&server, "irc.example", &TlsTrust::System).await;
    assert_eq!(refused(outcome, &server).0, RejectionCause::Untrusted);
}

#[tokio::test]
async fn self_signed_certificate_is_accepted_if_listed() {
    for server in [self_signed_authority("irc.example"), self_signed(&params("irc.example"))] {
        let (_file, trust) = ca_file(&[&authority().pem(), &server.pem]);
        accepted(spoken(&server, "irc.example", &trust).await);
        let other = self_signed_authority("irc.example");
        let (_file, trust) = ca_file(&[&other.pem]);
        let (cause, words) = refused(spoken(&server, "irc.example", &trust).await, &server);
        assert_eq!(cause, RejectionCause::Untrusted, "{words}");
    }
}

#[tokio::test]
async fn pinned_certificate_is_accepted_regardless_of_its_issuer() {
    for server in [
        self_signed_authority("irc.example"),
        self_signed(&params("irc.example")),
        signed(&params("elsewhere.example"), &authority()),
        self_signed(&expired()),
    ] {
        accepted(
            spoken(&server, "irc.example", &TlsTrust::Pin(CertificatePin::new(server.pin()))).await,
        );
    }
}

/// X.509 version 1: the key of a pinned certificate proves as much as any other.
#[tokio::test]
async fn version_1_certificate_can_be_pinned_or_listed() {
    let pem = include_str!("data/certificates/v1.pem");
    let key = include_str!("data/certificates/v1.key");
    let server = Identity {
        certificate: CertificateDer::from_pem_slice(pem.as_bytes()).unwrap(),
        pem: pem.to_owned(),
        key: KeyPair::from_pem(key).unwrap(),
    };
    let (_file, listed) = ca_file(&[pem]);
    for trust in [TlsTrust::Pin(CertificatePin::new(server.pin())), listed] {
        accepted(spoken(&server, "irc.example", &trust).await);
        let key = KeyPair::generate().unwrap();
        let impostor =
            Identity { key, pem: pem.to_owned(), certificate: server.certificate.clone() };
        spoken(&impostor, "irc.example", &trust).await.unwrap_err();
    }
}

#[tokio::test]
async fn certificate_other_than_the_pinned_one_is_rejected() {
    let (pinned, server) = (self_signed(&params("a.example")), self_signed(&params("a.example")));
    let outcome =
        spoken(&server, "a.example", &TlsTrust::Pin(CertificatePin::new(pinned.pin()))).await;
    let (cause, words) = refused(outcome, &server);
    assert_eq!(cause, RejectionCause::PinMismatch);
    assert!(words.contains("not the pinned one"), "{words}");
}

#[tokio::test]
async fn certificate_without_its_key_is_rejected() {
    let real = self_signed_authority("irc.example");
    let impostor = Identity {
        certificate: real.certificate.clone(),
        pem: real.pem.clone(),
        key: KeyPair::generate().unwrap(),
    };
    let (_file, listed) = ca_file(&[&real.pem]);
    for trust in [TlsTrust::Pin(CertificatePin::new(real.pin())), listed] {
        accepted(spoken(&real, "irc.example", &trust).await);
        let error = spoken(&impostor, "irc.example", &trust).await.unwrap_err();
        let failed = matches!(error, ConnectError::Tls { reason: HandshakeError::Other(_), .. });
        assert!(failed, "{error}");
        assert!(error.to_string().to_lowercase().contains("signature"), "{error}");
    }
}

#[tokio::test]
async fn certificate_for_another_host_is_rejected_with_its_host() {
    let ours = authority();
    let (_file, trust) = ca_file(&[&ours.pem()]);
    let names = ["irc.example".to_owned(), "*.tea.example".to_owned(), "192.0.2.1".to_owned()];
    let server = signed(&CertificateParams::new(names).unwrap(), &ours);
    accepted(spoken(&server, "irc.example", &trust).await);
    accepted(spoken(&server, "green.tea.example", &trust).await);
    let (cause, words) = refused(spoken(&server, "chat.example", &trust).await, &server);
    let RejectionCause::WrongHost(names) = cause else { panic!("{words}") };
    assert_eq!(names, ["irc.example", "*.tea.example", "192.0.2.1"]);
    assert!(words.starts_with("TLS handshake with chat.example failed: "), "{words}");
    assert!(words.contains("irc.example, *.tea.example"), "{words}");
}

fn expired() -> CertificateParams {
    let mut params = params("irc.example");
    params.not_before = date_time_ymd(2019, 1, 1);
    params.not_after = date_time_ymd(2020, 2, 29);
    params
}

#[tokio::test]
async fn expired_certificate_is_rejected_with_its_date() {
    let ours = authority();
    let (_file, trust) = ca_file(&[&ours.pem()]);
    let server = signed(&expired(), &ours);
    let (cause, words) = refused(spoken(&server, "irc.example", &trust).await, &server);
    assert_eq!(cause, RejectionCause::Expired(Some("2020-02-29T00:00:00Z".parse().unwrap())));
    assert!(words.contains("expired at 2020-02-29"), "{words}");

    let mut later = params("irc.example");
    later.not_before = date_time_ymd(4000, 1, 1);
    later.not_after = date_time_ymd(4001, 1, 1);
    let server = signed(&later, &ours);
    let (cause, words) = refused(spoken(&server, "irc.example", &trust).await, &server);
    assert_eq!(cause, RejectionCause::NotYetValid(Some("4000-01-01T00:00:00Z".parse().unwrap())));
    assert!(words.contains("clock"), "{words}");
}

/// A server that says `line` and hangs up, without TLS.
async fn plain(line: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // The greeting is read first: hanging up on unread bytes would be a reset.
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(line.as_bytes()).await;
    });
    port
}

#[tokio::test]
async fn port_without_tls_is_reported() {
    for line in
        [":irc.example NOTICE * :*** Looking up\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", ""]
    {
        let stream = connect_tcp("127.0.0.1", plain(line).await).await.unwrap();
        let error = exchange(stream, "irc.example", &TlsTrust::Pin(CertificatePin::new([0; 32])))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("does not speak TLS"), "{line}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn port_that_waits_for_the_client_is_reported() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let error = exchange(stream, "irc.example", &TlsTrust::Pin(CertificatePin::new([0; 32])))
        .await
        .unwrap_err();
    let silent = matches!(error, ConnectError::Tls { reason: HandshakeError::TimedOut, .. });
    assert!(silent, "{error}");
}

#[tokio::test]
async fn host_that_no_certificate_can_name_is_reported() {
    let server = self_signed(&params("irc.example"));
    let error = spoken(&server, "tea pot", &TlsTrust::Pin(CertificatePin::new(server.pin())))
        .await
        .unwrap_err();
    let not_a_name =
        matches!(error, ConnectError::Tls { reason: HandshakeError::InvalidServerName, .. });
    assert!(not_a_name, "{error}");
}

const ANN: &str = r#"{"id":"6b035acebda4781b8a8cafab","username":"ann","displayName":"Ann"}"#;

fn http_answer() -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{ANN}", ANN.len())
}

async fn whose_token(identity: &Identity, trust: &TlsTrust) -> Result<String, String> {
    let port = server(identity, http_answer()).await;
    let url = Url::parse(&format!("https://127.0.0.1:{port}/chat")).unwrap();
    // No test here sets a process default, so this also shows that REST needs none.
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    let tls = client_config(trust).unwrap();
    let rest = RestClient::new(&url, &SecretString::from("token"), &tls).unwrap();
    rest.account().await.map(|account| account.username).map_err(|error| error.to_string())
}

#[tokio::test]
async fn rest_trusts_whom_the_other_connections_trust() {
    let ours = authority();
    let (_file, trust) = ca_file(&[&ours.pem()]);
    let server = signed(&params("127.0.0.1"), &ours);
    assert_eq!(whose_token(&server, &trust).await.unwrap(), "ann");
    assert_eq!(
        whose_token(&server, &TlsTrust::Pin(CertificatePin::new(server.pin()))).await.unwrap(),
        "ann"
    );

    let stranger = signed(&params("127.0.0.1"), &authority());
    for trust in [trust, TlsTrust::Pin(CertificatePin::new(server.pin()))] {
        let words = whose_token(&stranger, &trust).await.unwrap_err();
        let remedy = format!("pin_sha256 = \"{}\"", stranger.fingerprint());
        assert!(words.contains(&remedy), "{words}");
    }
}

#[tokio::test]
async fn rest_reports_a_port_without_tls() {
    let url = format!("https://127.0.0.1:{}", plain("HTTP/1.1 400 Bad Request\r\n\r\n").await);
    let tls = client_config(&TlsTrust::Pin(CertificatePin::new([0; 32]))).unwrap();
    let rest =
        RestClient::new(&Url::parse(&url).unwrap(), &SecretString::from("token"), &tls).unwrap();
    let words = rest.account().await.unwrap_err().to_string();
    assert!(words.contains("does not speak TLS"), "{words}");
}

#[tokio::test]
async fn websocket_trusts_the_same_certificates() {
    let identity = self_signed(&params("localhost"));
    let acceptor = acceptor(&identity);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        socket.send("40".into()).await.unwrap();
        let answer = socket.next().await.unwrap().unwrap();
        socket.send(answer).await.unwrap();
    });
    let config = client_config(&TlsTrust::Pin(CertificatePin::new(identity.pin()))).unwrap();
    let stream = tls_handshake(connect_tcp("127.0.0.1", port).await.unwrap(), "localhost", &config);
    let url = Url::parse(&format!("https://localhost:{port}/chat/")).unwrap();
    let knock = WsRequest { url, token: SecretString::from("token") };
    let mut frames = open_websocket(stream.await.unwrap(), &knock).await.unwrap();
    assert_eq!(frames.next().await.unwrap().unwrap(), ReceivedFrame::Text("40".into()));
    frames.send("2probe".to_owned()).await.unwrap();
    assert_eq!(frames.next().await.unwrap().unwrap(), ReceivedFrame::Text("2probe".into()));
}

/// A proxy that leads every `CONNECT chat.example:443` to `port` here.
async fn connect_proxy(port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(client.read_u8().await.unwrap());
        }
        assert!(request.starts_with(b"CONNECT chat.example:443 HTTP/1.1\r\n"));
        let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let _ = copy_bidirectional(&mut client, &mut server).await;
    });
    proxy
}

#[tokio::test]
async fn tls_through_a_proxy_is_with_the_server_not_the_proxy() {
    let identity = self_signed(&params("chat.example"));
    let proxy = connect_proxy(server(&identity, "pong".to_owned()).await).await;
    let proxies = Matcher::builder().https(format!("http://127.0.0.1:{proxy}")).build();
    let url = Url::parse("wss://chat.example/socket.io/").unwrap();
    let stream = connect_by_proxies(&proxies, &url).await.unwrap();
    accepted(
        exchange(stream, "chat.example", &TlsTrust::Pin(CertificatePin::new(identity.pin()))).await,
    );
}
