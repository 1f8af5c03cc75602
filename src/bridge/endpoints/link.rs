//! What channels and rooms have in common.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{Endpoint, EndpointId};

/// Shorter outages are not reported.
const MIN_REPORTED_OUTAGE: SignedDuration = SignedDuration::from_secs(60);

/// If an outage was reported within this time, only longer ones are reported again, to avoid noise from an
/// unstable connection.
const RECENT_NOTICE_WINDOW: SignedDuration = SignedDuration::from_hours(1);
const MIN_REPEATED_OUTAGE: SignedDuration = SignedDuration::from_mins(10);

/// What a channel and a room have in common, because each is an end of links.
#[derive(Debug)]
pub(in crate::bridge) struct LinkedEndpoint {
    pub(in crate::bridge) endpoint: Endpoint,
    /// The other endpoints of its group, to which its messages are mirrored.
    pub(in crate::bridge) mirrors: Arc<[EndpointId]>,
    /// It is no longer linked, and goes away once what is queued for it is delivered.
    pub(super) is_leaving: bool,
    /// The current outage.
    pub(in crate::bridge) outage: Option<Outage>,
    /// Why it could not be joined, worded for the administrator.
    pub(in crate::bridge) join_problem: Option<String>,
    /// Whether users were notified of an outage.
    pub(in crate::bridge) outage_notice: OutageNotice,
    /// The topic or description: what the server last reported, or what we last requested.
    topic: Option<String>,
}

/// An outage of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::bridge) struct Outage {
    pub(in crate::bridge) since: Timestamp,
    /// The reason, worded for users, if known.
    pub(in crate::bridge) reason: Option<String>,
}

/// Whether users were notified of an outage.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::bridge) struct OutageNotice {
    /// They were notified of its start, but not yet of its end.
    pub(in crate::bridge) announced: bool,
    /// When they were last notified in this run.
    announced_at: Option<Timestamp>,
}

impl LinkedEndpoint {
    pub(in crate::bridge) fn new(endpoint: Endpoint, mirrors: Arc<[EndpointId]>) -> Self {
        Self {
            endpoint,
            mirrors,
            is_leaving: false,
            outage: None,
            join_problem: None,
            outage_notice: OutageNotice::default(),
            topic: None,
        }
    }

    /// It is unavailable since `now` or earlier; `reason` is the one as currently known.
    pub(in crate::bridge) fn record_outage(&mut self, reason: Option<&str>, now: Timestamp) {
        let outage = self.outage.get_or_insert(Outage { since: now, reason: None });
        outage.reason = reason.map(str::to_owned).or(outage.reason.take());
    }

    /// The reason of an outage that has lasted long enough to be announced now, if known. Counts it as
    /// announced.
    pub(in crate::bridge) fn take_due_outage(&mut self, now: Timestamp) -> Option<Option<String>> {
        let outage = self.outage.as_ref().filter(|_| !self.outage_notice.announced)?;
        if now.duration_since(outage.since) < self.outage_notice.min_duration(now) {
            return None;
        }
        self.outage_notice = OutageNotice { announced: true, announced_at: Some(now) };
        Some(outage.reason.clone())
    }

    /// The topic on joining.
    pub(in crate::bridge) fn init_topic(&mut self, text: &str) {
        self.topic = Some(text.to_owned());
    }

    /// The topic has changed. Returns whether somebody else has changed it: a server may truncate what we
    /// set, so a prefix of that is ours.
    pub(in crate::bridge) fn record_topic_change(&mut self, text: &str) -> bool {
        let before = self.topic.replace(text.to_owned());
        before
            .is_none_or(|before| text.is_empty() != before.is_empty() || !before.starts_with(text))
    }

    /// The topic is to be set. Returns whether it differs.
    pub(in crate::bridge) fn request_topic(&mut self, text: &str) -> bool {
        self.topic.replace(text.to_owned()).as_deref() != Some(text)
    }
}

impl OutageNotice {
    /// The state left by the previous run.
    pub(in crate::bridge) fn restored(announced: bool) -> Self {
        Self { announced, announced_at: None }
    }

    /// How long an outage must last to be reported now.
    fn min_duration(self, now: Timestamp) -> SignedDuration {
        let recently =
            self.announced_at.is_some_and(|at| now.duration_since(at) < RECENT_NOTICE_WINDOW);
        if recently { MIN_REPEATED_OUTAGE } else { MIN_REPORTED_OUTAGE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outage_soon_after_a_notice_must_last_longer() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(OutageNotice::restored(true).min_duration(now), MIN_REPORTED_OUTAGE);
        let noticed = OutageNotice { announced: false, announced_at: Some(now) };
        assert_eq!(noticed.min_duration(now + RECENT_NOTICE_WINDOW / 2), MIN_REPEATED_OUTAGE);
        assert_eq!(noticed.min_duration(now + RECENT_NOTICE_WINDOW), MIN_REPORTED_OUTAGE);
    }

    #[test]
    fn own_topic_change_is_recognised_even_if_truncated() {
        let mut link = LinkedEndpoint::new(Endpoint::room("tea"), Arc::new([]));
        link.init_topic("old");
        assert!(!link.record_topic_change("old"));
        assert!(link.request_topic("Earl Grey and Darjeeling"));
        assert!(!link.request_topic("Earl Grey and Darjeeling"), "requested before");
        assert!(!link.record_topic_change("Earl Grey"));
        assert!(link.record_topic_change("Assam"));
        assert!(link.record_topic_change(""));
        assert!(link.record_topic_change("Assam"));
    }
}
