//! A Let's Chat that means harm: one that behaves, behind a proxy that puts in what the attack says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How much is made at once of what an attack says.
const CHUNK: usize = 256 << 10;

/// What the server says.
#[derive(Clone, Copy)]
pub(crate) enum Says {
    /// Frames of text on the websocket, without end, once the bridge has been let in.
    Frames(fn(u64) -> String),
    /// Pings of the websocket's own, without end.
    Pings,
    /// Parts of one message on the websocket, without end.
    Parts,
    /// This as the body of every answer over HTTP, without end.
    Bodies(fn(u64) -> String),
    /// Heads of answers over HTTP that never end.
    Heads,
    /// Answers over HTTP that lead to themselves.
    Redirects,
}

#[derive(Clone, Copy)]
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    says: Says,
}

const fn attack(name: &'static str, says: Says) -> Attack {
    Attack { name, says }
}

fn long(length: usize) -> String {
    "x".repeat(length)
}

/// All of them. A new kind is a new line.
pub(crate) const ATTACKS: &[Attack] = &[
    attack("Let's Chat: frames that make no sense", Says::Frames(|n| format!("{n}"))),
    attack(
        "Let's Chat: frames of 1 MB",
        Says::Frames(|_| format!("42[\"x\",\"{}\"]", long(1_000_000))),
    ),
    attack("Let's Chat: let in again and again", Says::Frames(|_| "40".into())),
    attack(
        "Let's Chat: answers that nobody waits for",
        Says::Frames(|n| format!("43{n}[{{\"id\":\"{n:024x}\"}}]")),
    ),
    attack(
        "Let's Chat: events that nobody knows",
        Says::Frames(|n| format!("42[\"event{n}\",{{}}]")),
    ),
    attack(
        "Let's Chat: messages in rooms that nobody knows",
        Says::Frames(|n| {
            format!(
                "42[\"messages:new\",{{\"id\":\"{n:024x}\",\"text\":\"{}\",\"posted\":\"2026-11-29T12:00:00.000Z\",\
                 \"owner\":{{\"id\":\"{n:024x}\",\"username\":\"u{n}\",\"displayName\":\"u{n}\"}},\
                 \"room\":{{\"id\":\"{n:024x}\",\"slug\":\"r{n}\",\"name\":\"r{n}\"}}}}]",
                long(300)
            )
        }),
    ),
    attack(
        "Let's Chat: messages that lack everything",
        Says::Frames(|n| format!("42[\"messages:new\",{{\"id\":{n}}}]")),
    ),
    attack(
        "Let's Chat: private messages of ever more people",
        Says::Frames(|n| {
            format!(
                "42[\"user-messages:new\",{{\"id\":\"{n:024x}\",\"text\":\"@ann hello {n}\",\
                 \"posted\":\"2026-11-29T12:00:00.000Z\",\"owner\":{{\"id\":\"{n:024x}\",\"username\":\"u{n}\",\
                 \"displayName\":\"{}\"}},\"users\":[\"{n:024x}\"]}}]",
                long(2000)
            )
        }),
    ),
    attack(
        "Let's Chat: ever more people enter",
        Says::Frames(|n| {
            format!(
                "42[\"users:join\",{{\"id\":\"{n:024x}\",\"username\":\"u{n}\",\"displayName\":\"{}\",\"room\":\"tea\"}}]",
                long(2000)
            )
        }),
    ),
    attack(
        "Let's Chat: ever more rooms",
        Says::Frames(|n| {
            format!(
                "42[\"rooms:new\",{{\"id\":\"{n:024x}\",\"slug\":\"r{n}\",\"name\":\"{}\",\"description\":\"\"}}]",
                long(2000)
            )
        }),
    ),
    attack(
        "Let's Chat: rooms that change",
        Says::Frames(|n| {
            format!(
                "42[\"rooms:update\",{{\"id\":\"{n:024x}\",\"slug\":\"tea\",\"name\":\"{n}\",\"description\":\"{}\"}}]",
                long(300)
            )
        }),
    ),
    attack(
        "Let's Chat: brackets in brackets",
        Says::Frames(|_| format!("42[\"messages:new\",{}", "[".repeat(100_000))),
    ),
    attack("Let's Chat: pings", Says::Pings),
    attack("Let's Chat: pings of Engine.IO", Says::Frames(|n| format!("2probe{n}"))),
    attack(
        "Let's Chat: frames of 40 MB",
        Says::Frames(|_| format!("42[\"x\",\"{}\"]", long(40_000_000))),
    ),
    attack("Let's Chat: parts of a message that never ends", Says::Parts),
    attack(
        "Let's Chat: attachments announced and never sent",
        Says::Frames(|n| format!("45{n}-[\"messages:new\",{{\"_placeholder\":true,\"num\":0}}]")),
    ),
    attack(
        "Let's Chat: people who change",
        Says::Frames(|n| {
            format!(
                "42[\"users:update\",{{\"user\":{{\"id\":\"{n:024x}\",\"username\":\"u{n}\",\
                 \"displayName\":\"{}\"}}}}]",
                long(2000)
            )
        }),
    ),
    attack(
        "Let's Chat: people who leave",
        Says::Frames(|n| {
            format!(
                "42[\"users:leave\",{{\"id\":\"{n:024x}\",\"username\":\"u{n}\",\"room\":\"tea\"}}]"
            )
        }),
    ),
    attack(
        "Let's Chat: rooms that are archived",
        Says::Frames(|n| {
            format!("42[\"rooms:archive\",{{\"id\":\"{n:024x}\",\"slug\":\"tea{n}\"}}]")
        }),
    ),
    attack(
        "Let's Chat: private messages of those who change their names",
        Says::Frames(|n| {
            format!(
                "42[\"user-messages:new\",{{\"id\":\"{n:024x}\",\"text\":\"@ann hello {n}\",\
                 \"posted\":\"2026-11-29T12:00:00.000Z\",\"owner\":\"b0b\",\"users\":[\"b0b\"]}}]"
            )
        }),
    ),
    attack(
        "Let's Chat: answers without an end",
        Says::Bodies(|n| if n == 0 { "[".into() } else { format!("{{\"id\":\"{n:024x}\"}},") }),
    ),
    attack(
        "Let's Chat: answers of one long word",
        Says::Bodies(|n| if n == 0 { "\"".into() } else { long(1000) }),
    ),
    attack(
        "Let's Chat: answers of 100,000 rooms or people",
        Says::Bodies(|n| match n {
            0 => "[".into(),
            100_000 => "{}]".into(),
            n => format!(
                "{{\"id\":\"{n:024x}\",\"slug\":\"r{n}\",\"username\":\"u{n}\",\"name\":\"n\"}},"
            ),
        }),
    ),
    attack("Let's Chat: brackets in brackets as an answer", Says::Bodies(|_| "[".repeat(1000))),
    attack("Let's Chat: heads without an end", Says::Heads),
    attack("Let's Chat: redirects without an end", Says::Redirects),
];

