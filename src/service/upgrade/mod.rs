//! Hands the open IRC connections to the program that replaces this one in the same process, so that an upgrade is not
//! felt on IRC.
//!
//! ```text
//!  this program                                               the next one
//!  sessions ── settled ─▶ desk ─▶ HandedOver ═══ exec ═══▶ HandedOver ─▶ TakenOver ─▶ sessions
//!     │ not in time                                          │ other settings, a socket that is dead
//!     └─▶ QUIT, made anew by the next program                └─▶ QUIT, made anew
//! ```
//!
//! What a session knows travels as JSON, beside the sockets. A program takes over only what is in a format that it
//! knows, which is asked before anything is stopped.

mod desk;
mod taken_over;

use std::fmt;
use std::io;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;

use futures_util::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::HostPort;
use crate::domain::Network;
use crate::net::passed_sockets;
use crate::net::passed_sockets::PassedSockets;
use crate::net::tls::takeover::TlsState;
use crate::net::{IrcStream, PendingBytes, ReleasedStream};
use crate::protocol::irc::SessionState;
use crate::version::VERSION;

pub(super) use desk::{IrcLines, ReleaseDesk, ReleasedConnection, ReleasedPuppet, put_down};
pub(super) use taken_over::{TakenConnection, TakenNetwork, TakenOver, TakenPuppet};

/// The format of what is handed over. Another number means that neither program understands the other.
pub const HAND_OVER_FORMAT: u32 = 1;

/// More connections than one bridge has.
const MAX_CONNECTIONS: usize = 20_000;

/// The open connections, with what their sessions know.
#[derive(Debug)]
pub struct HandedOver {
    state: HandOverState,
    /// One for each connection, in their order.
    sockets: Vec<TcpStream>,
}

/// What the next program is told, beside the sockets.
#[derive(Debug, Serialize, Deserialize)]
struct HandOverState {
    format: u32,
    /// Distinguishes this upgrade from others.
    id: String,
    /// The version that hands over.
    from_version: String,
    /// When it has stopped to read.
    began_at: Timestamp,
    connections: Vec<KeptConnection>,
    /// The connections that could not be let go of.
    lost: Vec<LostConnection>,
}

/// A connection that is handed over.
#[derive(Debug, Serialize, Deserialize)]
struct KeptConnection {
    network: String,
    /// The digest of the settings that it was made with.
    settings: String,
    /// Whose puppet it is; `None` for the bridge's own connection.
    puppet: Option<KeptPuppet>,
    /// The server that it leads to.
    host: String,
    port: u16,
    /// What continues its TLS; `None` if it has none.
    tls: Option<TlsState>,
    session: SessionState,
    pending: PendingBytes,
}

/// A puppet whose connection is handed over.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct KeptPuppet {
    /// Its user on Let's Chat.
    user: String,
    /// The preferred nick.
    nick: String,
    /// The user's name.
    username: String,
    /// How many seconds ago they last spoke.
    idle_secs: u64,
}

/// A connection that had to be made anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostConnection {
    /// The network, and whose puppet it was.
    pub connection: String,
    /// Why, in words for the administrator.
    pub reason: String,
}

/// What became of the connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeOverReport {
    /// Which upgrade it was.
    pub id: String,
    /// The version before.
    pub from_version: String,
    /// How many connections were kept.
    pub kept: usize,
    /// Those that are made anew.
    pub lost: Vec<LostConnection>,
    /// For how many milliseconds nobody has read what the servers sent.
    pub away_ms: u64,
}

