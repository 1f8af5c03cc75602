//! What has come and gone, counted: nobody can turn that off.

use std::collections::BTreeMap;

use super::Peer;
use crate::domain::Network;

/// What has come and gone since the bridge began to run. Every figure only ever rises.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters {
    /// With each network, and with Let's Chat.
    pub traffic: BTreeMap<Peer, Traffic>,
    /// What was not heard on IRC.
    pub gaps: Gaps,
    /// When we were not in a channel that we mean to be in.
    pub losses: Losses,
    /// The connections that people of Let's Chat have on each network.
    pub connections: BTreeMap<Network, Connections>,
}

/// What came from one peer, and what went to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Messages heard as they were said.
    pub heard: u64,
    /// Messages that were said while we were away, and mirrored afterwards.
    pub caught_up: u64,
    /// Such that were not, for being too old or too many.
    pub left_out: u64,
    /// Such that cannot be read, for being too long or making no sense.
    pub unreadable: u64,
    /// Such by the bridge's own account that it did not post itself: they are not mirrored.
    pub strays: u64,
    /// Messages that were not mirrored since their author only repeats.
    pub held_back: u64,
    /// How often a message was not mirrored to a place since a rule ignores it.
    pub ignored: u64,
    /// Messages in which nothing could be seen.
    pub blank: u64,
    /// Lines that were not UTF-8, and read in the charset that the configuration names.
    pub guessed: u64,
    /// Messages that were told more often than once, and dropped.
    pub duplicates: u64,
    /// Deliveries that arrived.
    pub delivered: u64,
    /// Those of them that were in doubt, and found at the far end.
    pub found: u64,
    /// How often a delivery was made again and marked, since nobody could tell whether it had arrived.
    pub repeated: u64,
    /// How often the far end wanted a delivery later.
    pub put_off: u64,
    /// Deliveries that the far end will never take.
    pub refused: u64,
}

/// What was not heard on IRC, since the bridge began to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gaps {
    /// How often something may have been missed in a channel.
    pub count: u64,
    /// How many seconds these were in all.
    pub seconds: u64,
}

/// Absences from channels that are over, since the bridge began to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Losses {
    /// How many.
    pub count: u64,
    /// How many seconds these were in all.
    pub seconds: u64,
}

/// Connections that people of Let's Chat have of their own, since the bridge began to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connections {
    /// Such that the server let in.
    pub made: u64,
    /// Such that broke, or did not come about.
    pub lost: u64,
    /// Such that the server, or an operator of the network, turned away.
    pub turned_away: u64,
}

impl Counters {
    /// The figures of the connections on `network`, to be raised.
    pub(super) fn connections(&mut self, network: &Network) -> &mut Connections {
        self.connections.entry(network.clone()).or_default()
    }

    /// The figures of `peer`, to be raised.
    pub(super) fn of(&mut self, peer: Peer) -> &mut Traffic {
        self.traffic.entry(peer).or_default()
    }
}
