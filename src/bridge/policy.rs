//! The bridge's settings about missed messages, notices and limits.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::Network;
use crate::translate::Announcements;

/// Shorter absences are not reported, and automatic playback is not waited for.
pub(super) const MIN_REPORTED_GAP: SignedDuration = SignedDuration::from_secs(10);

/// Settings for the bridge as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgePolicy {
    /// Catch-up limits of rooms.
    pub room_catchup: CatchUpLimits,
    /// Catch-up limits of channels, on networks that have limits.
    pub channel_catchup: HashMap<Network, CatchUpLimits>,
    /// Whether users are notified of skipped messages, gaps and rejections.
    pub notices: bool,
    /// Minimum duration of a gap to be reported, if it is unknown whether anything was missed.
    pub min_reported_gap: SignedDuration,
    /// Whether bots in a loop are muted.
    pub loop_protection: bool,
    /// The networks where unconfirmed messages are dropped instead of resent.
    pub drop_unconfirmed: HashSet<Network>,
    /// How long messages are kept in the ledger; `None` for ever.
    pub retention: Option<SignedDuration>,
    /// How many bytes may be queued; `None` for no limit.
    pub max_queue_size: Option<u64>,
    /// The address of the page on which people link their accounts, up to the code; `None` if there is none.
    pub link_page: Option<String>,
    /// What people are told about the phases of links.
    pub announcements: Arc<Announcements>,
    /// Whether the bot says once in each room with accounts what it is.
    pub announce: bool,
}

/// How much of what was missed in an endpoint is mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CatchUpLimits {
    /// Maximum age of a message when received; `None` for no limit.
    pub max_age: Option<SignedDuration>,
    /// Maximum number of messages; `None` for no limit.
    pub max_messages: Option<u64>,
}

impl Default for BridgePolicy {
    /// No limits.
    fn default() -> Self {
        Self {
            room_catchup: CatchUpLimits::default(),
            channel_catchup: HashMap::new(),
            notices: true,
            min_reported_gap: SignedDuration::from_secs(60),
            loop_protection: false,
            drop_unconfirmed: HashSet::new(),
            retention: None,
            max_queue_size: None,
            link_page: None,
            announcements: Arc::default(),
            announce: false,
        }
    }
}

impl BridgePolicy {
    /// The catch-up limits of channels on `network`.
    pub(super) fn catchup_limits(&self, network: &Network) -> CatchUpLimits {
        self.channel_catchup.get(network).copied().unwrap_or_default()
    }
}

/// What was mirrored and skipped of one endpoint's backlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct CatchUpBudget {
    mirrored: u64,
    skipped: u64,
}

impl CatchUpBudget {
    /// Whether a message of the backlog, sent at `sent_at`, is mirrored; counts it either way.
    pub(super) fn admit(
        &mut self,
        sent_at: Timestamp,
        now: Timestamp,
        limits: CatchUpLimits,
    ) -> bool {
        let young = limits.max_age.is_none_or(|oldest| now.duration_since(sent_at) <= oldest);
        let admitted = young && limits.max_messages.is_none_or(|most| self.mirrored < most);
        if admitted {
            self.mirrored += 1;
        } else {
            self.skipped += 1;
        }
        admitted
    }

    /// The number of messages mirrored.
    pub(super) fn mirrored(self) -> u64 {
        self.mirrored
    }

    /// The number of messages skipped.
    pub(super) fn skipped(self) -> u64 {
        self.skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_over_the_limits_are_skipped_and_counted() {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(48);
        let hour = SignedDuration::from_hours(1);
        let limits = CatchUpLimits { max_age: Some(hour * 24), max_messages: Some(2) };
        let mut backlog = CatchUpBudget::default();
        let admitted: Vec<bool> =
            [25, 24, 3, 2, 1].map(|hours| backlog.admit(now - hour * hours, now, limits)).into();
        assert_eq!(admitted, [false, true, true, false, false]);
        assert_eq!(backlog.skipped(), 3);
    }

    #[test]
    fn default_limits_admit_everything() {
        let mut backlog = CatchUpBudget::default();
        let now = Timestamp::now();
        assert!((0..1_000).all(|_| backlog.admit(
            Timestamp::UNIX_EPOCH,
            now,
            CatchUpLimits::default()
        )));
    }
}
