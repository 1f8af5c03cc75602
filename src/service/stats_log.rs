//! Publishes the counters and logs their changes.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::bridge::{AccountStats, Peer, PuppetStats, Stats, TrafficStats};

/// How often changes are logged at most.
const LOG_INTERVAL: Duration = Duration::from_secs(600);

/// The last published and logged counters.
pub(super) struct StatsReporter {
    sender: watch::Sender<Stats>,
    logged: Stats,
    logged_at: Instant,
}

impl StatsReporter {
    pub(super) fn new(sender: watch::Sender<Stats>) -> Self {
        Self { sender, logged: Stats::default(), logged_at: Instant::now() }
    }

    /// Publishes the counters, and logs changes when due.
    pub(super) fn tick(&mut self, counters: &Stats) {
        self.publish(counters);
        if self.logged_at.elapsed() >= LOG_INTERVAL {
            self.log_changes();
        }
    }

    pub(super) fn publish(&self, counters: &Stats) {
        self.sender.send_if_modified(|current| {
            let changed = current != counters;
            if changed {
                current.clone_from(counters);
            }
            changed
        });
    }

    /// Logs what has changed since the last time.
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
                let PuppetStats { connected, lost, rejected } = *connections;
                tracing::info!(%network, connected, lost, rejected, "totals: puppets");
            }
        }
        if counters.accounts != self.logged.accounts {
            let AccountStats { made, posted, fallbacks, lost } = counters.accounts;
            tracing::info!(made, posted, fallbacks, lost, "totals: accounts on Let's Chat");
        }
        if counters.gaps != self.logged.gaps {
            let (gaps, seconds) = (counters.gaps.count, counters.gaps.seconds);
            tracing::info!(gaps, seconds, "totals: gaps in channel history");
        }
        self.logged = counters.clone();
    }
}

fn log_traffic(peer: &Peer, traffic: &TrafficStats) {
    let TrafficStats { received, caught_up, skipped, ignored, oversized, duplicates, .. } =
        *traffic;
    let TrafficStats { unknown_own, suppressed, .. } = *traffic;
    let TrafficStats { delivered, reconciled, resent, deferred, rejected, .. } = *traffic;
    tracing::info!(
        %peer,
        received,
        caught_up,
        skipped,
        ignored,
        oversized,
        unknown_own,
        suppressed,
        duplicates,
        delivered,
        reconciled,
        resent,
        deferred,
        rejected,
        "totals"
    );
}
