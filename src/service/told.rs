//! What has come and gone, for whoever looks and for the log.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::bridge::{Connections, Counters, Peer, Traffic};

/// How often the log tells, at most.
const LOG_INTERVAL: Duration = Duration::from_secs(600);

/// What was told last.
pub(super) struct StatsReporter {
    sender: watch::Sender<Counters>,
    logged: Counters,
    logged_at: Instant,
}

impl StatsReporter {
    pub(super) fn new(sender: watch::Sender<Counters>) -> Self {
        Self { sender, logged: Counters::default(), logged_at: Instant::now() }
    }

    /// A moment to tell how the counters stand.
    pub(super) fn tick(&mut self, counters: &Counters) {
        self.publish(counters);
        if self.logged_at.elapsed() >= LOG_INTERVAL {
            self.log_changes();
        }
    }

    pub(super) fn publish(&self, counters: &Counters) {
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
        for (network, connections) in &counters.connections {
            if self.logged.connections.get(network) != Some(connections) {
                let Connections { made, lost, turned_away } = *connections;
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

fn log_traffic(peer: &Peer, traffic: &Traffic) {
    let Traffic { heard, caught_up, left_out, ignored, unreadable, duplicates, .. } = *traffic;
    let Traffic { strays, held_back, .. } = *traffic;
    let Traffic { delivered, found, repeated, put_off, refused, .. } = *traffic;
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
