//! What the bridge knows of its connections.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::event::Peer;
use crate::domain::Network;
use crate::protocol::letschat::LetsChatUser;

/// How often the last-seen time is saved if nothing else is written.
pub(super) const LAST_SEEN_SAVE_INTERVAL: SignedDuration = SignedDuration::from_secs(10);

/// The connections to the networks and to Let's Chat.
#[derive(Debug, Default)]
pub(super) struct Peers {
    /// Our own user on Let's Chat, once known.
    pub(super) letschat_account: Option<LetsChatUser>,
    /// The connections that are up, and when each was last seen.
    last_seen: HashMap<Peer, LastSeen>,
    /// The connections that are about to be made anew: no delivery starts on them.
    closing: HashSet<Peer>,
}

/// When a peer was last seen, and when that was saved.
#[derive(Debug, Clone, Copy)]
pub(super) struct LastSeen {
    pub(super) at: Timestamp,
    pub(super) saved_at: Timestamp,
}

impl Peers {
    /// The connection is up. If it was before, only its last-seen time changes.
    pub(super) fn connected(&mut self, peer: Peer, now: Timestamp) {
        self.closing.remove(&peer);
        self.last_seen.insert(peer, LastSeen { at: now, saved_at: now });
    }

    /// The connection is lost. Returns when it was last seen, if it was up.
    pub(super) fn disconnected(&mut self, peer: &Peer) -> Option<Timestamp> {
        self.closing.remove(peer);
        self.last_seen.remove(peer).map(|seen| seen.at)
    }

    /// The connection is about to be closed on purpose: deliveries in flight may finish, no new ones start.
    pub(super) fn close(&mut self, peer: Peer) {
        self.closing.insert(peer);
    }

    /// Whether no delivery may start on this connection, because it is about to be closed.
    pub(super) fn is_closing(&self, peer: &Peer) -> bool {
        !self.closing.is_empty() && self.closing.contains(peer)
    }

    /// When the connection was last seen, if it is up.
    pub(super) fn last_seen_mut(&mut self, peer: &Peer) -> Option<&mut LastSeen> {
        self.last_seen.get_mut(peer)
    }

    /// Whether the connection to this network is up.
    pub(super) fn is_connected(&self, network: &Network) -> bool {
        self.last_seen.contains_key(&Peer::Irc(network.clone()))
    }

    /// The networks whose last-seen time was not saved for this long, and that time. They count as saved.
    pub(super) fn take_unsaved_networks(
        &mut self,
        interval: SignedDuration,
        now: Timestamp,
    ) -> Vec<(Network, Timestamp)> {
        let mut due = Vec::new();
        for (peer, seen) in &mut self.last_seen {
            if let Peer::Irc(network) = peer
                && now.duration_since(seen.saved_at) >= interval
            {
                seen.saved_at = now;
                due.push((network.clone(), seen.at));
            }
        }
        due
    }

    /// Whether this is our own user.
    pub(super) fn is_own_account(&self, user: &LetsChatUser) -> bool {
        self.letschat_account.as_ref().is_some_and(|account| account.id == user.id)
    }
}
