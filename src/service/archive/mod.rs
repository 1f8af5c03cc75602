//! The archiver: copies what the bridge hears into the archive, in a thread of its own.
//!
//! It reads the ledger beside the engine, which never waits for it. What it has not copied is not pruned. If the archive
//! cannot be written, the bridge goes on without, and the archiver tries again.

mod orders;
mod rules;
mod worker;

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::config::Settings;
use crate::store::Store;

pub use orders::WaitingArchive;
pub(super) use rules::OwnAccount;
use worker::{ArchiveWorker, WorkerSettings};

/// How often the ledger is looked at.
const INTERVAL: Duration = Duration::from_millis(500);

/// How long the last lines may take when the bridge stops. What is not copied then is copied after the next start.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// How the archiver is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ArchiveStatus {
    /// Whether it is switched on.
    pub is_enabled: bool,
    /// Whether the archive can be written, as far as is known.
    pub is_writable: bool,
    /// Lines archived since the start.
    pub lines: u64,
    /// Messages of the ledger that wait to be archived.
    pub waiting: u64,
    /// The size of the archive with its log, in bytes; 0 if there is none.
    pub bytes: u64,
}

/// Sees how the archiver is. Clones see the same one.
#[derive(Debug, Clone, Default)]
pub struct ArchiveMonitor(Arc<Mutex<ArchiveStatus>>);

impl ArchiveMonitor {
    /// How it is, at most a second ago.
    #[must_use]
    pub fn status(&self) -> ArchiveStatus {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, status: ArchiveStatus) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }
}

/// What the archiver is told.
enum ArchiverOrder {
    /// Copy what was heard, and wait for other settings. Answered once that is done.
    Hold(Sender<()>),
    /// Go on with other settings.
    Apply(Box<WorkerSettings>),
    /// Copy what is left, and end.
    Stop,
}

/// The archiver's thread.
#[derive(Debug)]
pub(super) struct Archiver {
    orders: Sender<ArchiverOrder>,
    thread: JoinHandle<()>,
    monitor: ArchiveMonitor,
    own: OwnAccount,
}

impl Archiver {
    /// Starts to copy the ledger of `store`, before the engine writes into it.
    pub(super) fn start(settings: &Settings, store: &mut Store) -> Self {
        let own = OwnAccount::default();
        let monitor = ArchiveMonitor::default();
        let state_dir = settings.state_dir.clone();
        let settings = WorkerSettings::new(settings, own.clone());
        let mut worker = ArchiveWorker::new(&state_dir, store.prune_limit(), monitor.clone());
        if let Some(last) = worker.configure(settings) {
            store.number_messages_after(last);
        }
        let (orders, received) = channel();
        let thread = thread::Builder::new()
            .name("archiver".to_owned())
            .spawn(move || {
                let mut is_held = false;
                loop {
                    match received.recv_timeout(INTERVAL) {
                        Ok(ArchiverOrder::Hold(done)) => {
                            worker.finish();
                            is_held = true;
                            // Who waits may have gone.
                            let _ = done.send(());
                        }
                        Ok(ArchiverOrder::Apply(settings)) => {
                            worker.configure(*settings);
                            is_held = false;
                        }
                        Err(RecvTimeoutError::Timeout) if is_held => {}
                        Err(RecvTimeoutError::Timeout) => worker.work(),
                        Ok(ArchiverOrder::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                    }
                }
                worker.finish();
            })
            .expect("the system can start a thread");
        Self { orders, thread, monitor, own }
    }

    /// Where the bridge tells its own account.
    pub(super) fn own_account(&self) -> OwnAccount {
        self.own.clone()
    }

    /// Sees how it is.
    pub(super) fn monitor(&self) -> ArchiveMonitor {
        self.monitor.clone()
    }

    /// Copies what was heard by the settings so far, and waits for others.
    pub(super) async fn hold(&self) {
        let (done, finished) = channel();
        if self.orders.send(ArchiverOrder::Hold(done)).is_ok() {
            let wait = move || finished.recv_timeout(STOP_TIMEOUT);
            // If it takes longer, the rest is judged by the new settings.
            let _ = tokio::task::spawn_blocking(wait).await;
        }
    }

    /// Goes on with other settings.
    pub(super) fn reconfigure(&self, settings: &Settings) {
        let settings = WorkerSettings::new(settings, self.own.clone());
        // It is gone only if it has panicked, which is in the log.
        let _ = self.orders.send(ArchiverOrder::Apply(Box::new(settings)));
    }

    /// Copies what is left, once the engine has ended.
    pub(super) async fn stop(self) {
        let Self { orders, thread, .. } = self;
        let _ = orders.send(ArchiverOrder::Stop);
        let ended = tokio::task::spawn_blocking(move || thread.join());
        if tokio::time::timeout(STOP_TIMEOUT, ended).await.is_err() {
            tracing::warn!(
                "the archive is not complete: the rest is archived after the next start"
            );
        }
    }
}
