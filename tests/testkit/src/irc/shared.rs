//! What the handle of a server, its virtual users and its connections share.

use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, watch};
use tokio_rustls::rustls::ServerConfig;

use super::setup::Setup;
use super::state::ServerState;

/// The state behind its lock, and what tells of changes.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) tls: Option<Arc<ServerConfig>>,
    state: Mutex<ServerState>,
    changed: Notify,
    stalled: watch::Sender<bool>,
}

impl Shared {
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            tls: setup.tls.clone(),
            state: Mutex::new(ServerState::new(setup)),
            changed: Notify::new(),
            stalled: watch::Sender::new(false),
        }
    }

    /// Changes the state, and wakes those who wait for a change.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut ServerState) -> T) -> T {
        let result = change(&mut self.state.lock().expect("no command panics"));
        self.changed.notify_waiters();
        result
    }

    /// Waits until `holds`.
    pub(super) async fn until(&self, holds: impl Fn(&ServerState) -> bool) {
        loop {
            // Before the look, so that a change after it wakes us.
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if holds(&self.state.lock().expect("no command panics")) {
                return;
            }
            changed.await;
        }
    }

    /// Whether connections stand still.
    pub(super) fn stalled(&self) -> watch::Receiver<bool> {
        self.stalled.subscribe()
    }

    /// Makes connections stand still, or go on.
    pub(super) fn stall(&self, stalled: bool) {
        self.stalled.send_replace(stalled);
    }
}
