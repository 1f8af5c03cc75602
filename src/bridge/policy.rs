use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::Network;

/// What the administrator has decided about what was missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How much of what was missed in a room is mirrored.
    pub letschat: Limits,
    /// The same of a channel, on those networks where it is not everything.
    pub irc: HashMap<Network, Limits>,
    /// Whether people are told: what was left out, what may be missing, what was refused.
    pub announce: bool,
    /// For how long a channel must have gone unheard for people to be told of it, where nobody knows whether
    /// anything was said.
    pub gap: SignedDuration,
    /// Whether two who set each other off through the bridge are parted.
    pub break_loops: bool,
    /// How long the ledger remembers; `None` for ever.
    pub memory: Option<SignedDuration>,
    /// How many bytes may wait to be delivered; `None` for any number.
    pub waiting: Option<u64>,
}

/// How much of what was missed in one place is mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// How old a message may be, once we hear of it; `None` for any age.
    pub oldest: Option<SignedDuration>,
    /// How many messages; `None` for all.
    pub most: Option<u64>,
}

impl Default for Policy {
    /// Everything is mirrored.
    fn default() -> Self {
        Self {
            letschat: Limits::default(),
            irc: HashMap::new(),
            announce: true,
            gap: SignedDuration::from_secs(60),
            break_loops: false,
            memory: None,
            waiting: None,
        }
    }
}

impl Policy {
    /// How much of what was missed on `network` is mirrored.
    pub(super) fn limits(&self, network: &Network) -> Limits {
        self.irc.get(network).copied().unwrap_or_default()
    }
}

/// What was done with one place's backlog so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Backlog {
    mirrored: u64,
    left_out: u64,
}

impl Backlog {
    /// Whether a message of the backlog, said at `said_at`, is mirrored; it is counted either way.
    pub(super) fn admit(&mut self, said_at: Timestamp, now: Timestamp, limits: Limits) -> bool {
        let young = limits.oldest.is_none_or(|oldest| now.duration_since(said_at) <= oldest);
        let admitted = young && limits.most.is_none_or(|most| self.mirrored < most);
        if admitted {
            self.mirrored += 1;
        } else {
            self.left_out += 1;
        }
        admitted
    }

    /// How many messages were mirrored.
    pub(super) fn mirrored(self) -> u64 {
        self.mirrored
    }

    /// How many messages were left out.
    pub(super) fn left_out(self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_and_the_many_are_left_out_and_counted() {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(48);
        let hour = SignedDuration::from_hours(1);
        let limits = Limits { oldest: Some(hour * 24), most: Some(2) };
        let mut backlog = Backlog::default();
        let admitted: Vec<bool> =
            [25, 24, 3, 2, 1].map(|hours| backlog.admit(now - hour * hours, now, limits)).into();
        assert_eq!(admitted, [false, true, true, false, false]);
        assert_eq!(backlog.left_out(), 3);
    }

    #[test]
    fn everything_is_mirrored_unless_told_otherwise() {
        let mut backlog = Backlog::default();
        let now = Timestamp::now();
        assert!((0..1_000).all(|_| backlog.admit(Timestamp::UNIX_EPOCH, now, Limits::default())));
    }
}
