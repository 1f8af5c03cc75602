//! A plain IRC client for tests, which shares no code with the program.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, split};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::ircd::{KEYS, OPERATOR};

/// How long anything may be waited for.
const LIMIT: Duration = Duration::from_secs(60);

/// One line from the server, without its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Bytes on the wire, with CR LF and without tags: what the 512 of RFC 1459 counts.
    pub(crate) length: usize,
    /// The nick or server that sent it; empty where the line names none.
    pub(crate) from: String,
    pub(crate) command: String,
    pub(crate) params: Vec<String>,
}

impl Line {
    /// Bytes that are not UTF-8 become U+FFFD.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end_matches(['\r', '\n']);
        let tags = if text.starts_with('@') {
            text.find(' ').map_or(text.len(), |end| end + 1)
        } else {
            0
        };
        let (head, trailing) = match text[tags..].split_once(" :") {
            Some((head, trailing)) => (head, Some(trailing)),
            None => (&text[tags..], None),
        };
        let mut words = head.split_ascii_whitespace().peekable();
        let source = words.next_if(|word| word.starts_with(':')).unwrap_or(":");
        let from = source[1..].split('!').next().unwrap_or_default().to_owned();
        let command = words.next().unwrap_or_default().to_owned();
        let params = words.chain(trailing).map(str::to_owned).collect();
        Self { length: bytes.len() - tags, from, command, params }
    }

    pub(crate) fn param(&self, index: usize) -> &str {
        self.params.get(index).map_or("", String::as_str)
    }
}

/// Something said in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) by: String,
    pub(crate) text: String,
    /// See [`Line::length`].
    pub(crate) length: usize,
}

/// A registered client. A task of its own reads, and answers PING, however long the test is busy.
pub(crate) struct IrcClient {
    outgoing: mpsc::UnboundedSender<Vec<u8>>,
    lines: mpsc::UnboundedReceiver<Line>,
    heard: BTreeMap<String, Vec<Said>>,
    last: Vec<Line>,
}

impl IrcClient {
    /// Connects without TLS and registers as `nick`.
    pub(crate) async fn connect(server: SocketAddr, nick: &str) -> Self {
        Self::register(TcpStream::connect(server).await.unwrap(), nick).await
    }

    /// Connects with TLS, trusting the certificate in the PEM file `trusted` alone, and registers.
    pub(crate) async fn connect_tls(server: SocketAddr, nick: &str, trusted: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(trusted).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(server).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        Self::register(
            TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap(),
            nick,
        )
        .await
    }

    /// As [`connect`](Self::connect), where the server has a password.
    pub(crate) async fn connect_with(server: SocketAddr, nick: &str, password: &str) -> Self {
        let mut client = Self::over(TcpStream::connect(server).await.unwrap());
        client.send(&format!("PASS {password}"));
        client.introduce(nick).await;
        client
    }

    async fn register(stream: impl AsyncRead + AsyncWrite + Send + 'static, nick: &str) -> Self {
        let mut client = Self::over(stream);
        client.introduce(nick).await;
        client
    }

    fn over(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        let (outgoing, to_send) = mpsc::unbounded_channel();
        let (heard, lines) = mpsc::unbounded_channel();
        tokio::spawn(converse(stream, to_send, heard));
        Self { outgoing, lines, heard: BTreeMap::new(), last: Vec::new() }
    }

    async fn introduce(&mut self, nick: &str) {
        self.send(&format!("NICK {nick}"));
        self.send(&format!("USER {nick} 0 * :{nick}"));
        self.until("the welcome", |line| line.command == "001").await;
    }

    /// Becomes the server's operator.
    pub(crate) async fn keep_order(&mut self) {
        self.send(&format!("OPER {OPERATOR} {KEYS}"));
        self.until("an operator's rights", |line| line.command == "381").await;
    }

    /// Sends one line as it stands; CR LF is added.
    pub(crate) fn send(&self, line: &str) {
        // Where the connection has ended, the next wait says so.
        let _ = self.outgoing.send(format!("{line}\r\n").into_bytes());
    }

