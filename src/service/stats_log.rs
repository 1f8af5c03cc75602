//! What has come and gone, for whoever looks and for the log.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::bridge::{Peer, PuppetStats, Stats, TrafficStats};

/// How often the log tells, at most.
const LOG_INTERVAL: Duration = Duration::from_secs(600);

/// What was told last.
pub(super) struct StatsReporter {
    sender: watch::Sender<Stats>,
    logged: Stats,
    logged_at: Instant,
}

impl StatsReporter {
    pub(super) fn new(sender: watch::Sender<Stats>) -> Self {
        Self { sender, logged: Stats::default(), logged_at: Instant::now() }
    }

    /// A moment to tell how the counters stand.
    pub(super) fn tick(&mut self, counters: &Stats) {
        self.publish(counters);
        if self.logged_at.elapsed() >= LOG_INTERVAL {
            self.log_changes();
        }
    }

    pub(super) fn publish(&self, counters: &Stats) {
        self.sender.send_if_modified(|told| {
            let changed = told != counters;
            if changed {
                told.clone_from(counters);
            }
            changed
        });
    }

    /// Writes what has changed since it was last written into the log.
    pub(super) fn log_changes(&mut self) {
        self.logged_at = Instant::now();
        let counters = self.sender.borrow();
        if *counters == self.logged {
            return;
        }
        for (peer, traffic) in &counters.traffic {
            if self.logged.traffic.get(peer) != Some(traffic) {
                log_traffic(peer, traffic);
            }
        }
        for (network, connections) in &counters.puppets {
            if self.logged.puppets.get(network) != Some(connections) {
                let PuppetStats { connected: made, lost, rejected: turned_away } = *connections;
                tracing::info!(%network, made, lost, turned_away, "since the start: connections of people");
            }
        }
        if counters.gaps != self.logged.gaps {
            let (gaps, seconds) = (counters.gaps.count, counters.gaps.seconds);
            tracing::info!(gaps, seconds, "since the start: not heard on IRC");
        }
        self.logged = counters.clone();
    }
}

fn log_traffic(peer: &Peer, traffic: &TrafficStats) {
    let TrafficStats {
        received: heard,
        caught_up,
        skipped: left_out,
        ignored,
        oversized: unreadable,
        duplicates,
        ..
    } = *traffic;
    let TrafficStats { unknown_own: strays, suppressed: held_back, .. } = *traffic;
    let TrafficStats {
        delivered,
        reconciled: found,
        resent: repeated,
        deferred: put_off,
        rejected: refused,
        ..
    } = *traffic;
    tracing::info!(
        %peer,
        heard,
        caught_up,
        left_out,
        ignored,
        unreadable,
        strays,
        held_back,
        duplicates,
        delivered,
        found,
        repeated,
        put_off,
        refused,
        "since the start"
    );
}
