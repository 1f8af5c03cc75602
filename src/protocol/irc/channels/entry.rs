//! One channel that the session should be in.

use std::time::Instant;

use jiff::Timestamp;

use crate::domain::{EndpointId, is_same_secret};
use crate::protocol::irc::errors::join::RejoinPolicy;

/// The state of one channel. The server decides whether we are in it, not our own commands.
///
/// ```text
///               JOIN            own JOIN echo             end of NAMES
///  NotJoined ────────▶ Joining ───────────────▶ AwaitingNames ───────▶ Joined
///   ▲                    │ rejected, no answer      │ kicked, parted      │
///   └─ delay over ── RetryWait ◀────────────────────┴─────────────────────┘
///      invited,
///      logged in
///
///  any ── no longer linked ──▶ Removed ── the place is used again ──▶ NotJoined
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JoinState {
    NotJoined,
    Joining,
    AwaitingNames,
    Joined,
    RetryWait,
    /// The session should not be in it any more.
    Removed,
}

/// A channel that the session should be in.
#[derive(Debug, Clone)]
pub struct ChannelTarget {
    /// Its endpoint id.
    pub endpoint: EndpointId,
    /// Its name.
    pub name: String,
    /// Its key, if any.
    pub key: Option<secrecy::SecretString>,
}

impl ChannelTarget {
    /// Whether both have the same key.
    #[must_use]
    pub fn has_same_key(&self, other: &Self) -> bool {
        is_same_secret(self.key.as_ref(), other.key.as_ref())
    }
}

/// Equality ignores the key.
impl PartialEq for ChannelTarget {
    fn eq(&self, other: &Self) -> bool {
        (self.endpoint, &self.name) == (other.endpoint, &other.name)
    }
}

impl Eq for ChannelTarget {}

#[derive(Debug)]
pub(super) struct ChannelEntry {
    pub(super) target: ChannelTarget,
    /// The server's name for it, if it differs from ours.
    pub(super) server_name: Option<String>,
    /// The server cannot have a channel of that name; later ISUPPORT tokens may change that.
    pub(super) is_impossible: bool,
    pub(super) state: JoinState,
    /// Consecutive failures to join, including kicks.
    pub(super) tries: u32,
    /// When to retry, by the reason why we are not joined.
    pub(super) rejoin_policy: RejoinPolicy,
    /// When to retry or to give up waiting.
    pub(super) due_at: Option<Instant>,
    /// When we last sent JOIN.
    pub(super) last_join_at: Option<Instant>,
    /// When we joined, by our clock and by server-time if available.
    pub(super) entered_at: Option<Instant>,
    pub(super) join_server_time: Option<Timestamp>,
}

impl ChannelEntry {
    pub(super) fn new(target: ChannelTarget) -> Self {
        Self {
            target,
            server_name: None,
            is_impossible: false,
            state: JoinState::NotJoined,
            tries: 0,
            rejoin_policy: RejoinPolicy::Soon,
            due_at: None,
            last_join_at: None,
            entered_at: None,
            join_server_time: None,
        }
    }

    pub(super) fn name(&self) -> &str {
        self.server_name.as_ref().unwrap_or(&self.target.name)
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.state == JoinState::RetryWait && self.rejoin_policy == RejoinPolicy::Never
    }
}
