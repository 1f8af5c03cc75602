//! The commands of turns, on their way to the connections.

use std::collections::VecDeque;

use tokio::sync::{Notify, mpsc, watch};

use super::messages::ShutdownRequest;
use crate::bridge::Command;
use crate::store::{Store, SyncPoint};

/// The commands that are held back until the disk has what they follow from, in their order.
#[derive(Debug, Default)]
pub(super) struct Outgoing(VecDeque<(SyncPoint, Vec<Command>)>);

impl Outgoing {
    /// Whether nothing is held back.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Holds these back until the store has synced up to `point`.
    pub(super) fn hold(&mut self, point: SyncPoint, commands: &mut Vec<Command>) {
        if !commands.is_empty() {
            self.0.push_back((point, std::mem::take(commands)));
        }
    }

    /// The commands of the next turn that is on the disk.
    pub(super) fn take_synced(&mut self, store: &Store) -> Option<Vec<Command>> {
        self.0.pop_front_if(|(point, _)| store.is_synced(*point)).map(|(_, commands)| commands)
    }
}

/// Waits until the shutdown stage changes, or the disk has taken something.
pub(super) async fn stage_changed_or_synced(
    requested: watch::Receiver<ShutdownRequest>,
    synced: &Notify,
) {
    tokio::select! {
        () = stage_changed(requested) => {}
        () = synced.notified() => {}
    }
}

/// Waits until the shutdown stage changes.
async fn stage_changed(mut requested: watch::Receiver<ShutdownRequest>) {
    if requested.changed().await.is_err() {
        // The sender is gone, so it never changes.
        std::future::pending::<()>().await;
    }
}

/// Tries to send a command to a connection. A courtesy command (`aside`), which strangers can trigger in any
/// number, may use only half of the queue. Returns false if the queue is full.
pub(super) fn try_send_command<T>(peer: &mpsc::Sender<T>, command: T, aside: bool) -> bool {
    if aside && peer.capacity() < peer.max_capacity() / 2 {
        return true;
    }
    !matches!(peer.try_send(command), Err(mpsc::error::TrySendError::Full(_)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::domain::EndpointId;

    #[test]
    fn commands_are_held_until_the_disk_has_their_turn_and_keep_their_order() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(directory.path()).unwrap();
        store.sync_in_background(|| {}).unwrap();
        let mut outgoing = Outgoing::default();
        outgoing.hold(store.sync_point(), &mut Vec::new());
        assert!(outgoing.is_empty(), "there is nothing to hold");
        for number in [1, 2] {
            store.try_write().unwrap();
            store.commit_in_background().unwrap();
            outgoing.hold(store.sync_point(), &mut vec![Command::Unlinked(EndpointId(number))]);
        }
        assert_eq!(outgoing.take_synced(&store), None, "nobody has looked at the disk since");
        store.sync().unwrap();
        let sent: Vec<Command> =
            std::iter::from_fn(|| outgoing.take_synced(&store)).flatten().collect();
        assert_eq!(sent, [1, 2].map(|number| Command::Unlinked(EndpointId(number))));
    }
}
