//! The files and long messages that were asked for lately: each is fetched from Let's Chat, or read
//! from the store, once, however many ask.
//!
//! A check of our token costs Let's Chat a tenth of a second of its only thread (WIRE.md, "Transport"),
//! and a link in a busy channel is opened by thirty people at once. So a file is fetched as fast as it
//! comes, a few at a time, and kept on disk for a while; the readers' pace is none of Let's Chat's
//! business. Nor does the cache wait for readers: where there is no room, what only readers hold that
//! have stopped reading is taken away from them.

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

/// How many files are fetched at once.
const MAX_CONCURRENT_FETCHES: usize = 2;

/// How long a file is kept that nobody asks for.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// How long a failure is remembered: who asks again at once gets the same answer.
const FAILURE_TTL: Duration = Duration::from_secs(10);

/// How long a message is kept: no longer than the ledger, give or take this.
const KEPT_TEXT: Duration = Duration::from_secs(5 * 60);

/// How many may be known at once. Each is an open file of ours.
const MAX_ENTRIES: usize = 200;

/// How long readers may take nothing of a file before it is taken away, where its room is needed.
const STALLED: Duration = Duration::from_secs(2);

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A file of Let's Chat.
    File(FileId),
    /// A long message as it was said.
    Text(PasteId),
    /// The page of one, by a link that was made then.
    Page(PasteId, Timestamp),
}

/// The files that were asked for lately.
#[derive(Debug)]
pub(super) struct FileCache {
    upstream: Upstream,
    directory: PathBuf,
    max_file_size: u64,
    capacity: u64,
    fetch_slots: Semaphore,
    /// Held while a message is whole in memory.
    writing: Semaphore,
    entries: Mutex<HashMap<Key, CacheEntry>>,
}

#[derive(Debug)]
struct CacheEntry {
    file: Arc<PartialFile>,
    /// How many bytes of the disk are its own.
    reserved: u64,
    made: Instant,
    last_used: Instant,
}

impl FileCache {
    /// Files of `source`, each of `largest` bytes at most, in `room` bytes of the disk of `directory`.
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

    /// The file `id`: here already, on its way, or asked for now.
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

    /// The text `key`: here already, or what `make` makes of it now, which may take a while.
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

    /// What is known as `key`, and whether it is not yet on its way.
    fn keep(&self, key: Key, now: Instant) -> Result<(Arc<PartialFile>, bool), FetchError> {
        let mut shelf = self.lock_entries();
        evict_stale(&mut shelf, now);
        if let Some(kept) = shelf.get_mut(&key) {
            kept.last_used = now;
            return Ok((kept.file.clone(), false));
        }
        if shelf.len() >= MAX_ENTRIES && !let_one_go(&mut shelf, key) {
            return Err(FetchError::NoCapacity);
        }
        let file = PartialFile::new(&self.directory).map_err(|error| {
            tracing::error!(%error, "cannot create a file in the file cache");
            FetchError::NoCapacity
        })?;
        let file = Arc::new(file);
        shelf
            .insert(key, CacheEntry { file: file.clone(), reserved: 0, made: now, last_used: now });
        Ok((file, true))
    }

    /// Forgets what nobody has asked for in a while.
    pub(super) fn evict_stale(&self, now: Instant) {
        evict_stale(&mut self.lock_entries(), now);
    }

    /// Takes `space` bytes of the disk for `key`, away from others where it must. Says whether there is
    /// that much.
    fn reserve(&self, key: Key, space: u64) -> bool {
        let mut shelf = self.lock_entries();
        loop {
            let others = shelf.iter().filter(|(other, _)| **other != key);
            if others.map(|(_, kept)| kept.reserved).sum::<u64>() + space <= self.capacity {
                break;
            }
            if !let_one_go(&mut shelf, key) {
                return false;
            }
        }
        if let Some(kept) = shelf.get_mut(&key) {
            kept.reserved = space;
        }
        true
    }

    fn lock_entries(&self) -> MutexGuard<'_, HashMap<Key, CacheEntry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets something else than `key` go: what nobody reads, the longest unused first; or else what its
/// readers have stopped reading. Says whether there was any.
fn let_one_go(shelf: &mut HashMap<Key, CacheEntry>, key: Key) -> bool {
    let others = || shelf.iter().filter(|(other, _)| **other != key);
    let idle = others().filter(|(_, kept)| kept.is_idle()).min_by_key(|(_, kept)| kept.last_used);
    let stalled = || {
        let ended = others().filter(|(_, kept)| kept.file.result().is_some());
        let longest =
            ended.map(|(other, kept)| (kept.file.unread_for(), other)).max_by_key(|it| it.0);
        longest.filter(|(unread, _)| *unread >= STALLED).map(|(_, other)| other)
    };
    let Some(chosen) = idle.map(|(other, _)| other).or_else(stalled).copied() else { return false };
    if let Some(kept) = shelf.remove(&chosen) {
        kept.file.withdraw();
    }
    true
}

impl CacheEntry {
    /// Whether it is of use to nobody at the moment.
    fn is_idle(&self) -> bool {
        self.file.result().is_some() && Arc::strong_count(&self.file) == 1
    }
}

fn evict_stale(shelf: &mut HashMap<Key, CacheEntry>, now: Instant) {
    shelf.retain(|key, kept| {
        let unused = now.saturating_duration_since(kept.last_used);
        let stale = match (kept.file.result(), key) {
            (Some(Err(_)), _) => unused >= FAILURE_TTL,
            (Some(Ok(())), Key::File(_)) => unused >= IDLE_TIMEOUT && kept.is_idle(),
            (Some(Ok(())), _) => now.saturating_duration_since(kept.made) >= KEPT_TEXT,
            (None, _) => false,
        };
        !stale
    });
}
