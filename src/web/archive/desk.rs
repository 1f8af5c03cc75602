//! Reads the archive on other threads, since that blocks: only so many at once, and for so long.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task;
use tokio::time;

use crate::store::archive::{ArchiveError, ArchiveReader};

/// How many read at the same time.
const MAX_READING: usize = 4;

/// How long a request waits for the others.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// How long a request waits for its answer. The thread goes on, and keeps its place until it is done.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// Why the archive was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotRead {
    /// Too many others read, or it took too long.
    Busy,
    /// It cannot be read; the log says why.
    Broken,
}

/// The archive, for many readers. Cloning it is cheap.
#[derive(Debug, Clone)]
pub(super) struct ReadingDesk {
    directory: PathBuf,
    slots: Arc<Semaphore>,
    /// Open once somebody has read.
    reader: Arc<Mutex<Option<Arc<ArchiveReader>>>>,
}

impl ReadingDesk {
    /// For the archive in this directory, which may not be there yet.
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory, slots: Arc::new(Semaphore::new(MAX_READING)), reader: Arc::default() }
    }

    /// Reads something.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&ArchiveReader) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, NotRead> {
        self.run(move |desk| ask(&*desk.open()?)).await
    }

    /// The same for a step of something longer, which has its reader already.
    pub(super) async fn go_on<T: Send + 'static>(
        &self,
        step: impl FnOnce() -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, NotRead> {
        self.run(move |_| step()).await
    }

    async fn run<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Self) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, NotRead> {
        let slot = time::timeout(MAX_WAIT, self.slots.clone().acquire_owned()).await;
        let Ok(Ok(slot)) = slot else { return Err(NotRead::Busy) };
        let desk = self.clone();
        let reading = task::spawn_blocking(move || {
            let answer = ask(&desk);
            drop(slot);
            answer
        });
        match time::timeout(TIME_LIMIT, reading).await {
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(error))) => {
                tracing::error!(%error, "cannot read the archive for the web server");
                // It may have been replaced.
                *self.reader.lock().unwrap_or_else(PoisonError::into_inner) = None;
                Err(if error.is_transient() { NotRead::Busy } else { NotRead::Broken })
            }
            Ok(Err(_)) => Err(NotRead::Broken),
            Err(_) => Err(NotRead::Busy),
        }
    }

    fn open(&self) -> Result<Arc<ArchiveReader>, ArchiveError> {
        let mut open = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reader) = &*open {
            return Ok(reader.clone());
        }
        let reader = Arc::new(ArchiveReader::open(&self.directory)?);
        *open = Some(reader.clone());
        Ok(reader)
    }
}
