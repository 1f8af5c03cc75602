//! A file that is coming in, and is read by many at once while it does.
//!
//! ```text
//!  Asked ──head──▶ Coming(written …) ──end──▶ Whole
//!    └──────┬────────────┘
//!           ▼
//!         Failed
//! ```
//!
//! It is written once, into a file of the disk that has no name and vanishes with the process. Each
//! reader goes at their own pace, from wherever they like, and waits where the file has not come yet.

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

/// How much is read at once, for each reader.
const READ_CHUNK_SIZE: u64 = 64 * 1024;

/// A file on its way.
#[derive(Debug)]
pub(in crate::web) struct PartialFile {
    file: File,
    progress: watch::Sender<DownloadProgress>,
    began: Instant,
    /// When something of it was last asked for by a reader, in milliseconds since it began.
    read_at: AtomicU64,
}

/// What is known of a file before all of it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web) struct FileHead {
    /// Its kind, as whoever uploaded it said.
    pub(in crate::web) content_type: String,
    /// How many bytes it has, if that is known.
    pub(in crate::web) length: Option<u64>,
}

/// Why there is no file, for the person who asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum FetchError {
    /// Let's Chat has none of that id.
    NotFound,
    /// It is larger than what is passed on.
    TooLarge,
    /// Let's Chat cannot be asked now, or does not let us.
    Unreachable,
    /// Too much is asked for at once, or the disk takes nothing.
    NoCapacity,
}

#[derive(Debug)]
struct DownloadProgress {
    head: Option<FileHead>,
    written: u64,
    result: Option<Result<(), FetchError>>,
}

impl PartialFile {
    /// A file that was asked for, in `directory`.
    pub(super) fn new(directory: &Path) -> io::Result<Self> {
        let progress =
            watch::Sender::new(DownloadProgress { head: None, written: 0, result: None });
        let disk = tempfile::tempfile_in(directory)?;
        Ok(Self { file: disk, progress, began: Instant::now(), read_at: AtomicU64::new(0) })
    }

    /// Takes it away from those who still read it, and its bytes off the disk.
    pub(super) fn withdraw(&self) {
        if let Err(error) = self.file.set_len(0) {
            tracing::warn!(%error, "cannot free the space of an unused cache file");
        }
    }

    /// For how long no reader has taken anything of it.
    pub(super) fn unread_for(&self) -> Duration {
        self.now().saturating_sub(Duration::from_millis(self.read_at.load(Ordering::Relaxed)))
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Somebody reads it.
    fn touch(&self) {
        let now = u64::try_from(self.now().as_millis()).unwrap_or(u64::MAX);
        self.read_at.store(now, Ordering::Relaxed);
    }

    /// It begins to come.
    pub(super) fn set_head(&self, head: FileHead) {
        self.progress.send_modify(|it| it.head = Some(head));
    }

    /// The next piece of it has come. Waits for the disk.
    pub(super) async fn append(self: &Arc<Self>, piece: Bytes) -> io::Result<()> {
        let (this, at) = (self.clone(), self.bytes_written());
        let length = piece.len() as u64;
        task::spawn_blocking(move || this.file.write_all_at(&piece, at)).await??;
        self.progress.send_modify(|it| it.written += length);
        Ok(())
    }

    /// All of it is there, or no more of it will come.
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

    /// How it ended, if it has.
    pub(super) fn result(&self) -> Option<Result<(), FetchError>> {
        self.progress.borrow().result
    }

    /// What it is, as soon as that is known; its length, too, if `whole` waits until all is there.
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

    /// Its bytes from `first` up to but not including `end`, or to its own end; each waits until it is
    /// there. Fails where no more of it will come.
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
                let there = progress.wait_for(|it| it.written > at || it.result.is_some()).await;
                let there = there.map_err(io::Error::other)?;
                match there.result {
                    Some(Err(_)) => return Err(io::Error::other("the fetch failed")),
                    Some(Ok(())) if there.written <= at => return Ok(None),
                    _ => there.written,
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
    async fn what_is_taken_away_ends_its_readers_and_leaves_the_disk() {
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
