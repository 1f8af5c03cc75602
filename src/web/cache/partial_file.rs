//! A file that is being downloaded and can be read by many clients meanwhile.
//!
//! ```text
//!  requested ──head──▶ in progress ──end──▶ complete
//!      └───────┬────────────┘
//!              ▼
//!            failed
//! ```
//!
//! It is written once, to an unnamed temporary file that vanishes with the process. Each reader starts where it likes, reads
//! at its own pace, and waits for what has not arrived yet.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use tokio::sync::watch;
use tokio::task;

/// Read buffer size, for each reader.
const READ_CHUNK_SIZE: u64 = 64 * 1024;

/// A file being downloaded.
#[derive(Debug)]
pub(in crate::web) struct PartialFile {
    file: File,
    progress: watch::Sender<DownloadProgress>,
    began: Instant,
    /// When a reader last read from it, in milliseconds since it was created.
    read_at: AtomicU64,
}

/// Metadata available before the download is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web) struct FileHead {
    /// The content type as set by the uploader.
    pub(in crate::web) content_type: String,
    /// The length in bytes, if known.
    pub(in crate::web) length: Option<u64>,
}

/// Why a download failed, for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum FetchError {
    /// Let's Chat has no such file.
    NotFound,
    /// It exceeds the maximum size.
    TooLarge,
    /// Let's Chat is unreachable, or rejects us.
    Unreachable,
    /// Too many downloads, or no disk space.
    NoCapacity,
}

#[derive(Debug)]
struct DownloadProgress {
    head: Option<FileHead>,
    written: u64,
    result: Option<Result<(), FetchError>>,
}

impl PartialFile {
    /// A requested file, stored in `directory`.
    pub(super) fn new(directory: &Path) -> io::Result<Self> {
        let progress =
            watch::Sender::new(DownloadProgress { head: None, written: 0, result: None });
        let disk = tempfile::tempfile_in(directory)?;
        Ok(Self { file: disk, progress, began: Instant::now(), read_at: AtomicU64::new(0) })
    }

    /// Fails all readers and frees the disk space.
    pub(super) fn withdraw(&self) {
        if let Err(error) = self.file.set_len(0) {
            tracing::warn!(%error, "cannot free the space of an unused cache file");
        }
    }

