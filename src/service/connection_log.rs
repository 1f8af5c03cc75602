//! What has become of each connection, for the report.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::bridge::{
    ConnectionReport, ConnectionState, Peer, ReconnectCounts, ReconnectReason, SignOfLife,
};

/// Within which time after the login the first ping is sent and answered.
const FIRST_ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// The connections to all networks and to Let's Chat.
#[derive(Debug, Default)]
pub(super) struct ConnectionLog {
    by_peer: BTreeMap<Peer, ConnectionRecord>,
}

/// What has become of a connection.
#[derive(Debug, Clone, Default)]
struct ConnectionRecord {
    is_logged_in: bool,
    /// Since when its state is what it is.
    since: Option<Timestamp>,
    server: Option<String>,
    problem: Option<String>,
    /// How often it has logged in.
    logins: u64,
    /// The last answer that we asked for, while it is logged in.
    sign_of_life: Option<SignOfLife>,
    attempts: ReconnectCounts,
}

impl ConnectionRecord {
    fn state(&self) -> ConnectionState {
        match (self.is_logged_in, &self.problem) {
            (true, _) => ConnectionState::Connected,
            (false, Some(_)) => ConnectionState::Down,
            (false, None) => ConnectionState::Connecting,
        }
    }
}

impl ConnectionLog {
    /// It has reached this server.
    pub(super) fn reached(&mut self, peer: Peer, server: String) {
        self.by_peer.entry(peer).or_default().server = Some(server);
    }

    /// It has logged in.
    pub(super) fn logged_in(&mut self, peer: Peer, now: Timestamp) {
        self.change(peer, now, |record| {
            if !std::mem::replace(&mut record.is_logged_in, true) {
                record.logins += 1;
            }
            let next_within = FIRST_ANSWER_WITHIN;
            record.sign_of_life = Some(SignOfLife { at: now, next_within });
            record.problem = None;
        });
    }

    /// It has answered a ping; the next answer is due within this time.
    pub(super) fn answered(&mut self, peer: Peer, next_within: Duration, now: Timestamp) {
        let record = self.by_peer.entry(peer).or_default();
        if record.is_logged_in {
            record.sign_of_life = Some(SignOfLife { at: now, next_within });
        }
    }

    /// It is lost.
    pub(super) fn lost(&mut self, peer: Peer, now: Timestamp) {
        self.change(peer, now, |record| {
            (record.is_logged_in, record.sign_of_life) = (false, None);
        });
    }

    /// It is about to be made anew.
    pub(super) fn retried(&mut self, peer: Peer, reason: ReconnectReason) {
        self.by_peer.entry(peer).or_default().attempts.add(reason);
    }

    /// The last attempt has failed, for this reason in words for the administrator.
    pub(super) fn failed(&mut self, peer: Peer, problem: String, now: Timestamp) {
        self.change(peer, now, |record| record.problem = Some(problem));
    }

    /// It is closed on purpose: what was wrong with it does not matter any more.
    pub(super) fn closing(&mut self, peer: &Peer) {
        if let Some(record) = self.by_peer.get_mut(peer) {
            record.problem = None;
        }
    }

    fn change(&mut self, peer: Peer, now: Timestamp, change: impl FnOnce(&mut ConnectionRecord)) {
        let record = self.by_peer.entry(peer).or_default();
        let before = record.state();
        change(record);
        if record.state() != before {
            record.since = Some(now);
        }
    }

    /// Why connections fail.
    pub(super) fn problems(&self) -> impl Iterator<Item = &String> {
        self.by_peer.values().filter_map(|record| record.problem.as_ref())
    }

    /// Adds to a report what is known of its connection.
    pub(super) fn fill(&self, report: &mut ConnectionReport) {
        let Some(record) = self.by_peer.get(&report.peer) else { return };
        let ConnectionRecord { since, server, problem, logins, sign_of_life, attempts, .. } =
            record.clone();
        (report.since, report.server, report.problem) = (since, server, problem);
        (report.state, report.reconnects) = (record.state(), logins.saturating_sub(1));
        (report.sign_of_life, report.attempts) = (sign_of_life, attempts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_is_down_until_it_has_logged_in_again() {
        let mut log = ConnectionLog::default();
        let at = |second| Timestamp::from_second(second).expect("a time");
        let peer = || Peer::LetsChat;
        let shown = |log: &ConnectionLog| {
            let mut report = ConnectionReport::new(peer());
            log.fill(&mut report);
            (report.state, report.since.map(Timestamp::as_second), report.reconnects)
        };
        assert_eq!(shown(&log), (ConnectionState::Connecting, None, 0));
        log.failed(peer(), "refused".to_owned(), at(1));
        log.failed(peer(), "refused again".to_owned(), at(2));
        assert_eq!(shown(&log), (ConnectionState::Down, Some(1), 0));
        log.reached(peer(), "http://chat.example".to_owned());
        log.logged_in(peer(), at(3));
        log.logged_in(peer(), at(4));
        assert_eq!(shown(&log), (ConnectionState::Connected, Some(3), 0));
        assert_eq!(log.problems().count(), 0);
        log.lost(peer(), at(5));
        assert_eq!(shown(&log), (ConnectionState::Connecting, Some(5), 0));
        log.logged_in(peer(), at(6));
        assert_eq!(shown(&log), (ConnectionState::Connected, Some(6), 1));
    }

    #[test]
    fn answer_counts_while_it_is_connected() {
        let mut log = ConnectionLog::default();
        let at = |second| Timestamp::from_second(second).expect("a time");
        let peer = || Peer::LetsChat;
        let overdue = |log: &ConnectionLog, now| {
            let mut report = ConnectionReport::new(peer());
            log.fill(&mut report);
            report.sign_of_life.map(|sign| sign.is_overdue(at(now)))
        };
        log.answered(peer(), Duration::from_secs(9), at(1));
        assert_eq!(overdue(&log, 1), None);
        log.logged_in(peer(), at(10));
        assert_eq!((overdue(&log, 130), overdue(&log, 131)), (Some(false), Some(true)));
        log.answered(peer(), Duration::from_secs(9), at(20));
        assert_eq!((overdue(&log, 29), overdue(&log, 30)), (Some(false), Some(true)));
        log.lost(peer(), at(40));
        assert_eq!(overdue(&log, 40), None);
        log.retried(peer(), ReconnectReason::PingTimeout);
        let mut report = ConnectionReport::new(peer());
        log.fill(&mut report);
        let counts: Vec<u64> = report.attempts.iter().map(|(_, count)| count).collect();
        assert_eq!(counts, [0, 1, 0, 0, 0]);
    }
}
