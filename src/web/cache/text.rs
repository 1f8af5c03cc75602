//! Stores long messages on disk, from where each reader is served at their own pace.

use std::sync::Arc;

use bytes::Bytes;
use tokio::task;

use super::fetch::write_chunk;
use super::partial_file::{FetchError, FileHead, PartialFile};
use super::{FileCache, Key};

/// Write buffer size for the disk.
const PIECE: usize = 256 * 1024;

impl FileCache {
    /// Creates a text and writes it to `file`, which records the result.
    pub(super) async fn write(
        self: Arc<Self>,
        key: Key,
        file: Arc<PartialFile>,
        make: impl FnOnce() -> Result<String, FetchError> + Send + 'static,
    ) {
        let end = self.written(key, &file, make).await;
        if end.is_err() {
            self.reserve(key, 0);
        }
        file.finish(end);
    }

    async fn written(
        &self,
        key: Key,
        file: &Arc<PartialFile>,
        make: impl FnOnce() -> Result<String, FetchError> + Send + 'static,
    ) -> Result<(), FetchError> {
        // One at a time, to limit memory.
        let _alone = self.writing.acquire().await.map_err(|_| FetchError::NoCapacity)?;
        let text = task::spawn_blocking(make).await.map_err(|_| FetchError::NoCapacity)??;
        let mut text = Bytes::from(text);
        let length = text.len() as u64;
        if !self.reserve(key, length) {
            return Err(FetchError::NoCapacity);
        }
        file.set_head(FileHead { content_type: String::new(), length: Some(length) });
        while !text.is_empty() {
            write_chunk(file, text.split_to(PIECE.min(text.len()))).await?;
        }
        Ok(())
    }
}
