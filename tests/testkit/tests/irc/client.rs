//! A client that speaks in raw lines, and fails on every line that the story does not tell.

use std::time::Duration;

use letsbridge_testkit::irc::{Account, Caps, IrcServer, Setup};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What takes longer does not happen.
const LIMIT: Duration = Duration::from_secs(10);

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

pub(crate) struct Client {
    stream: BufReader<Box<dyn Stream>>,
}

/// A plain server.
pub(crate) async fn server() -> IrcServer {
    start(Setup::default()).await
}

/// A server that knows everything, and on which Ann has an account with the password `sesame`.
pub(crate) async fn modern() -> IrcServer {
    let accounts = vec![Account { name: "Ann".to_owned(), password: "sesame".to_owned() }];
    start(Setup { caps: Caps::all(), accounts, ..Setup::default() }).await
}

pub(crate) async fn start(setup: Setup) -> IrcServer {
    IrcServer::start(setup).await.unwrap()
}

/// Waits for something that must happen.
pub(crate) async fn soon<T>(happening: impl Future<Output = T>) -> T {
    timeout(LIMIT, happening).await.expect("it takes too long")
}

impl Client {
    /// A client that has said nothing yet.
    pub(crate) async fn connect(server: &IrcServer) -> Self {
        Self::over(soon(TcpStream::connect(server.address())).await.unwrap())
    }

    pub(crate) fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: BufReader::new(Box::new(stream)) }
    }

    /// A client that has registered, and read the welcome.
    pub(crate) async fn registered(server: &IrcServer, nick: &str) -> Self {
        let mut client = Self::connect(server).await;
        client.register(nick).await;
        client
    }

    /// A registered client with these capabilities.
    pub(crate) async fn with_caps(server: &IrcServer, nick: &str, caps: &str) -> Self {
        let mut client = Self::connect(server).await;
        client.send(&format!("CAP REQ :{caps}")).await;
        client.expect(&[&format!(":irc.example CAP ? ACK :{caps}")]).await;
        client.send("CAP END").await;
        client.register(nick).await;
        client
    }

    /// A registered client in a channel that it has come to first or later.
    pub(crate) async fn in_channel(server: &IrcServer, nick: &str, channel: &str) -> Self {
        let mut client = Self::registered(server, nick).await;
        client.join(channel).await;
        client
    }

    pub(crate) async fn register(&mut self, nick: &str) {
        self.send(&format!("NICK {nick}")).await;
        self.send(&format!("USER {nick} 0 * :{nick} itself")).await;
        self.skip_to("* 396 *").await;
    }

    /// Joins, and reads all that comes with it.
    pub(crate) async fn join(&mut self, channel: &str) {
        self.send(&format!("JOIN {channel}")).await;
        self.skip_to("* 366 *").await;
    }

    pub(crate) async fn send(&mut self, line: &str) {
        self.send_bytes(format!("{line}\r\n").as_bytes()).await;
    }

    /// Says it, to a server that may have hung up.
    pub(crate) async fn try_send(&mut self, line: &str) {
        let _ = soon(self.stream.write_all(format!("{line}\r\n").as_bytes())).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        soon(self.stream.write_all(bytes)).await.unwrap();
    }

    /// The next lines are these, in which `*` and `?` stand for anything.
    #[track_caller]
    pub(crate) fn expect(&mut self, lines: &[&str]) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        async move {
            for expected in lines {
                let line = self.line().await;
                assert!(matches(expected, &line), "{at}: heard {line:?}, not {expected:?}");
            }
        }
    }

    /// Whatever comes until a line like this, which is returned.
    pub(crate) async fn skip_to(&mut self, expected: &str) -> String {
        loop {
            let line = self.line().await;
            if matches(expected, &line) {
                return line;
            }
        }
    }

    /// Nothing has come that was not heard yet.
    #[track_caller]
    pub(crate) fn expect_nothing(&mut self) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        async move {
            self.send("PING :nothing").await;
            let line = self.line().await;
            assert!(matches("*PONG irc.example :nothing", &line), "{at}: heard {line:?}");
        }
    }

    /// The next line, without CR LF.
    pub(crate) async fn line(&mut self) -> String {
        String::from_utf8_lossy(&self.bytes().await).into_owned()
    }

    pub(crate) async fn bytes(&mut self) -> Vec<u8> {
        self.next().await.expect("the connection has ended")
    }

    /// The next line, or `None` at the end of the connection.
    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        // A connection that breaks has ended, too.
        let _ = soon(self.stream.read_until(b'\n', &mut line)).await;
        if line.is_empty() {
            return None;
        }
        assert!(line.ends_with(b"\r\n"), "half a line: {line:?}");
        line.truncate(line.len() - 2);
        Some(line)
    }

    /// The connection ends, and nothing more comes before.
    pub(crate) async fn expect_closed(&mut self) {
        let line = self.next().await.map(|line| String::from_utf8_lossy(&line).into_owned());
        assert_eq!(line, None);
    }
}

/// Whether `line` is the expected one, in which `*` stands for anything and `?` for one character.
fn matches(expected: &str, line: &str) -> bool {
    let (mut wanted, mut given) = (expected.chars(), line.chars());
    match wanted.next() {
        None => line.is_empty(),
        Some('*') => {
            let rest = wanted.as_str();
            line.char_indices().any(|(at, _)| matches(rest, &line[at..])) || matches(rest, "")
        }
        Some(c) => {
            given.next().is_some_and(|g| c == '?' || c == g)
                && matches(wanted.as_str(), given.as_str())
        }
    }
}