/// Why nothing can be taken over.
#[derive(Debug, thiserror::Error)]
pub enum HandOverError {
    /// The system refuses.
    #[error("the open connections cannot be received ({0})")]
    System(#[from] io::Error),
    /// What was handed over has another form.
    #[error("what was handed over cannot be read ({0})")]
    Unreadable(#[from] serde_json::Error),
    /// It has another format.
    #[error("it has format {found}, and this version reads {HAND_OVER_FORMAT}")]
    OtherFormat {
        /// Its format.
        found: u32,
    },
    /// Sockets are missing, or there are too many.
    #[error("{connections} connections came with {sockets} sockets")]
    Mismatch {
        /// How many connections were told.
        connections: usize,
        /// How many sockets came.
        sockets: usize,
    },
}

impl HandedOver {
    /// Hands these connections over, in the upgrade `id`, which began at `began_at`.
    pub(super) fn new(
        id: String,
        began_at: Timestamp,
        released: Vec<ReleasedConnection>,
        lost: Vec<LostConnection>,
    ) -> Self {
        let mut connections = Vec::new();
        let mut sockets = Vec::new();
        for connection in released {
            let ReleasedConnection { network, settings, puppet, server, stream, session, pending } =
                connection;
            let ReleasedStream { socket, tls } = stream;
            sockets.push(socket);
            connections.push(KeptConnection {
                network: network.as_str().to_owned(),
                settings,
                puppet: puppet.map(KeptPuppet::from),
                host: server.host,
                port: server.port,
                tls,
                session,
                pending,
            });
        }
        let from_version = VERSION.to_owned();
        let format = HAND_OVER_FORMAT;
        let state = HandOverState { format, id, from_version, began_at, connections, lost };
        Self { state, sockets }
    }

    /// Puts everything into a Unix socket, from whose other end the next program receives it.
    ///
    /// # Errors
    /// Those of the system.
    pub fn pack(&self) -> io::Result<OwnedFd> {
        let text = serde_json::to_vec(&self.state)?;
        let sockets: Vec<_> = self.sockets.iter().map(AsFd::as_fd).collect();
        passed_sockets::pack(&text, &sockets)
    }

    /// Receives what another program has packed, from stdin.
    ///
    /// # Errors
    /// Any [`HandOverError`]. The connections are closed then.
    pub fn receive() -> Result<Self, HandOverError> {
        Self::unpack(passed_sockets::receive()?)
    }

    fn unpack(passed: PassedSockets) -> Result<Self, HandOverError> {
        let PassedSockets { text, sockets } = passed;
        let FormatOnly { format } = serde_json::from_slice(&text)?;
        if format != HAND_OVER_FORMAT {
            return Err(HandOverError::OtherFormat { found: format });
        }
        let state: HandOverState = serde_json::from_slice(&text)?;
        let connections = state.connections.len();
        if connections != sockets.len() || connections > MAX_CONNECTIONS {
            return Err(HandOverError::Mismatch { connections, sockets: sockets.len() });
        }
        Ok(Self { state, sockets: sockets.into_iter().map(TcpStream::from).collect() })
    }

    /// Says goodbye on all connections instead, because the program is stopping. Must be called within a Tokio runtime.
    pub async fn say_goodbye(self) {
        let goodbyes = self.into_connections().filter_map(|(_, stream)| {
            let stream = IrcStream::take_over(stream).ok()?;
            Some(stream.say_goodbye("the bridge is shutting down"))
        });
        join_all(goodbyes).await;
    }

    /// Hands nothing over, in the upgrade `id`: the node waits and has no connections.
    #[must_use]
    pub fn of_waiting_node(id: String) -> Self {
        Self::new(id, Timestamp::now(), Vec::new(), Vec::new())
    }

    /// Says goodbye on all connections for this reason, because another node has taken over. Must be called within a
    /// Tokio runtime.
    pub async fn give_up(self, reason: &str) -> TakeOverReport {
        let HandOverState { id, from_version, began_at, lost, .. } = &self.state;
        let (id, from_version, began_at) = (id.clone(), from_version.clone(), *began_at);
        let mut lost = lost.clone();
        for connection in &self.state.connections {
            let name = connection.puppet.as_ref().map(|puppet| puppet.username.as_str());
            let network = Network::new(&connection.network);
            lost.push(LostConnection::new(&network, name, reason));
        }
        self.say_goodbye().await;
        let away = Timestamp::now().duration_since(began_at).as_millis();
        let away_ms = u64::try_from(away).unwrap_or_default();
        TakeOverReport { id, from_version, kept: 0, lost, away_ms }
    }

    /// Distinguishes the upgrade from others.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.state.id
    }

    fn into_connections(self) -> impl Iterator<Item = (KeptConnection, ReleasedStream)> {
        let connections = self.state.connections.into_iter().zip(self.sockets);
        connections.map(|(mut connection, socket)| {
            let tls = connection.tls.take();
            (connection, ReleasedStream { socket, tls })
        })
    }

    /// How many connections there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }
}

/// Which format it is, whatever else it says.
#[derive(Debug, Deserialize)]
struct FormatOnly {
    format: u32,
}

impl From<ReleasedPuppet> for KeptPuppet {
    fn from(puppet: ReleasedPuppet) -> Self {
        let ReleasedPuppet { user, nick, username, idle } = puppet;
        Self { user: user.0.to_string(), nick, username, idle_secs: idle.as_secs() }
    }
}

impl LostConnection {
    /// The bridge's own connection to `network`, or that of this user's puppet.
    pub(super) fn new(
        network: &Network,
        username: Option<&str>,
        reason: impl fmt::Display,
    ) -> Self {
        let connection = match username {
            Some(username) => format!("{network}, puppet of {username}"),
            None => network.to_string(),
        };
        Self { connection, reason: reason.to_string() }
    }
}

impl KeptConnection {
    fn server(&self) -> HostPort {
        HostPort { host: self.host.clone(), port: self.port }
    }
}
