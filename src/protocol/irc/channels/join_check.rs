//! Schedules the checks that we are still in our channels.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crate::domain::EndpointId;

/// How often to check all channels.
const CHECK_INTERVAL: Duration = Duration::from_secs(600);

/// How often to check one channel at most.
const RECHECK_INTERVAL: Duration = Duration::from_secs(60);

/// Verifies our channels with the server, periodically and whenever an error suggests that we are not in one.
#[derive(Debug)]
pub(in crate::protocol::irc) struct JoinCheck {
    due_at: Instant,
    /// The channels in the reply in progress; `None` if there is none.
    listed: Option<BTreeSet<EndpointId>>,
    /// The channels being checked individually, and since when.
    suspects: HashMap<EndpointId, JoinSuspect>,
}

#[derive(Debug)]
struct JoinSuspect {
    since: Instant,
    is_open: bool,
}

impl JoinCheck {
    pub(in crate::protocol::irc) fn new(now: Instant) -> Self {
        Self { due_at: now + CHECK_INTERVAL, listed: None, suspects: HashMap::new() }
    }

    /// Whether a check of all channels is due; starts it.
    pub(in crate::protocol::irc) fn start_if_due(&mut self, now: Instant) -> bool {
        let due = now >= self.due_at;
        if due {
            self.due_at = now + CHECK_INTERVAL;
            self.listed = Some(BTreeSet::new());
        }
        due
    }

    pub(in crate::protocol::irc) fn deadline(&self) -> Instant {
        self.due_at
    }

    /// The server lists us in this channel.
    pub(in crate::protocol::irc) fn mark_listed(&mut self, endpoint: EndpointId) {
        if let Some(seen) = &mut self.listed {
            seen.insert(endpoint);
        }
    }

    /// The channels where the server lists us; `None` if no check is in progress.
    pub(in crate::protocol::irc) fn take_listed(&mut self) -> Option<BTreeSet<EndpointId>> {
        self.listed.take()
    }

    /// Something suggests that we are not in this channel. Returns whether to check.
    pub(in crate::protocol::irc) fn suspect(&mut self, endpoint: EndpointId, now: Instant) -> bool {
        let doubted = self.suspects.get(&endpoint).map(|doubt| doubt.since);
        if doubted.is_some_and(|since| now.duration_since(since) < RECHECK_INTERVAL) {
            return false;
        }
        self.suspects.insert(endpoint, JoinSuspect { since: now, is_open: true });
        true
    }

    /// NAMES for this channel is complete. Returns whether a check was in progress.
    pub(in crate::protocol::irc) fn clear(&mut self, endpoint: EndpointId) -> bool {
        self.suspects.get_mut(&endpoint).is_some_and(|doubt| std::mem::take(&mut doubt.is_open))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspect_channel_is_checked_once_per_interval() {
        let now = Instant::now();
        let tea = EndpointId(1);
        let mut roll = JoinCheck::new(now);
        assert!(!roll.clear(tea));
        assert!(roll.suspect(tea, now) && !roll.suspect(tea, now));
        assert!(roll.clear(tea) && !roll.clear(tea));
        assert!(!roll.suspect(tea, now));
        assert!(roll.suspect(tea, now + RECHECK_INTERVAL));
    }

    #[test]
    fn unrequested_whois_is_ignored() {
        let now = Instant::now();
        let mut roll = JoinCheck::new(now);
        roll.mark_listed(EndpointId(1));
        assert_eq!(roll.take_listed(), None);
        assert!(
            !roll.start_if_due(now)
                && roll.start_if_due(now + CHECK_INTERVAL)
                && !roll.start_if_due(now + CHECK_INTERVAL)
        );
        roll.mark_listed(EndpointId(1));
        assert_eq!(roll.take_listed(), Some([EndpointId(1)].into()));
    }
}