    /// How long no reader has read from it.
    pub(super) fn unread_for(&self) -> Duration {
        self.now().saturating_sub(Duration::from_millis(self.read_at.load(Ordering::Relaxed)))
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Records that a reader is active.
    fn touch(&self) {
        let now = u64::try_from(self.now().as_millis()).unwrap_or(u64::MAX);
        self.read_at.store(now, Ordering::Relaxed);
    }

    /// The download has started.
    pub(super) fn set_head(&self, head: FileHead) {
        self.progress.send_modify(|it| it.head = Some(head));
    }

    /// Appends a chunk; waits for the disk.
    pub(super) async fn append(self: &Arc<Self>, piece: Bytes) -> io::Result<()> {
        let (this, at) = (self.clone(), self.bytes_written());
        let length = piece.len() as u64;
        task::spawn_blocking(move || this.file.write_all_at(&piece, at)).await??;
        self.progress.send_modify(|it| it.written += length);
        Ok(())
    }

    /// The download is complete, or failed.
    pub(super) fn finish(&self, end: Result<(), FetchError>) {
        self.progress.send_modify(|it| {
            if let (Ok(()), Some(head)) = (end, &mut it.head) {
                head.length = Some(it.written);
            }
            it.result = Some(end);
        });
    }

    pub(super) fn bytes_written(&self) -> u64 {
        self.progress.borrow().written
    }

    /// The result, once finished.
    pub(super) fn result(&self) -> Option<Result<(), FetchError>> {
        self.progress.borrow().result
    }

    /// Waits for the metadata; with `whole`, waits for the end if the length is unknown.
    pub(in crate::web) async fn head(&self, whole: bool) -> Result<FileHead, FetchError> {
        let mut progress = self.progress.subscribe();
        let known = |it: &DownloadProgress| it.result.is_some() || (it.head.is_some() && !whole);
        let Ok(found) = progress.wait_for(known).await else { return Err(FetchError::Unreachable) };
        match (&found.head, found.result) {
            (_, Some(Err(failure))) => Err(failure),
            (Some(head), _) => Ok(head.clone()),
            (None, _) => Err(FetchError::Unreachable),
        }
    }

    /// Streams the bytes from `first` to `end` (exclusive; `None` for the end of the file), waiting for those
    /// not yet downloaded. Fails if the download fails.
    pub(in crate::web) fn read_range(
        self: Arc<Self>,
        first: u64,
        end: Option<u64>,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let progress = self.progress.subscribe();
        let start = (self, progress, first);
        stream::try_unfold(start, move |(this, mut progress, at)| async move {
            if end.is_some_and(|end| at >= end) {
                return Ok(None);
            }
            this.touch();
            let written = {
                let state = progress.wait_for(|it| it.written > at || it.result.is_some()).await;
                let state = state.map_err(io::Error::other)?;
                match state.result {
                    Some(Err(_)) => return Err(io::Error::other("the fetch failed")),
                    Some(Ok(())) if state.written <= at => return Ok(None),
                    _ => state.written,
                }
            };
            let length = READ_CHUNK_SIZE.min(end.unwrap_or(u64::MAX).min(written) - at);
            let reader = this.clone();
            let piece = task::spawn_blocking(move || {
                let mut piece = vec![0; usize::try_from(length).unwrap_or(0)];
                reader.file.read_exact_at(&mut piece, at).map(|()| Bytes::from(piece))
            });
            let piece = piece.await??;
            Ok(Some((piece, (this, progress, at + length))))
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    fn partial_file() -> Arc<PartialFile> {
        Arc::new(PartialFile::new(&std::env::temp_dir()).expect("a file"))
    }

    async fn read(file: &Arc<PartialFile>, first: u64, end: Option<u64>) -> io::Result<Vec<u8>> {
        let pieces: Vec<Bytes> = file.clone().read_range(first, end).try_collect().await?;
        Ok(pieces.concat())
    }

    #[tokio::test]
    async fn readers_wait_for_bytes_not_yet_fetched() {
        let file = partial_file();
        let reader = tokio::spawn({
            let file = file.clone();
            async move {
                (file.head(false).await, read(&file, 0, None).await, read(&file, 3, Some(8)).await)
            }
        });
        file.set_head(FileHead { content_type: "image/png".to_owned(), length: None });
        for piece in ["kettle", "'s on"] {
            file.append(Bytes::from(piece)).await.expect("writes");
            tokio::task::yield_now().await;
        }
        file.finish(Ok(()));
        let (head, all, part) = reader.await.expect("reads");
        assert_eq!(head.expect("a head").content_type, "image/png");
        assert_eq!(all.expect("all"), b"kettle's on");
        assert_eq!(part.expect("a part"), b"tle's");
        assert_eq!(file.head(true).await.expect("a head").length, Some(11));
    }

    #[tokio::test]
    async fn withdrawn_file_ends_its_readers_and_leaves_the_disk() {
        let file = partial_file();
        file.set_head(FileHead { content_type: String::new(), length: None });
        file.append(Bytes::from(vec![7; 300_000])).await.expect("writes");
        file.finish(Ok(()));
        let mut reader = Box::pin(file.clone().read_range(0, None));
        reader.try_next().await.expect("reads").expect("a piece");
        file.withdraw();
        reader.try_next().await.expect_err("it is gone");
        assert_eq!(file.file.metadata().expect("is there").len(), 0);
    }

    #[tokio::test]
    async fn failed_fetch_fails_every_reader() {
        let file = partial_file();
        file.set_head(FileHead { content_type: String::new(), length: Some(9) });
        file.append(Bytes::from("kettle")).await.expect("writes");
        file.finish(Err(FetchError::Unreachable));
        read(&file, 0, None).await.expect_err("not whole");
        assert_eq!(file.head(false).await, Err(FetchError::Unreachable));
    }
}
