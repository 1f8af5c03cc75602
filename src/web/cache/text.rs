//! Puts a long message on the disk, from where each reader has it at their own pace.

use std::sync::Arc;

use bytes::Bytes;
use tokio::task;

use super::fetch::write;
use super::growing::{Failure, Growing, Head};
use super::{Cache, Key};

/// How much is written to the disk at once.
const PIECE: usize = 256 * 1024;

impl Cache {
    /// Makes a text, and puts it into `file`, which is told how that ends.
    pub(super) async fn write(
        self: Arc<Self>,
        key: Key,
        file: Arc<Growing>,
        make: impl FnOnce() -> Result<String, Failure> + Send + 'static,
    ) {
        let end = self.written(key, &file, make).await;
        if end.is_err() {
            self.reserve(key, 0);
        }
        file.end(end);
    }

    async fn written(
        &self,
        key: Key,
        file: &Arc<Growing>,
        make: impl FnOnce() -> Result<String, Failure> + Send + 'static,
    ) -> Result<(), Failure> {
        // One at a time, so that one is in memory at a time.
        let _alone = self.writing.acquire().await.map_err(|_| Failure::NoRoom)?;
        let text = task::spawn_blocking(make).await.map_err(|_| Failure::NoRoom)??;
        let mut text = Bytes::from(text);
        let length = text.len() as u64;
        if !self.reserve(key, length) {
            return Err(Failure::NoRoom);
        }
        file.begin(Head { kind: String::new(), length: Some(length) });
        while !text.is_empty() {
            write(file, text.split_to(PIECE.min(text.len()))).await?;
        }
        Ok(())
    }
}
