//! A thread that syncs the log while the bridge goes on.

use std::fs::File;
use std::io;
use std::sync::mpsc;
use std::thread;

/// The thread, which ends with this.
#[derive(Debug)]
pub(super) struct BackgroundSync {
    requests: mpsc::Sender<()>,
    results: mpsc::Receiver<io::Result<()>>,
    /// The last commit that the sync under way brings onto the disk.
    under_way: Option<u64>,
}

/// How a sync has ended, and the last commit that it was about.
pub(super) type Outcome = (u64, io::Result<()>);

impl BackgroundSync {
    /// Starts the thread, which syncs `log` by `sync_data`, and calls `done` after each time.
    pub(super) fn start(
        log: File,
        sync_data: fn(&File) -> io::Result<()>,
        done: impl Fn() + Send + 'static,
    ) -> io::Result<Self> {
        let (requests, requested) = mpsc::channel();
        let (result, results) = mpsc::channel();
        thread::Builder::new().name("sync".to_owned()).spawn(move || {
            for () in requested {
                // Nobody waits for it any more once the store is closed.
                let _ = result.send(sync_data(&log));
                done();
            }
        })?;
        Ok(Self { requests, results, under_way: None })
    }

    /// Whether a sync is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.under_way.is_some()
    }

    /// Begins a sync of all commits up to `last`, unless one is under way.
    pub(super) fn begin(&mut self, last: u64) {
        // The thread lives as long as there is somebody to send requests.
        if self.under_way.is_none() && self.requests.send(()).is_ok() {
            self.under_way = Some(last);
        }
    }

    /// How the sync under way has ended, if it has.
    pub(super) fn poll(&mut self) -> Option<Outcome> {
        let last = self.under_way?;
        let result = self.results.try_recv().ok()?;
        self.under_way = None;
        Some((last, result))
    }

    /// Waits for the sync under way, if there is one.
    pub(super) fn wait(&mut self) -> Option<Outcome> {
        let last = self.under_way.take()?;
        let gone = || Err(io::Error::other("the thread that syncs has ended"));
        Some((last, self.results.recv().unwrap_or_else(|_| gone())))
    }
}
