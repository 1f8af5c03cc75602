//! What all connections of one server share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::faults::Faults;
use super::setup::Setup;
use super::state::ServerState;

/// The state behind its lock, and what the server was set up with.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<ServerState>,
    pub faults: Arc<Faults>,
    pub ping_interval: Duration,
    pub ping_timeout: Duration,
    pub prefix: String,
    pub page: bool,
    pub page_excludes: Vec<String>,
    /// How many websockets are open.
    pub sockets: watch::Sender<usize>,
    /// How many have been opened.
    pub opened: AtomicUsize,
    token_check_time: Duration,
    /// Only one token is checked at a time.
    token_check: tokio::sync::Mutex<()>,
    /// Changes when every connection is cut.
    life: watch::Sender<u64>,
}

impl Shared {
    /// For a server that is set up so; `life` changes when every connection is cut.
    pub(super) fn new(setup: Setup, faults: Arc<Faults>, life: watch::Sender<u64>) -> Self {
        Self {
            state: Mutex::new(ServerState::new(&setup)),
            faults,
            ping_interval: setup.ping_interval,
            ping_timeout: setup.ping_timeout,
            prefix: setup.prefix,
            page: setup.page,
            page_excludes: setup.page_excludes,
            sockets: watch::Sender::new(0),
            opened: AtomicUsize::new(0),
            token_check_time: setup.token_check_time,
            token_check: tokio::sync::Mutex::new(()),
            life,
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, ServerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cuts every connection, as the end of the process does.
    pub(super) fn cut_all(&self) {
        self.life.send_modify(|life| *life += 1);
    }

    /// Tells when every connection is cut.
    pub(super) fn life(&self) -> watch::Receiver<u64> {
        self.life.subscribe()
    }

    /// Takes as long as the check of a token takes.
    pub(super) async fn wait_for_token_check(&self) {
        if !self.token_check_time.is_zero() {
            let _turn = self.token_check.lock().await;
            tokio::time::sleep(self.token_check_time).await;
        }
    }

    pub(super) fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }
}
