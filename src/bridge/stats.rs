//! What has come and gone, counted: nobody can turn that off.

use std::collections::BTreeMap;

use super::Peer;
use crate::domain::Network;

/// What has come and gone since the bridge began to run. Every figure only ever rises.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// With each network, and with Let's Chat.
    pub traffic: BTreeMap<Peer, TrafficStats>,
    /// What was not heard on IRC.
    pub gaps: GapStats,
    /// When we were not in a channel that we mean to be in.
    pub outages: OutageStats,
    /// The connections that people of Let's Chat have on each network.
    pub puppets: BTreeMap<Network, PuppetStats>,
}

/// What came from one peer, and what went to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrafficStats {
    /// Messages heard as they were said.
    pub received: u64,
    /// Messages that were said while we were away, and mirrored afterwards.
    pub caught_up: u64,
    /// Such that were not, for being too old or too many.
    pub skipped: u64,
    /// Such that cannot be read, for being too long or making no sense.
    pub oversized: u64,
    /// Such by the bridge's own account that it did not post itself: they are not mirrored.
    pub unknown_own: u64,
    /// Messages that were not mirrored since their author only repeats.
    pub suppressed: u64,
    /// How often a message was not mirrored to a place since a rule ignores it.
    pub ignored: u64,
    /// Messages in which nothing could be seen.
    pub blank: u64,
    /// Lines that were not UTF-8, and read in the charset that the configuration names.
    pub fallback_charset: u64,
    /// Messages that were told more often than once, and dropped.
    pub duplicates: u64,
    /// Deliveries that arrived.
    pub delivered: u64,
    /// Those of them that were in doubt, and found at the far end.
    pub reconciled: u64,
    /// How often a delivery was made again and marked, since nobody could tell whether it had arrived.
    pub resent: u64,
    /// How often the far end wanted a delivery later.
    pub deferred: u64,
    /// Deliveries that the far end will never take.
    pub rejected: u64,
}

/// What was not heard on IRC, since the bridge began to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GapStats {
    /// How often something may have been missed in a channel.
    pub count: u64,
    /// How many seconds these were in all.
    pub seconds: u64,
}

/// Absences from channels that are over, since the bridge began to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutageStats {
    /// How many.
    pub count: u64,
    /// How many seconds these were in all.
    pub seconds: u64,
}

/// Connections that people of Let's Chat have of their own, since the bridge began to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PuppetStats {
    /// Such that the server let in.
    pub connected: u64,
    /// Such that broke, or did not come about.
    pub lost: u64,
    /// Such that the server, or an operator of the network, turned away.
    pub rejected: u64,
}

impl Stats {
    /// The figures of the connections on `network`, to be raised.
    pub(super) fn puppets_mut(&mut self, network: &Network) -> &mut PuppetStats {
        self.puppets.entry(network.clone()).or_default()
    }

    /// The figures of `peer`, to be raised.
    pub(super) fn traffic_mut(&mut self, peer: Peer) -> &mut TrafficStats {
        self.traffic.entry(peer).or_default()
    }
}
