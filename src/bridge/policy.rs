use jiff::{SignedDuration, Timestamp};

/// What the administrator has decided about what was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How old a message may be that is still mirrored, once we hear of it; `None` for any age.
    pub oldest: Option<SignedDuration>,
    /// How many messages of one room's backlog are mirrored; `None` for all.
    pub most: Option<u64>,
    /// Whether the far side is told what was left out, and where something may be missing.
    pub announce: bool,
    /// How long the ledger remembers; `None` for ever.
    pub memory: Option<SignedDuration>,
}

impl Default for Policy {
    /// Everything is mirrored.
    fn default() -> Self {
        Self { oldest: None, most: None, announce: true, memory: None }
    }
}

/// What was done with one room's backlog so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Backlog {
    mirrored: u64,
    left_out: u64,
}

impl Backlog {
    /// Whether a message of the backlog, said at `said_at`, is mirrored; it is counted either way.
    pub(super) fn admit(&mut self, said_at: Timestamp, now: Timestamp, policy: &Policy) -> bool {
        let young = policy.oldest.is_none_or(|oldest| now.duration_since(said_at) <= oldest);
        let admitted = young && policy.most.is_none_or(|most| self.mirrored < most);
        if admitted {
            self.mirrored += 1;
        } else {
            self.left_out += 1;
        }
        admitted
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
        let policy = Policy { oldest: Some(hour * 24), most: Some(2), ..Policy::default() };
        let mut backlog = Backlog::default();
        let admitted: Vec<bool> =
            [25, 24, 3, 2, 1].map(|hours| backlog.admit(now - hour * hours, now, &policy)).into();
        assert_eq!(admitted, [false, true, true, false, false]);
        assert_eq!(backlog.left_out(), 3);
    }

    #[test]
    fn everything_is_mirrored_unless_told_otherwise() {
        let mut backlog = Backlog::default();
        let now = Timestamp::now();
        assert!((0..1_000).all(|_| backlog.admit(Timestamp::UNIX_EPOCH, now, &Policy::default())));
    }
}