/// A running one; ends when dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    /// How many bytes of the attack were taken.
    pub(crate) said: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Stands before the server at `real`.
    pub(crate) async fn before(real: SocketAddr, attack: Attack) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, said) = (listener.local_addr().unwrap(), Arc::new(AtomicU64::new(0)));
        let counter = Arc::clone(&said);
        let accepting = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                tokio::spawn(serve(stream, real, attack.says, Arc::clone(&counter)));
            }
        });
        Self { address, said, accepting }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// An error is the end of the connection, which is what the bridge may do to it.
async fn serve(
    mut client: TcpStream,
    real: SocketAddr,
    says: Says,
    said: Arc<AtomicU64>,
) -> std::io::Result<()> {
    let asked = head(&mut client).await?;
    let upgrade =
        String::from_utf8_lossy(&asked).to_ascii_lowercase().contains("upgrade: websocket");
    match says {
        Says::Bodies(body) if !upgrade => {
            client.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n").await?;
            return flood(&mut client, &said, |n| body(n).into_bytes()).await;
        }
        Says::Redirects => {
            client
                .write_all(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")
                .await?;
            return Ok(());
        }
        Says::Heads if !upgrade => {
            client.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            return flood(&mut client, &said, |n| format!("X-{n}: x\r\n").into_bytes()).await;
        }
        _ => {}
    }
    let mut server = TcpStream::connect(real).await?;
    server.write_all(&asked).await?;
    if !upgrade {
        tokio::io::copy_bidirectional(&mut client, &mut server).await?;
        return Ok(());
    }
    let answer = head(&mut server).await?;
    client.write_all(&answer).await?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let onwards = tokio::spawn(pass(from_client, to_server));
    let (frames, coming) = mpsc::unbounded_channel();
    let reading = tokio::spawn(read_frames(from_server, frames));
    let spoken = speak(to_client, coming, says, &said).await;
    onwards.abort();
    reading.abort();
    spoken
}

/// Reads to the end of the head of a request or an answer.
async fn head(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> std::io::Result<u64> {
    tokio::io::copy(&mut from, &mut to).await
}

/// Reads whole frames, so that others can be put between them.
async fn read_frames(
    mut from: OwnedReadHalf,
    frames: mpsc::UnboundedSender<Vec<u8>>,
) -> std::io::Result<()> {
    loop {
        let mut frame = vec![from.read_u8().await?, from.read_u8().await?];
        let length = match frame[1] & 0x7f {
            126 => usize::from(from.read_u16().await?),
            127 => usize::try_from(from.read_u64().await?).unwrap(),
            short => usize::from(short),
        };
        let mut body = vec![0; length];
        from.read_exact(&mut body).await?;
        frame = framed(frame[0], &body);
        if frames.send(frame).is_err() {
            return Ok(());
        }
    }
}

/// A frame as a server sends it.
fn framed(first: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u16::try_from(body.len()) {
        Ok(length) if length < 126 => frame.push(body.len() as u8),
        Ok(length) => {
            frame.push(126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(127);
            frame.extend((body.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(body);
    frame
}

/// Passes frames on, and puts the attack between them once the bridge sits in a room.
async fn speak(
    mut to: OwnedWriteHalf,
    mut coming: mpsc::UnboundedReceiver<Vec<u8>>,
    says: Says,
    said: &AtomicU64,
) -> std::io::Result<()> {
    const TEXT: u8 = 0x81;
    const PING: u8 = 0x89;
    const PART: [u8; 2] = [0x01, 0x00];
    let mut number = 0;
    // The answers to what it asks when it has come: then it is let in.
    for _ in 0..4 {
        let Some(frame) = coming.recv().await else { return Ok(()) };
        to.write_all(&frame).await?;
    }
    loop {
        let mut chunk = Vec::new();
        while let Ok(frame) = coming.try_recv() {
            chunk.extend(frame);
        }
        while chunk.len() < CHUNK {
            match says {
                Says::Frames(text) => chunk.extend(framed(TEXT, text(number).as_bytes())),
                Says::Pings => chunk.extend(framed(PING, b"are you there?")),
                Says::Parts => {
                    chunk.extend(framed(PART[usize::from(number > 0)], long(1000).as_bytes()));
                }
                Says::Bodies(_) | Says::Heads | Says::Redirects => {
                    let Some(frame) = coming.recv().await else { return Ok(()) };
                    to.write_all(&frame).await?;
                }
            }
            number += 1;
        }
        to.write_all(&chunk).await?;
        said.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        tokio::task::yield_now().await;
    }
}

async fn flood(
    client: &mut TcpStream,
    said: &AtomicU64,
    says: impl Fn(u64) -> Vec<u8>,
) -> std::io::Result<()> {
    let mut number = 0;
    loop {
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK {
            chunk.extend(says(number));
            number += 1;
        }
        client.write_all(&chunk).await?;
        said.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        tokio::task::yield_now().await;
    }
}
