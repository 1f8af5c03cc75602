//! The way of a node to a server, on which everything that the node writes is written down.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use tokio::time::Instant;

/// What a relay leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Irc,
    LetsChat,
}

/// Something that a node has written to a server, as it arrived there.
#[derive(Clone, Debug)]
pub(crate) struct Spoken {
    pub(crate) node: &'static str,
    pub(crate) server: Server,
    /// When its connection was made.
    pub(crate) connected: Instant,
    pub(crate) at: Instant,
    /// How it begins, where that can be read.
    pub(crate) words: String,
}

impl Spoken {
    /// Whether it has a message to a channel.
    pub(crate) fn is_message(&self) -> bool {
        self.server == Server::Irc && self.words.contains("PRIVMSG #")
    }
}

/// Everything that any node has written, in the order in which it arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transcript(Arc<Mutex<Vec<Spoken>>>);

/// How much of what was written is kept to be read.
const WORDS: usize = 120;

impl Transcript {
    /// All of it.
    pub(crate) fn all(&self) -> Vec<Spoken> {
        self.0.lock().unwrap().clone()
    }

    /// How much there is.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// What there is behind the first `known`.
    pub(crate) fn after(&self, known: usize) -> Vec<Spoken> {
        self.0.lock().unwrap()[known..].to_vec()
    }

    /// Who spoke last on IRC.
    pub(crate) fn last_on_irc(&self) -> Option<&'static str> {
        let all = self.0.lock().unwrap();
        all.iter().rev().find(|spoken| spoken.server == Server::Irc).map(|spoken| spoken.node)
    }

    /// Leads `node` to the server at `address`. Gives where.
    pub(crate) fn relay(
        &self,
        node: &'static str,
        server: Server,
        address: SocketAddr,
    ) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let own = listener.local_addr().unwrap();
        let transcript = self.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let connected = Instant::now();
                let Ok(upstream) = TcpStream::connect(address) else { continue };
                transcript.clone().pass_on((client, upstream), (node, server, connected));
            }
        });
        own
    }

    fn pass_on(
        self,
        (client, upstream): (TcpStream, TcpStream),
        (node, server, connected): (&'static str, Server, Instant),
    ) {
        let _ = (client.set_nodelay(true), upstream.set_nodelay(true));
        let back = (upstream.try_clone().unwrap(), client.try_clone().unwrap());
        thread::spawn(move || copy(back, |_| {}));
        thread::spawn(move || {
            let mut is_reading = false;
            copy((client, upstream), |bytes| {
                let words = String::from_utf8_lossy(&bytes[..bytes.len().min(WORDS)]).into_owned();
                // Who only reads is seen by nobody. Behind its first request, a websocket is no text.
                if server == Server::LetsChat && words.starts_with("GET ") {
                    is_reading = !words.starts_with("GET /socket.io");
                } else if words.starts_with("POST ") {
                    is_reading = false;
                }
                if !is_reading {
                    let at = Instant::now();
                    let spoken = Spoken { node, server, connected, at, words };
                    self.0.lock().unwrap().push(spoken);
                }
            });
        });
    }
}

fn copy((mut from, mut to): (TcpStream, TcpStream), mut look: impl FnMut(&[u8])) {
    let mut buffer = [0; 65_536];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        look(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
}
