//! An IRC server that means harm: it lets the bridge in as far as an attack needs, and then says what the
//! attack says, as fast as it is taken.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How much is made at once of what an attack says.
const CHUNK: usize = 256 << 10;

/// When an attack begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// As soon as the bridge is connected.
    Connected,
    /// When it asks which capabilities there are.
    Caps,
    /// When it has been welcomed.
    Welcomed,
    /// When it has joined its channel.
    Joined,
}

/// What the server says without end.
#[derive(Clone, Copy)]
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) when: When,
    /// The line of this number, or several.
    pub(crate) says: fn(u64) -> String,
    /// Whether it goes on reading what the bridge says.
    pub(crate) reads: bool,
}

/// A running one; ends when dropped.
pub(crate) struct Hostile {
    pub(crate) address: SocketAddr,
    /// How many bytes of the attack were taken.
    pub(crate) said: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl Hostile {
    pub(crate) async fn start(attack: Attack) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let said = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&said);
        let accepting = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                tokio::spawn(serve(stream, attack, Arc::clone(&counter)));
            }
        });
        Self { address, said, accepting }
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// What the server offers, so that every part of the bridge has something to do.
const CAPS: &str = "account-notify account-tag away-notify batch cap-notify chghost draft/chathistory \
                    draft/event-playback draft/multiline=max-bytes=4096 echo-message extended-join \
                    extended-monitor invite-notify labeled-response message-tags multi-prefix \
                    server-time setname standard-replies userhost-in-names";

async fn serve(stream: TcpStream, attack: Attack, counter: Arc<AtomicU64>) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    // An error is the end of the connection, which is what the bridge may do to it.
    if let Ok(()) = welcome(&mut reader, &mut writer, attack.when).await {
        let _ = flood(reader, writer, attack, &counter).await;
    }
}

/// Answers until the attack begins.
async fn welcome(
    reader: &mut BufReader<OwnedReadHalf>,
    writer: &mut OwnedWriteHalf,
    when: When,
) -> std::io::Result<()> {
    let (mut negotiates, mut line) = (false, String::new());
    if when == When::Connected {
        return Ok(());
    }
    loop {
        line.clear();
        if reader.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words.as_slice() {
            ["CAP", "LS", ..] if when == When::Caps => return Ok(()),
            ["CAP", "LS", ..] => {
                negotiates = true;
                format!("CAP * LS :{CAPS}\r\n")
            }
            ["CAP", "REQ", caps @ ..] => format!("CAP * ACK {}\r\n", caps.join(" ")),
            ["CAP", "END"] => greeting(),
            ["USER", ..] if !negotiates => greeting(),
            ["PING", token, ..] => format!("PONG hostile.example {token}\r\n"),
            ["JOIN", channel, ..] => format!(
                ":bridge!bridge@here JOIN {channel} * :bridge\r\n\
                 :hostile.example 353 bridge = {channel} :bridge @eve\r\n\
                 :hostile.example 366 bridge {channel} :End\r\n"
            ),
            _ => continue,
        };
        writer.write_all(answer.as_bytes()).await?;
        let welcomed = answer.contains(" 001 ") && when == When::Welcomed;
        if welcomed || answer.contains(" JOIN ") && when == When::Joined {
            return Ok(());
        }
    }
}

fn greeting() -> String {
    ":hostile.example 001 bridge :Welcome\r\n\
     :hostile.example 005 bridge CHANTYPES=# PREFIX=(ov)@+ NETWORK=Hostile NICKLEN=30 CHATHISTORY=100 \
     WHOX MONITOR=100 :are supported by this server\r\n\
     :hostile.example 422 bridge :No message\r\n"
        .to_owned()
}

async fn flood(
    mut reader: BufReader<OwnedReadHalf>,
    mut writer: OwnedWriteHalf,
    attack: Attack,
    counter: &AtomicU64,
) -> std::io::Result<()> {
    let reading = tokio::spawn(async move {
        let mut heard = [0; 16 << 10];
        while attack.reads && reader.read(&mut heard).await? > 0 {}
        // Whose words are not read stays connected.
        std::future::pending::<std::io::Result<()>>().await
    });
    let (mut number, mut chunk) = (0, Vec::new());
    let said = loop {
        chunk.clear();
        while chunk.len() < CHUNK {
            chunk.extend_from_slice((attack.says)(number).as_bytes());
            number += 1;
        }
        if let Err(error) = writer.write_all(&chunk).await {
            break Err(error);
        }
        counter.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        tokio::task::yield_now().await;
    };
    reading.abort();
    said
}
