//! TLS connections to real servers, handed over again and again: to IRC servers with GnuTLS and OpenSSL, and to
//! `openssl s_server`, which changes its keys and renegotiates when told to.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use letsbridge::net::Wire;
use letsbridge::net::tls::handshake_kept;
use letsbridge::net::tls::takeover::{KeptTls, TakenOverTls, TlsState};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use crate::support::irc_client::IrcClient;
use crate::support::ircd::{Daemon, Flood, Ircd};

const LIMIT: Duration = Duration::from_secs(30);

/// How often each connection is handed over.
const HAND_OVERS: usize = 20;

/// A connection that is handed over again and again, as if to another process each time.
pub(crate) enum Handed {
    Kept(Box<KeptTls>),
    TakenOver(Box<TakenOverTls>),
    /// Amid the hand-over.
    Nowhere,
}

/// A client on such a connection.
struct Caller {
    stream: Handed,
    read: Vec<u8>,
}

impl Caller {
    async fn connect(
        server: SocketAddr,
        trusted: &Path,
        version: &'static SupportedProtocolVersion,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(trusted).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tcp = TcpStream::connect(server).await.unwrap();
        let kept = handshake_kept(tcp, "localhost", &config).await.unwrap();
        Self { stream: Handed::Kept(Box::new(kept)), read: Vec::new() }
    }

    fn hand_over(&mut self) {
        let (tcp, state) = match std::mem::replace(&mut self.stream, Handed::Nowhere) {
            Handed::Kept(stream) => stream.into_state().unwrap(),
            Handed::TakenOver(stream) => stream.into_state().unwrap(),
            Handed::Nowhere => panic!("it is handed over twice at once"),
        };
        let text = serde_json::to_vec(&state).unwrap();
        let state: TlsState = serde_json::from_slice(&text).unwrap();
        self.stream = Handed::TakenOver(Box::new(state.resume(tcp).unwrap()));
    }

    fn wire(&mut self) -> &mut dyn Wire {
        match &mut self.stream {
            Handed::Kept(stream) => stream.as_mut(),
            Handed::TakenOver(stream) => stream.as_mut(),
            Handed::Nowhere => panic!("it is being handed over"),
        }
    }

    async fn say(&mut self, text: &str) {
        self.wire().write_all(text.as_bytes()).await.unwrap();
        self.wire().flush().await.unwrap();
    }

    /// The next line that contains this. Pings are answered.
    async fn hear(&mut self, wanted: &str) -> String {
        loop {
            let line = self.line().await;
            if let Some(token) = line.strip_prefix("PING ") {
                let answer = format!("PONG {token}\r\n");
                self.say(&answer).await;
            }
            if line.contains(wanted) {
                return line;
            }
        }
    }

    async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return String::from_utf8(line).unwrap().trim_end().to_owned();
            }
            let mut bytes = [0; 512];
            let read = timeout(LIMIT, self.wire().read(&mut bytes)).await.expect("no answer");
            let len = read.unwrap();
            assert_ne!(len, 0, "the server closed the connection");
            self.read.extend(&bytes[..len]);
        }
    }
}

/// Somebody whose connection is handed over talks with somebody else, who sees nobody leave or come.
pub(crate) async fn nobody_notices(daemon: Daemon) {
    let server = Ircd::start(daemon, Flood::Allowed).await;
    nobody_notices_at(server.plain(), server.tls(), &server.certificate()).await;
}

/// The same at another server, whose certificate is for `localhost`.
#[tokio::test]
#[ignore = "needs an IRC server: CONTRIBUTING.md says how"]
async fn needs_irc_with_tls() {
    let given = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let address = |name: &str| given(name).parse().unwrap();
    let certificate = given("IRC_CERTIFICATE");
    nobody_notices_at(address("IRC_SERVER"), address("IRC_SERVER_TLS"), Path::new(&certificate))
        .await;
}

