//! Counters of what the bridge has done; always on.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Peer;
use super::link_direction::LinkDirection;
use crate::domain::{Histogram, Network};

/// The bounds of the latencies: from what nobody notices to an outage.
const LATENCY_BOUNDS: [Duration; 15] = [
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(900),
    Duration::from_secs(3_600),
];

/// Counters since the bridge started. They only ever increase.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// By network, and for Let's Chat.
    pub traffic: BTreeMap<Peer, TrafficStats>,
    /// Gaps in what was received on IRC.
    pub gaps: GapStats,
    /// Absences from channels.
    pub outages: OutageStats,
    /// Puppets on each network.
    pub puppets: BTreeMap<Network, PuppetStats>,
    /// Accounts of people of IRC on Let's Chat.
    pub accounts: AccountStats,
    /// How long deliveries took.
    pub latency: LatencyStats,
}

/// How long deliveries over links took, from hearing the message to the acknowledgement, since the bridge started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatencyStats {
    /// From rooms to channels.
    pub to_irc: Histogram,
    /// From channels to rooms.
    pub to_letschat: Histogram,
}

impl Default for LatencyStats {
    fn default() -> Self {
        let [to_irc, to_letschat] = [(); 2].map(|()| Histogram::new(&LATENCY_BOUNDS));
        Self { to_irc, to_letschat }
    }
}

impl LatencyStats {
    /// Those of one direction.
    pub(super) fn of(&mut self, direction: LinkDirection) -> &mut Histogram {
        match direction {
            LinkDirection::ToIrc => &mut self.to_irc,
            LinkDirection::ToLetsChat => &mut self.to_letschat,
        }
    }
}

/// Traffic with one peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrafficStats {
    /// Live messages received.
    pub received: u64,
    /// Messages mirrored after an absence.
    pub caught_up: u64,
    /// Messages skipped after an absence, for being too old or too many.
    pub skipped: u64,
    /// Messages skipped for being too long or unreadable.
    pub oversized: u64,
    /// Posts by the bridge's own user that it did not create; they are not mirrored.
    pub unknown_own: u64,
    /// Messages suppressed by loop protection.
    pub suppressed: u64,
    /// Messages not mirrored to an endpoint because of an ignore rule.
    pub ignored: u64,
    /// Messages without visible text.
    pub blank: u64,
    /// Lines decoded with a fallback charset.
    pub fallback_charset: u64,
    /// Duplicates received and dropped.
    pub duplicates: u64,
    /// Deliveries acknowledged.
    pub delivered: u64,
    /// Of those, deliveries in doubt that were found on the remote side.
    pub reconciled: u64,
    /// Deliveries resent with a mark, because it was unknown whether they had arrived.
    pub resent: u64,
    /// Deliveries deferred by the remote side.
    pub deferred: u64,
    /// Deliveries rejected by the remote side.
    pub rejected: u64,
}

/// Gaps in what was received on IRC, since the bridge started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GapStats {
    /// Number of gaps.
    pub count: u64,
    /// Their total duration in seconds.
    pub seconds: u64,
}

/// Ended absences from channels, since the bridge started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutageStats {
    /// Number of absences.
    pub count: u64,
    /// Their total duration in seconds.
    pub seconds: u64,
}

/// Puppets, since the bridge started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PuppetStats {
    /// Puppets registered.
    pub connected: u64,
    /// Puppets lost, or that could not connect.
    pub lost: u64,
    /// Puppets rejected by the server or an operator.
    pub rejected: u64,
}

/// Accounts of people of IRC on Let's Chat, since the bridge started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccountStats {
    /// Accounts made.
    pub made: u64,
    /// Messages posted by an account.
    pub posted: u64,
    /// Messages that an account could not post, so that the bot did.
    pub fallbacks: u64,
    /// Accounts that Let's Chat no longer lets the bridge use.
    pub lost: u64,
}

impl Stats {
    /// The counters of the puppets on `network`.
    pub(super) fn puppets_mut(&mut self, network: &Network) -> &mut PuppetStats {
        self.puppets.entry(network.clone()).or_default()
    }

    /// The counters of `peer`.
    pub(super) fn traffic_mut(&mut self, peer: Peer) -> &mut TrafficStats {
        self.traffic.entry(peer).or_default()
    }
}
