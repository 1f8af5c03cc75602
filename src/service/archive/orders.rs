//! Lines that are ordered to be taken out, where nothing is archived: while the archive is switched off, and on a node that waits.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::store::archive::{ArchiveError, ArchiveOrders};

/// How often the orders are looked at, and how soon again after a failure.
const INTERVAL: Duration = Duration::from_millis(500);
const RETRY: Duration = Duration::from_secs(30);

/// Takes out what is ordered, and reports where that fails.
#[derive(Debug)]
pub(super) struct OrderFollower {
    orders: ArchiveOrders,
    /// What was reported, until it works again.
    problem: Option<String>,
    retry_at: Instant,
}

impl OrderFollower {
    pub(super) fn new(state_dir: &Path) -> Self {
        let orders = ArchiveOrders::new(state_dir);
        Self { orders, problem: None, retry_at: Instant::now() }
    }

    /// Takes out what was ordered since the last call.
    ///
    /// # Errors
    /// When the ledger cannot be read or the archive cannot be written.
    pub(super) fn follow(&mut self) -> Result<(), ArchiveError> {
        let lines = self.orders.follow()?;
        if lines > 0 {
            tracing::info!(lines, "lines taken out of the archive, as ordered");
        }
        Ok(())
    }

    /// Like [`Self::follow`], for who has nothing else to do with the archive.
    pub(super) fn work(&mut self) {
        if Instant::now() < self.retry_at {
            return;
        }
        let Err(error) = self.follow() else {
            if self.problem.take().is_some() {
                tracing::info!("the archive can be written again");
            }
            return;
        };
        self.retry_at = Instant::now() + RETRY;
        let words = error.to_string();
        if self.problem.as_ref() != Some(&words) {
            tracing::error!(
                error = words,
                "cannot take out of the archive what was ordered; trying again"
            );
        }
        self.problem = Some(words);
    }
}

/// Takes lines out on a node that waits, in a thread of its own, until it is dropped.
#[derive(Debug)]
pub struct WaitingArchive {
    /// Nothing is sent: the thread ends when it is dropped.
    _end: Sender<()>,
}

impl WaitingArchive {
    /// Starts on the archive in `state_dir`, once the local copy is there.
    #[must_use]
    pub fn start(state_dir: &Path) -> Self {
        let mut follower = OrderFollower::new(state_dir);
        let (end, ended) = channel();
        thread::Builder::new()
            .name("archiver".to_owned())
            .spawn(move || {
                while ended.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                    follower.work();
                }
            })
            .expect("the system can start a thread");
        Self { _end: end }
    }
}