async fn nobody_notices_at(plain: SocketAddr, tls: SocketAddr, certificate: &Path) {
    for (nick, version) in [("ann12", &TLS12), ("ann13", &TLS13)] {
        let mut bob = IrcClient::connect(plain, "bob").await;
        let mut ann = Caller::connect(tls, certificate, version).await;
        ann.say(&format!("NICK {nick}\r\nUSER {nick} 0 * :Ann\r\n")).await;
        ann.hear(" 001 ").await;
        ann.say("JOIN #tea\r\n").await;
        ann.hear(" 366 ").await;
        bob.join("#tea").await;
        ann.hear(" JOIN ").await;
        for at in 0..HAND_OVERS {
            // What bob says is on its way, and ann has said half a line.
            bob.say("#tea", &format!("to ann {at}"));
            ann.say("PRIVMSG #tea :to b").await;
            ann.hand_over();
            ann.say(&format!("ob {at}\r\n")).await;
            assert_eq!(bob.heard("#tea", 1).await[0].text, format!("to bob {at}"));
            let line = ann.hear("PRIVMSG").await;
            assert!(line.ends_with(&format!(":to ann {at}")), "{line}");
        }
        let long = "x".repeat(400);
        for at in 0..50 {
            ann.say(&format!("PRIVMSG #tea :{at} {long}\r\n")).await;
        }
        ann.hand_over();
        let heard = bob.heard("#tea", 50).await;
        for (at, said) in heard.iter().enumerate() {
            assert_eq!(said.text, format!("{at} {long}"));
        }
        ann.say("QUIT :done\r\n").await;
        ann.hear("ERROR").await;
    }
}

/// `openssl s_server`, which sends what is typed, and prints what it reads.
struct TypedServer {
    address: SocketAddr,
    typed: ChildStdin,
    printed: BufReader<ChildStdout>,
    directory: TempDir,
    _process: Child,
}

impl TypedServer {
    async fn start(more: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = directory.path().join("cert.pem");
        let key = directory.path().join("key.pem");
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let mut process = Command::new("openssl")
            .args(["s_server", "-accept", &address.to_string(), "-cert"])
            .arg(&certificate)
            .arg("-key")
            .arg(&key)
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("openssl must be installed for this test");
        let typed = process.stdin.take().unwrap();
        let printed = BufReader::new(process.stdout.take().unwrap());
        let mut server = Self { address, typed, printed, directory, _process: process };
        server.prints("ACCEPT").await;
        server
    }

    async fn call(&self, version: &'static SupportedProtocolVersion) -> Caller {
        Caller::connect(self.address, &self.directory.path().join("cert.pem"), version).await
    }

    async fn types(&mut self, text: &str) {
        self.typed.write_all(text.as_bytes()).await.unwrap();
        self.typed.flush().await.unwrap();
    }

    /// Waits until it prints a line with this.
    async fn prints(&mut self, wanted: &str) {
        let mut line = String::new();
        while !line.contains(wanted) {
            line.clear();
            let read = timeout(LIMIT, self.printed.read_line(&mut line)).await;
            assert_ne!(read.expect("it prints").unwrap(), 0, "it ended before it printed {wanted}");
        }
    }
}

/// Both say something.
async fn talk(server: &mut TypedServer, caller: &mut Caller, words: &str) {
    caller.say(&format!("{words}\n")).await;
    server.prints(words).await;
    server.types(&format!("{words}\n")).await;
    assert_eq!(caller.line().await, words);
}

#[tokio::test]
#[ignore = "needs openssl installed: tests/all runs it"]
async fn openssl_changes_its_keys_before_and_after_a_hand_over() {
    for suite in
        ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
    {
        let mut server = TypedServer::start(&["-tls1_3", "-ciphersuites", suite]).await;
        let mut caller = server.call(&TLS13).await;
        for at in 0..HAND_OVERS {
            // K asks us to change ours, too; k does not.
            server.types(if at % 2 == 0 { "K\n" } else { "k\n" }).await;
            talk(&mut server, &mut caller, &format!("with key {at}")).await;
            if at % 4 == 1 {
                caller.hand_over();
            }
            talk(&mut server, &mut caller, &format!("still with key {at}")).await;
        }
    }
}

#[tokio::test]
#[ignore = "needs openssl installed: tests/all runs it"]
async fn openssl_is_told_that_nobody_renegotiates_after_a_hand_over() {
    for suite in [
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    ] {
        let mut server = TypedServer::start(&["-tls1_2", "-cipher", suite]).await;
        let mut caller = server.call(&TLS12).await;
        talk(&mut server, &mut caller, "before").await;
        for at in 0..HAND_OVERS {
            caller.hand_over();
            talk(&mut server, &mut caller, &format!("hand-over {at}")).await;
        }
        // The refusal leaves with what is said next. OpenSSL takes it as the end, as it does of rustls.
        server.types("R\n").await;
        let refused = async {
            loop {
                let (mut byte, wire) = ([0], caller.wire());
                let read = wire.read(&mut byte);
                match timeout(Duration::from_millis(20), read).await {
                    Err(_) => caller.say("anything\n").await,
                    Ok(read) => break read.unwrap_err().to_string(),
                }
            }
        };
        let error = timeout(LIMIT, refused).await.expect("it does not want to renegotiate");
        assert_eq!(error, "the server ended the TLS connection: HandshakeFailure");
    }
}
