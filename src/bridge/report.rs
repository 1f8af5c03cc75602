//! How the bridge is, for the administrator: its connections and its links, with what waits on them.
//!
//! # Whose a figure is
//!
//! In a group of more than two endpoints, several links share an endpoint, and a message may cross several links. A
//! delivery belongs to the last link on its path, the one that has its destination as an end. So each delivery is
//! counted once, and all deliveries to an endpoint are those of its links together. While a link further up the path
//! is paused, the delivery waits for that one and still counts here.

use std::time::Duration;

use jiff::Timestamp;

use super::Peer;
use super::link_direction::LinkDirection;
use super::stats::LatencyStats;
use crate::domain::{Histogram, LinkFlow, LinkId, LinkPhase};
use crate::store::WriteCounts;

/// The bounds of [`BridgeReport::commits`]: from a fast disk to one that hardly answers.
const COMMIT_BOUNDS: [Duration; 13] = [
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
];

/// How the bridge is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeReport {
    /// The networks in the order of their names, and then Let's Chat.
    pub connections: Vec<ConnectionReport>,
    /// The links, in the order of the configuration; those that are being removed last.
    pub links: Vec<LinkReport>,
    /// Bytes that wait for delivery, as `store.max_queue_size` counts them.
    pub queued_bytes: u64,
    /// How long it took to bring what had happened onto the disk, since the bridge started.
    pub commits: Histogram,
    /// How often the store was written and synced, since the bridge started.
    pub writes: WriteCounts,
    /// The canary, if there is one.
    pub canary: Option<CanaryReport>,
}

impl Default for BridgeReport {
    fn default() -> Self {
        let commits = Histogram::new(&COMMIT_BOUNDS);
        Self {
            connections: Vec::new(),
            links: Vec::new(),
            queued_bytes: 0,
            commits,
            writes: WriteCounts::default(),
            canary: None,
        }
    }
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
    /// The last sign of life that the bridge asked for, if it is connected.
    pub sign_of_life: Option<SignOfLife>,
    /// How often a new attempt became necessary since the bridge started.
    pub attempts: ReconnectCounts,
}

/// A sign of life that the bridge asked for: the login, or the answer to a ping. What the other side sends of its own
/// accord is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignOfLife {
    /// When it was received.
    pub at: Timestamp,
    /// Within which time the next one is due: the interval of the pings, and the time limit for an answer.
    pub next_within: Duration,
}

impl SignOfLife {
    /// Whether the next one should have come before `now`.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        Duration::try_from(now.duration_since(self.at)).is_ok_and(|age| age > self.next_within)
    }
}

/// Why a connection is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReconnectReason {
    /// The other side closed the connection, or the network failed.
    Lost,
    /// A ping was not answered in time.
    PingTimeout,
    /// The server could not be reached.
    Unreachable,
    /// The server refused the login, or an operator ended it.
    Rejected,
    /// The bridge closed it itself: the server said something impossible or too much, or read too slowly.
    Closed,
}

/// How often a connection had to be made anew, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReconnectCounts {
    counts: [u64; ReconnectReason::ALL.len()],
}

impl ReconnectReason {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Lost, Self::PingTimeout, Self::Unreachable, Self::Rejected, Self::Closed];

    /// As metrics call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::PingTimeout => "ping_timeout",
            Self::Unreachable => "unreachable",
            Self::Rejected => "rejected",
            Self::Closed => "closed",
        }
    }
}

impl ReconnectCounts {
    /// Counts one.
    pub fn add(&mut self, reason: ReconnectReason) {
        self.counts[reason as usize] += 1;
    }

    /// How often, for each reason.
    pub fn iter(&self) -> impl Iterator<Item = (ReconnectReason, u64)> {
        ReconnectReason::ALL.into_iter().map(|reason| (reason, self.counts[reason as usize]))
    }
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
    /// Only the canary uses it: its figures are not those of people.
    pub is_canary: bool,
    /// Its phase.
    pub phase: LinkPhase,
    /// In which directions it mirrors, as far as its phase does.
    pub direction: LinkFlow,
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
    /// How long those took, added up.
    pub took: Duration,
    /// Deliveries that were rejected since the bridge started, without those that an administrator dropped.
    pub rejected: u64,
    /// Deliveries that an administrator dropped since the bridge started.
    pub dropped: u64,
    /// Messages that were not mirrored since the bridge started, because a rule ignores them or they have no visible
    /// text.
    pub ignored: u64,
    /// Messages of an absence that were not mirrored since the bridge started: too old or too many.
    pub skipped: u64,
    /// Messages that were not mirrored since the bridge started: too large or unreadable.
    pub unreadable: u64,
    /// Messages that were not mirrored since the bridge started, because of the phase or the direction of a link.
    pub unheard: u64,
    /// Whether the phase and the direction of the link let messages pass this way.
    pub is_mirrored: bool,
    /// Messages that this link did not let pass, and that `letsbridge catch-up` can still deliver; with those of earlier
    /// runs.
    pub offered: u64,
    /// When the first and the last of those were sent.
    pub offered_span: Option<(Timestamp, Timestamp)>,
    /// Messages that `letsbridge catch-up` is about to deliver.
    pub catching_up: u64,
    /// Deliveries that were sent again with a mark since the bridge started: they may have arrived before.
    pub resent: u64,
    /// How often the other side asked to send a delivery later, since the bridge started.
    pub deferred: u64,
}

/// Why a message is not mirrored to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotMirrored {
    /// See [`DirectionReport::ignored`].
    Ignored,
    /// See [`DirectionReport::skipped`].
    Skipped,
    /// See [`DirectionReport::unreadable`].
    Unreadable,
    /// See [`DirectionReport::unheard`].
    Unheard,
}

/// Why a delivery is sent once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RetryReason {
    /// See [`DirectionReport::resent`].
    Unconfirmed,
    /// See [`DirectionReport::deferred`].
    Deferred,
}

/// A delivery that was rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkFailure {
    /// When.
    pub at: Timestamp,
    /// Where to, and why: `#tea on libera: Cannot send to channel`.
    pub text: String,
}

/// How the canary is: messages of the bridge's own that test whether messages arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanaryReport {
    /// Its link.
    pub link: LinkId,
    /// An administrator has paused it, so it tests nothing.
    pub is_paused: bool,
    /// From the room to the channel.
    pub to_irc: CanaryDirectionReport,
    /// From the channel to the room.
    pub to_letschat: CanaryDirectionReport,
    /// How long the messages took, since the bridge started or the canary was configured.
    pub latency: LatencyStats,
}

/// How one direction of the canary is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CanaryDirectionReport {
    /// How the last round ended; `None` before the first one, and while the link is paused.
    pub last: Option<CanaryOutcome>,
    /// When a message last arrived, since the bridge started or the canary was configured.
    pub last_arrival: Option<Timestamp>,
    /// Rounds that failed, since then.
    pub failures: u64,
}

/// How a round of the canary ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanaryOutcome {
    /// When.
    pub at: Timestamp,
    /// How long the message took, or why it did not arrive.
    pub result: Result<Duration, String>,
}

impl CanaryReport {
    /// Both directions.
    #[must_use]
    pub fn directions(&self) -> [(LinkDirection, &CanaryDirectionReport); 2] {
        [(LinkDirection::ToIrc, &self.to_irc), (LinkDirection::ToLetsChat, &self.to_letschat)]
    }
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
            sign_of_life: None,
            attempts: ReconnectCounts::default(),
        }
    }
}
