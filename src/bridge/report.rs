//! How the bridge is, for the administrator: its connections and its links, with what waits on them.
//!
//! # Whose a figure is
//!
//! In a group of more than two endpoints, several links share an endpoint, and a message may cross several links. A
//! delivery belongs to the last link on its path, the one that has its destination as an end. So each delivery is
//! counted once, and all deliveries to an endpoint are those of its links together. While a link further up the path
//! is paused, the delivery waits for that one and still counts here.

use jiff::Timestamp;

use super::Peer;
use crate::domain::LinkId;

/// How the bridge is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BridgeReport {
    /// The networks in the order of their names, and then Let's Chat.
    pub connections: Vec<ConnectionReport>,
    /// The links, in the order of the configuration; those that are being removed last.
    pub links: Vec<LinkReport>,
    /// Bytes that wait for delivery, as `store.max_queue_size` counts them.
    pub queued_bytes: u64,
}

/// How the connection to a network or to Let's Chat is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionReport {
    /// The network, or Let's Chat.
    pub peer: Peer,
    /// Its state.
    pub state: ConnectionState,
    /// Since when it is in this state; `None` if it was never in another one.
    pub since: Option<Timestamp>,
    /// The server of the last session: `irc.libera.chat:6697`, or the URL of Let's Chat. `None` before the first.
    pub server: Option<String>,
    /// Why it cannot connect, in words for the administrator.
    pub problem: Option<String>,
    /// How often it has logged in again since the bridge started.
    pub reconnects: u64,
}

/// The state of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConnectionState {
    /// Logged in.
    Connected,
    /// The first attempt, or one after a loss, is under way, and nothing is known to be wrong.
    #[default]
    Connecting,
    /// The last attempt failed; another one follows.
    Down,
}

/// How a link is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkReport {
    /// The link.
    pub link: LinkId,
    /// Its state.
    pub state: LinkState,
    /// Since when it is in this state; `None` if that is unknown.
    pub since: Option<Timestamp>,
    /// Why its channel or its room cannot be reached, as far as that is known. In any state.
    pub problem: Option<String>,
    /// From the room to the channel.
    pub to_irc: DirectionReport,
    /// From the channel to the room.
    pub to_letschat: DirectionReport,
    /// The last delivery that was rejected since the bridge started.
    pub last_error: Option<LinkFailure>,
}

/// The state of a link. If several apply, the first one here is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// The configuration no longer has it; what waits is still delivered.
    Leaving,
    /// An administrator has paused it: nothing is delivered over it.
    Paused,
    /// Its channel or its room cannot be reached.
    Down,
    /// `store.max_queue_size` is reached, so that its channel or its room is not read for now.
    Full,
    /// It works.
    Up,
}

/// How one direction of a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DirectionReport {
    /// Deliveries that wait, with those in flight and those held by a pause.
    pub waiting: u64,
    /// When the message of the oldest of them was sent, as its network says.
    pub oldest: Option<Timestamp>,
    /// Deliveries that arrived since the bridge started.
    pub delivered: u64,
    /// Deliveries that were rejected since the bridge started, without those that an administrator dropped.
    pub rejected: u64,
    /// Deliveries that an administrator dropped since the bridge started.
    pub dropped: u64,
}

/// A delivery that was rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkFailure {
    /// When.
    pub at: Timestamp,
    /// Where to, and why: `#tea on libera: Cannot send to channel`.
    pub text: String,
}

impl ConnectionReport {
    /// A connection of which nothing is known yet.
    #[must_use]
    pub fn new(peer: Peer) -> Self {
        Self {
            peer,
            state: ConnectionState::default(),
            since: None,
            server: None,
            problem: None,
            reconnects: 0,
        }
    }
}