    /// Joins `channel` and returns when the server has listed who is there.
    pub(crate) async fn join(&mut self, channel: &str) {
        self.send(&format!("JOIN {channel}"));
        let there =
            |line: &Line| line.command == "366" && line.param(1).eq_ignore_ascii_case(channel);
        self.until("the end of the names", there).await;
    }

    pub(crate) fn say(&self, channel: &str, text: &str) {
        self.send(&format!("PRIVMSG {channel} :{text}"));
    }

    /// Reads on to the first line that is `wanted`; what was said meanwhile is kept.
    pub(crate) async fn until(&mut self, what: &str, wanted: impl Fn(&Line) -> bool) -> Line {
        loop {
            match timeout(LIMIT, self.lines.recv()).await {
                Ok(Some(line)) => {
                    self.note(&line);
                    if wanted(&line) {
                        return line;
                    }
                }
                Ok(None) => {
                    panic!("the connection ended before {what}; last came {:#?}", self.last)
                }
                Err(_) => panic!("{what} did not come in {LIMIT:?}; last came {:#?}", self.last),
            }
        }
    }

    /// Waits until others have said `count` things in `channel`, and takes all that were said.
    pub(crate) async fn heard(&mut self, channel: &str, count: usize) -> Vec<Said> {
        let channel = channel.to_ascii_lowercase();
        while self.heard.get(&channel).map_or(0, Vec::len) < count {
            self.until("what others say", |line| {
                said(line).is_some_and(|(place, _)| place == channel)
            })
            .await;
        }
        self.heard.remove(&channel).unwrap_or_default()
    }

    /// Takes all lines that have come and were not read yet.
    pub(crate) fn waiting(&mut self) -> Vec<Line> {
        let mut waiting = Vec::new();
        while let Ok(line) = self.lines.try_recv() {
            self.note(&line);
            waiting.push(line);
        }
        waiting
    }

    /// Waits until the server or the network ends the connection.
    pub(crate) async fn ended(&mut self) -> Option<Line> {
        let mut last = None;
        while let Some(line) =
            timeout(LIMIT, self.lines.recv()).await.expect("the connection stays")
        {
            last = Some(line);
        }
        last
    }

    fn note(&mut self, line: &Line) {
        if let Some((place, said)) = said(line) {
            self.heard.entry(place).or_default().push(said);
        }
        self.last.push(line.clone());
        if self.last.len() > 5 {
            self.last.remove(0);
        }
    }
}

/// The channel, and what was said there.
fn said(line: &Line) -> Option<(String, Said)> {
    let spoken =
        matches!(line.command.as_str(), "PRIVMSG" | "NOTICE") && line.param(0).starts_with('#');
    spoken.then(|| {
        let said =
            Said { by: line.from.clone(), text: line.param(1).to_owned(), length: line.length };
        (line.param(0).to_ascii_lowercase(), said)
    })
}

/// Carries lines both ways until either side ends.
async fn converse(
    stream: impl AsyncRead + AsyncWrite,
    mut to_send: mpsc::UnboundedReceiver<Vec<u8>>,
    heard: mpsc::UnboundedSender<Line>,
) {
    let (reader, mut writer) = split(stream);
    let mut reader = BufReader::new(reader);
    let mut bytes = Vec::new();
    loop {
        tokio::select! {
            read = reader.read_until(b'\n', &mut bytes) => {
                if !matches!(read, Ok(1..)) {
                    return;
                }
                let line = Line::parse(&bytes);
                bytes.clear();
                let answered = match line.command.as_str() {
                    "PING" => writer.write_all(format!("PONG :{}\r\n", line.param(0)).as_bytes()).await.is_ok(),
                    _ => true,
                };
                if !answered || heard.send(line).is_err() {
                    return;
                }
            }
            line = to_send.recv() => {
                let Some(line) = line else { return };
                if writer.write_all(&line).await.is_err() || writer.flush().await.is_err() {
                    return;
                }
            }
        }
    }
}
