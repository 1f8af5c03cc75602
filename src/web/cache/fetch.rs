//! Fetches a file from Let's Chat.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time;

use super::growing::{Failure, Growing, Head};
use super::{Cache, Key};
use crate::config::LetsChatSettings;
use crate::domain::FileId;
use crate::net::rest::{Download, FileError, Rest, RestError};
use crate::net::tls;

/// How much is written to the disk at once.
const PIECE: usize = 256 * 1024;

/// Where files come from: the Let's Chat of the configuration, and nowhere else.
pub(in crate::web) type Source = LetsChatSettings;

impl Cache {
    /// Fetches `id` into `file`, which is told how that ends.
    pub(super) async fn fetch(self: Arc<Self>, id: FileId, file: Arc<Growing>) {
        let end = self.fetched(id, &file).await;
        match end {
            Ok(()) => {
                let bytes = file.written();
                self.reserve(Key::File(id), bytes);
                tracing::debug!(file = %id, bytes, "fetched");
            }
            Err(_) => {
                self.reserve(Key::File(id), 0);
            }
        }
        file.end(end);
    }

    async fn fetched(&self, id: FileId, file: &Arc<Growing>) -> Result<(), Failure> {
        let _slot = self.slots.acquire().await.map_err(|_| Failure::NoRoom)?;
        let mut download = ask(&self.source, id).await.map_err(|error| failure(id, &error))?;
        let space = download.length.unwrap_or(self.largest);
        if space > self.largest {
            return Err(Failure::TooLarge);
        }
        self.find_room(id, space).await?;
        file.begin(Head { kind: std::mem::take(&mut download.kind), length: download.length });
        let mut pieces = BytesMut::with_capacity(PIECE);
        while let Some(piece) = download.next().await.map_err(|error| failure(id, &error.into()))? {
            pieces.extend_from_slice(&piece);
            if file.written() + pieces.len() as u64 > self.largest {
                return Err(Failure::TooLarge);
            }
            if pieces.len() >= PIECE {
                write(file, pieces.split().freeze()).await?;
            }
        }
        write(file, pieces.freeze()).await?;
        match download.length {
            Some(length) if length != file.written() => Err(Failure::Unreachable),
            _ => Ok(()),
        }
    }
}

/// How often room is looked for, a second apart: by then readers that have stopped are known.
const LOOKS: usize = 4;

impl Cache {
    async fn find_room(&self, id: FileId, space: u64) -> Result<(), Failure> {
        for _ in 0..LOOKS {
            if self.reserve(Key::File(id), space) {
                return Ok(());
            }
            time::sleep(Duration::from_secs(1)).await;
        }
        tracing::warn!(file = %id, "too many files are being sent: there is no room for another");
        Err(Failure::NoRoom)
    }
}

async fn ask(source: &Source, id: FileId) -> Result<Download, FileError> {
    // Read anew for each, so that a renewed certificate needs no restart.
    let tls = tls::client_config(&source.tls_trust)
        .map_err(|error| RestError::Unreachable(error.to_string()))?;
    Rest::new(&source.url, &source.token, &tls)?.file(id).await
}

pub(super) async fn write(file: &Arc<Growing>, piece: Bytes) -> Result<(), Failure> {
    if piece.is_empty() {
        return Ok(());
    }
    file.write(piece).await.map_err(|error| {
        tracing::error!(%error, "the disk takes nothing of what is served");
        Failure::NoRoom
    })
}

/// What is the matter, for the log; and in fewer words for the person who asks.
fn failure(id: FileId, error: &FileError) -> Failure {
    if let FileError::NoSuchFile = error {
        tracing::debug!(file = %id, "no such file");
        return Failure::NoSuchFile;
    }
    tracing::warn!(file = %id, %error, "a file cannot be fetched");
    Failure::Unreachable
}
