//! Fetches files from Let's Chat.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time;

use super::partial_file::{FetchError, FileHead, PartialFile};
use super::{FileCache, Key};
use crate::config::LetsChatSettings;
use crate::domain::FileId;
use crate::net::rest::{Download, FileError, RestClient, RestError};
use crate::net::tls;

/// Write buffer size for the disk.
const WRITE_CHUNK_SIZE: usize = 256 * 1024;

/// The only source of files: the configured Let's Chat.
pub(in crate::web) type Upstream = LetsChatSettings;

impl FileCache {
    /// Fetches `id` into `file`, and records the result there.
    pub(super) async fn fetch(self: Arc<Self>, id: FileId, file: Arc<PartialFile>) {
        let end = self.download(id, &file).await;
        match end {
            Ok(()) => {
                let bytes = file.bytes_written();
                self.reserve(Key::File(id), bytes);
                tracing::debug!(file = %id, bytes, "fetched");
            }
            Err(_) => {
                self.reserve(Key::File(id), 0);
            }
        }
        file.finish(end);
    }

    async fn download(&self, id: FileId, file: &Arc<PartialFile>) -> Result<(), FetchError> {
        let _slot = self.fetch_slots.acquire().await.map_err(|_| FetchError::NoCapacity)?;
        let mut download =
            request_file(&self.upstream, id).await.map_err(|error| to_fetch_error(id, &error))?;
        let space = download.length.unwrap_or(self.max_file_size);
        if space > self.max_file_size {
            return Err(FetchError::TooLarge);
        }
        self.find_room(id, space).await?;
        file.set_head(FileHead {
            content_type: std::mem::take(&mut download.content_type),
            length: download.length,
        });
        let mut pieces = BytesMut::with_capacity(WRITE_CHUNK_SIZE);
        while let Some(piece) =
            download.next_chunk().await.map_err(|error| to_fetch_error(id, &error.into()))?
        {
            pieces.extend_from_slice(&piece);
            if file.bytes_written() + pieces.len() as u64 > self.max_file_size {
                return Err(FetchError::TooLarge);
            }
            if pieces.len() >= WRITE_CHUNK_SIZE {
                write_chunk(file, pieces.split().freeze()).await?;
            }
        }
        write_chunk(file, pieces.freeze()).await?;
        match download.length {
            Some(length) if length != file.bytes_written() => Err(FetchError::Unreachable),
            _ => Ok(()),
        }
    }
}

/// Attempts to find space, one second apart: by then stalled readers are known.
const LOOKS: usize = 4;

impl FileCache {
    async fn find_room(&self, id: FileId, space: u64) -> Result<(), FetchError> {
        for _ in 0..LOOKS {
            if self.reserve(Key::File(id), space) {
                return Ok(());
            }
            time::sleep(Duration::from_secs(1)).await;
        }
        tracing::warn!(file = %id, "file cache is full of files in use; request rejected");
        Err(FetchError::NoCapacity)
    }
}

async fn request_file(source: &Upstream, id: FileId) -> Result<Download, FileError> {
    // Read each time, so that a renewed certificate needs no restart.
    let tls = tls::client_config(&source.tls_trust)
        .map_err(|error| RestError::Unreachable(error.to_string()))?;
    RestClient::new(&source.url, &source.token, &tls)?.download(id).await
}

pub(super) async fn write_chunk(file: &Arc<PartialFile>, piece: Bytes) -> Result<(), FetchError> {
    if piece.is_empty() {
        return Ok(());
    }
    file.append(piece).await.map_err(|error| {
        tracing::error!(%error, "cannot write to the file cache");
        FetchError::NoCapacity
    })
}

/// Logs the error, and reduces it to what the client may know.
fn to_fetch_error(id: FileId, error: &FileError) -> FetchError {
    if let FileError::NotFound = error {
        tracing::debug!(file = %id, "file not found in Let's Chat");
        return FetchError::NotFound;
    }
    tracing::warn!(file = %id, %error, "cannot fetch file from Let's Chat");
    FetchError::Unreachable
}
