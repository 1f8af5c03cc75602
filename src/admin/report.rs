//! What `GET /api/v1/status` says, and how it is written as JSON. The page and `letsbridge status` read it.
//!
//! Names of fields are a promise to scripts: they stay, and others may come.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cluster::ClusterView;

/// The whole bridge at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusView {
    /// The version of the program.
    pub version: String,
    /// The commit that the program was built from.
    pub commit: String,
    /// When the bridge started.
    pub started_at: Timestamp,
    /// When this was written.
    pub now: Timestamp,
    /// Whether everything works; the same as `/readyz`.
    pub ready: bool,
    /// Why not: one sentence each.
    pub not_ready: Vec<String>,
    /// The configuration in use.
    pub config: ConfigView,
    /// What is logged: a level such as `info`, or a filter.
    pub log_level: String,
    /// The nodes that share the store; `None` for a bridge that runs alone.
    #[serde(default)]
    pub cluster: Option<ClusterView>,
    /// The database.
    pub storage: StorageView,
    /// The IRC networks in the order of the configuration, and Let's Chat at the end.
    pub networks: Vec<NetworkView>,
    /// The links in the order of the configuration.
    pub links: Vec<LinkView>,
    /// The canary; `None` if it is off.
    #[serde(default)]
    pub canary: Option<CanaryView>,
    /// The people of IRC who have spoken.
    pub people: PeopleCounts,
    /// The latest warnings and errors of the log, the newest first.
    pub warnings: Vec<WarningView>,
}

/// The configuration in use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfigView {
    /// The file.
    pub path: String,
    /// When the settings in use were read.
    pub loaded_at: Timestamp,
    /// The last attempt to read it again; `None` if there was none.
    pub last_reload: Option<ReloadView>,
}

/// An attempt to read the configuration again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReloadView {
    /// When.
    pub at: Timestamp,
    /// Whether the new configuration is in use.
    pub ok: bool,
    /// The mistakes of the new configuration, for which the old one stays in use.
    pub mistakes: Vec<String>,
}

/// What a reload has changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReloadedView {
    /// What is different now, one sentence each: `link office/#tea tea added`.
    pub changes: Vec<String>,
    /// The warnings about the configuration, and what takes effect only after a restart.
    pub warnings: Vec<String>,
}

/// The database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageView {
    /// Whether it cannot be written at the moment, for which everything waits.
    pub stalled: bool,
    /// Its size on disk, in bytes.
    pub bytes: u64,
}

/// The connection to an IRC network or to Let's Chat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkView {
    /// Its name in the configuration; `letschat` for Let's Chat.
    pub name: String,
    /// Which of the two.
    pub kind: NetworkKindView,
    /// How the connection is.
    pub state: ConnectionStateView,
    /// Since when; `None` if it never was otherwise.
    pub since: Option<Timestamp>,
    /// The server: `irc.example.org:6697`, or the address of Let's Chat.
    pub server: Option<String>,
    /// What is wrong with it.
    pub problem: Option<String>,
    /// What would do about that.
    #[serde(default)]
    pub remedy: Option<String>,
    /// How often it was connected anew since the bridge started.
    pub reconnects: u64,
}

/// What a network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkKindView {
    /// A network of IRC.
    Irc,
    /// The Let's Chat.
    LetsChat,
}

/// How a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionStateView {
    /// Logged in.
    Connected,
    /// On the way to it.
    Connecting,
    /// Not connected: the next attempt waits.
    Down,
}

/// A channel and a room that mirror each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkView {
    /// The network of the channel.
    pub network: String,
    /// The channel.
    pub channel: String,
    /// The room, as in the configuration.
    pub room: String,
    /// Whether only the canary uses it.
    #[serde(default)]
    pub canary: bool,
    /// How far its people have moved from IRC to Let's Chat: `together`, `moving`, `irc_read_only` or `closed`.
    #[serde(default)]
    pub phase: String,
    /// In which directions it mirrors, as far as its phase does: `both`, `to_letschat` or `to_irc`.
    #[serde(default)]
    pub direction: String,
    /// How the link is.
    pub state: LinkStateView,
    /// Since when.
    pub since: Option<Timestamp>,
    /// What is wrong with it.
    pub problem: Option<String>,
    /// What would do about that.
    #[serde(default)]
    pub remedy: Option<String>,
    /// Messages of the room on their way to the channel.
    pub to_irc: DirectionView,
    /// Messages of the channel on their way to the room.
    pub to_letschat: DirectionView,
    /// The last delivery that was rejected.
    pub last_error: Option<LinkErrorView>,
}

/// How a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkStateView {
    /// Both ends are joined.
    Up,
    /// One of the ends is not joined.
    Down,
    /// An administrator has paused it.
    Paused,
    /// Too much waits, so it accepts no more messages.
    Full,
    /// It is no longer configured, and delivers what still waits.
    Leaving,
}

/// One direction of a link.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DirectionView {
    /// How many messages wait.
    pub waiting: u64,
    /// When the oldest of them was sent.
    pub oldest: Option<Timestamp>,
    /// How many were delivered since the bridge started.
    pub delivered: u64,
    /// How many were rejected since the bridge started, without those that an administrator dropped.
    pub rejected: u64,
    /// How many an administrator dropped since the bridge started.
    #[serde(default)]
    pub dropped: u64,
    /// Whether the phase and the direction of the link let messages pass this way.
    #[serde(default)]
    pub mirrored: bool,
    /// How many the link did not let pass, and can still be delivered late.
    #[serde(default)]
    pub offered: u64,
    /// When the oldest of those was sent.
    #[serde(default)]
    pub offered_since: Option<Timestamp>,
    /// How many of those are about to be delivered.
    #[serde(default)]
    pub catching_up: u64,
}

/// A delivery that was rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkErrorView {
    /// When.
    pub at: Timestamp,
    /// Why, in the words of the other side.
    pub text: String,
}

/// The canary: messages of the bridge's own that test whether messages arrive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CanaryView {
    /// The network of its channel.
    pub network: String,
    /// Its channel.
    pub channel: String,
    /// Its room, as in the configuration.
    pub room: String,
    /// From the room to the channel.
    pub to_irc: CanaryDirectionView,
    /// From the channel to the room.
    pub to_letschat: CanaryDirectionView,
}

/// How the last message of the canary fared in one direction.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CanaryDirectionView {
    /// Whether it arrived; `None` if that is not known yet, or the link is paused.
    pub ok: Option<bool>,
    /// When it arrived, or was given up.
    pub at: Option<Timestamp>,
    /// How long it took, in seconds.
    pub latency_seconds: Option<f64>,
    /// Why it did not arrive.
    pub error: Option<String>,
}

/// How many people of IRC have spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PeopleCounts {
    /// Those whose messages the bridge's own account posts.
    pub irc_only: u64,
    /// Those with an account that the bridge made.
    pub made: u64,
    /// Those with an account of their own.
    pub linked: u64,
}

/// A warning or an error of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarningView {
    /// When it was last logged.
    pub at: Timestamp,
    /// `warn` or `error`.
    pub level: String,
    /// What is logged.
    pub text: String,
    /// What would do.
    pub remedy: Option<String>,
    /// How often it was logged.
    pub count: u64,
}

impl fmt::Display for ConnectionStateView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Connected => "connected",
            Self::Connecting => "connecting",
            Self::Down => "down",
        })
    }
}

impl fmt::Display for LinkStateView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Paused => "paused",
            Self::Full => "full",
            Self::Leaving => "leaving",
        })
    }
}
