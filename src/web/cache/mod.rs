//! A cache of recently requested files and long messages. Each is fetched from Let's Chat, or read from the
//! store, only once.
//!
//! Verifying our token takes Let's Chat a tenth of a second of its only thread
//! (docs/letschat-protocol.md, section 2), and
//! thirty users may open a link in a busy channel at once. So a few files at a time are fetched at full speed
//! and kept on disk for a while; slow readers do not affect Let's Chat. The cache does not wait for readers
//! either: if space is needed, files whose readers have stalled are evicted.

mod fetch;
mod partial_file;
mod text;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::domain::{FileId, PasteId};

use fetch::Upstream;

pub(super) use partial_file::{FetchError, FileHead, PartialFile};

/// Maximum number of concurrent fetches.
const MAX_CONCURRENT_FETCHES: usize = 2;

/// How long an unused file is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// How long a failure is cached.
const FAILURE_TTL: Duration = Duration::from_secs(10);

/// How long a message is kept: hardly longer than the ledger keeps it.
const KEPT_TEXT: Duration = Duration::from_secs(5 * 60);

/// Maximum number of entries, each of which is an open file.
const MAX_ENTRIES: usize = 200;

/// How long the readers of a file must be stalled before it may be evicted.
const STALLED: Duration = Duration::from_secs(2);

/// The key of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A file on Let's Chat.
    File(FileId),
    /// A long message as plain text.
    Text(PasteId),
    /// The page of a long message, for a link created at this time.
    Page(PasteId, Timestamp),
}

/// Recently requested files.
#[derive(Debug)]
pub(super) struct FileCache {
    upstream: Upstream,
    directory: PathBuf,
    max_file_size: u64,
    capacity: u64,
    fetch_slots: Semaphore,
    /// Held while a message is completely in memory.
    writing: Semaphore,
    entries: Mutex<HashMap<Key, CacheEntry>>,
}

#[derive(Debug)]
struct CacheEntry {
    file: Arc<PartialFile>,
    /// Disk space reserved, in bytes.
    reserved: u64,
    made: Instant,
    last_used: Instant,
}

impl FileCache {
    /// Files of `source`, each at most `largest` bytes, in `room` bytes of disk space in `directory`.
    pub(super) fn new(source: Upstream, directory: PathBuf, largest: u64, room: u64) -> Arc<Self> {
        let slots = Semaphore::new(MAX_CONCURRENT_FETCHES);
        let writing = Semaphore::new(1);
        Arc::new(Self {
            upstream: source,
            directory,
            max_file_size: largest,
            capacity: room,
            fetch_slots: slots,
            writing,
            entries: Mutex::default(),
        })
    }

    /// The file `id`: cached, in progress, or fetched now.
    pub(super) fn get(
        self: &Arc<Self>,
        id: FileId,
        now: Instant,
    ) -> Result<Arc<PartialFile>, FetchError> {
        let (file, is_new) = self.keep(Key::File(id), now)?;
        if is_new {
            tokio::spawn(self.clone().fetch(id, file.clone()));
        }
        Ok(file)
    }

    /// The text `key`: cached, or what `make` returns, which may take a while.
    pub(super) fn text(
        self: &Arc<Self>,
        key: Key,
        now: Instant,
        make: impl FnOnce() -> Result<String, FetchError> + Send + 'static,
    ) -> Result<Arc<PartialFile>, FetchError> {
        let (file, is_new) = self.keep(key, now)?;
        if is_new {
            tokio::spawn(self.clone().write(key, file.clone(), make));
        }
        Ok(file)
    }

    /// The entry of `key`, and whether it is new.
    fn keep(&self, key: Key, now: Instant) -> Result<(Arc<PartialFile>, bool), FetchError> {
        let mut entries = self.lock_entries();
        evict_stale(&mut entries, now);
        if let Some(entry) = entries.get_mut(&key) {
            entry.last_used = now;
            return Ok((entry.file.clone(), false));
        }
        if entries.len() >= MAX_ENTRIES && !let_one_go(&mut entries, key) {
            return Err(FetchError::NoCapacity);
        }
        let file = PartialFile::new(&self.directory).map_err(|error| {
            tracing::error!(%error, "cannot create a file in the file cache");
            FetchError::NoCapacity
        })?;
        let file = Arc::new(file);
        entries
            .insert(key, CacheEntry { file: file.clone(), reserved: 0, made: now, last_used: now });
        Ok((file, true))
    }

    /// Removes expired entries.
    pub(super) fn evict_stale(&self, now: Instant) {
        evict_stale(&mut self.lock_entries(), now);
    }

    /// Reserves disk space for `key`, evicting others if necessary. Returns whether there is enough.
    fn reserve(&self, key: Key, space: u64) -> bool {
        let mut entries = self.lock_entries();
        loop {
            let others = entries.iter().filter(|(other, _)| **other != key);
            if others.map(|(_, entry)| entry.reserved).sum::<u64>() + space <= self.capacity {
                break;
            }
            if !let_one_go(&mut entries, key) {
                return false;
            }
        }
        if let Some(entry) = entries.get_mut(&key) {
            entry.reserved = space;
        }
        true
    }

    fn lock_entries(&self) -> MutexGuard<'_, HashMap<Key, CacheEntry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Evicts an entry other than `key`: the least recently used without readers, or else one with stalled
/// readers. Returns whether there was one.
fn let_one_go(entries: &mut HashMap<Key, CacheEntry>, key: Key) -> bool {
    let others = || entries.iter().filter(|(other, _)| **other != key);
    let idle =
        others().filter(|(_, entry)| entry.is_idle()).min_by_key(|(_, entry)| entry.last_used);
    let stalled = || {
        let ended = others().filter(|(_, entry)| entry.file.result().is_some());
        let longest =
            ended.map(|(other, entry)| (entry.file.unread_for(), other)).max_by_key(|it| it.0);
        longest.filter(|(unread, _)| *unread >= STALLED).map(|(_, other)| other)
    };
    let Some(chosen) = idle.map(|(other, _)| other).or_else(stalled).copied() else { return false };
    if let Some(entry) = entries.remove(&chosen) {
        entry.file.withdraw();
    }
    true
}

impl CacheEntry {
    /// Whether nobody uses it at the moment.
    fn is_idle(&self) -> bool {
        self.file.result().is_some() && Arc::strong_count(&self.file) == 1
    }
}

fn evict_stale(entries: &mut HashMap<Key, CacheEntry>, now: Instant) {
    entries.retain(|key, entry| {
        let unused = now.saturating_duration_since(entry.last_used);
        let stale = match (entry.file.result(), key) {
            (Some(Err(_)), _) => unused >= FAILURE_TTL,
            (Some(Ok(())), Key::File(_)) => unused >= IDLE_TIMEOUT && entry.is_idle(),
            (Some(Ok(())), _) => now.saturating_duration_since(entry.made) >= KEPT_TEXT,
            (None, _) => false,
        };
        !stale
    });
}
