use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::Network;

/// What the administrator has decided about what was missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgePolicy {
    /// How much of what was missed in a room is mirrored.
    pub room_catchup: CatchUpLimits,
    /// The same of a channel, on those networks where it is not everything.
    pub channel_catchup: HashMap<Network, CatchUpLimits>,
    /// Whether people are told: what was left out, what may be missing, what was refused.
    pub notices: bool,
    /// For how long a channel must have gone unheard for people to be told of it, where nobody knows whether
    /// anything was said.
    pub min_reported_gap: SignedDuration,
    /// Whether two who set each other off through the bridge are parted.
    pub loop_protection: bool,
    /// How long the ledger remembers; `None` for ever.
    pub retention: Option<SignedDuration>,
    /// How many bytes may wait to be delivered; `None` for any number.
    pub max_queue_size: Option<u64>,
}

/// How much of what was missed in one place is mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CatchUpLimits {
    /// How old a message may be, once we hear of it; `None` for any age.
    pub max_age: Option<SignedDuration>,
    /// How many messages; `None` for all.
    pub max_messages: Option<u64>,
}

impl Default for BridgePolicy {
    /// Everything is mirrored.
    fn default() -> Self {
        Self {
            room_catchup: CatchUpLimits::default(),
            channel_catchup: HashMap::new(),
            notices: true,
            min_reported_gap: SignedDuration::from_secs(60),
            loop_protection: false,
            retention: None,
            max_queue_size: None,
        }
    }
}

impl BridgePolicy {
    /// How much of what was missed on `network` is mirrored.
    pub(super) fn catchup_limits(&self, network: &Network) -> CatchUpLimits {
        self.channel_catchup.get(network).copied().unwrap_or_default()
    }
}

/// What was done with one place's backlog so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct CatchUpBudget {
    mirrored: u64,
    skipped: u64,
}

impl CatchUpBudget {
    /// Whether a message of the backlog, said at `said_at`, is mirrored; it is counted either way.
    pub(super) fn admit(
        &mut self,
        said_at: Timestamp,
        now: Timestamp,
        limits: CatchUpLimits,
    ) -> bool {
        let young = limits.max_age.is_none_or(|oldest| now.duration_since(said_at) <= oldest);
        let admitted = young && limits.max_messages.is_none_or(|most| self.mirrored < most);
        if admitted {
            self.mirrored += 1;
        } else {
            self.skipped += 1;
        }
        admitted
    }

    /// How many messages were mirrored.
    pub(super) fn mirrored(self) -> u64 {
        self.mirrored
    }

    /// How many messages were left out.
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
