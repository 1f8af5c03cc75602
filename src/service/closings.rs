//! The connections that are to be closed on purpose, once their deliveries in flight are done.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::bridge::Peer;

/// The connections that are to be closed.
#[derive(Debug, Default)]
pub(super) struct Closings(Vec<Closing>);

#[derive(Debug)]
struct Closing {
    peer: Peer,
    /// Until when deliveries in flight are waited for.
    deadline: Instant,
    /// Is told when the connection was told to close.
    reply: oneshot::Sender<()>,
}

impl Closings {
    /// The connection to `peer` is to be closed after `timeout` at the latest.
    pub(super) fn add(&mut self, peer: Peer, timeout: Duration, reply: oneshot::Sender<()>) {
        self.0.push(Closing { peer, deadline: Instant::now() + timeout, reply });
    }

    /// The peers whose connection is to be closed now.
    pub(super) fn peers_due(&self, is_drained: impl Fn(&Peer) -> bool) -> Vec<Peer> {
        let now = Instant::now();
        let due = self.0.iter().filter(|it| now >= it.deadline || is_drained(&it.peer));
        due.map(|closing| closing.peer.clone()).collect()
    }

    /// The connection to `peer` was told to close.
    pub(super) fn closed(&mut self, peer: &Peer) {
        for closing in self.0.extract_if(.., |closing| closing.peer == *peer) {
            // The asker may have gone.
            let _ = closing.reply.send(());
        }
    }
}
