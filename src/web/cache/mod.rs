//! The files that were asked for lately: each is fetched from Let's Chat once, however many ask.
//!
//! A check of our token costs Let's Chat a tenth of a second of its only thread (WIRE.md, "Transport"),
//! and a link in a busy channel is opened by thirty people at once. So a file is fetched as fast as it
//! comes, a few at a time, and kept on disk for a while; the readers' pace is none of Let's Chat's
//! business.

mod fetch;
mod growing;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::domain::FileId;

use fetch::Source;
use growing::Growing;

pub(super) use growing::Failure;

/// How many files are fetched at once.
const AT_ONCE: usize = 2;

/// How long a file is kept that nobody asks for.
const KEPT: Duration = Duration::from_secs(60 * 60);

/// How long a failure is remembered: who asks again at once gets the same answer.
const REMEMBERED: Duration = Duration::from_secs(10);

/// How many files may be known at once, most of them as failures.
const MOST: usize = 1_000;

/// The files that were asked for lately.
#[derive(Debug)]
pub(super) struct Cache {
    source: Source,
    directory: PathBuf,
    largest: u64,
    room: u64,
    slots: Semaphore,
    shelf: Mutex<HashMap<FileId, Kept>>,
}

#[derive(Debug)]
struct Kept {
    file: Arc<Growing>,
    /// How many bytes of the disk are its own.
    space: u64,
    used: Instant,
}

impl Cache {
    /// Files of `source`, each of `largest` bytes at most, in `room` bytes of the disk of `directory`.
    pub(super) fn new(source: Source, directory: PathBuf, largest: u64, room: u64) -> Arc<Self> {
        let slots = Semaphore::new(AT_ONCE);
        Arc::new(Self { source, directory, largest, room, slots, shelf: Mutex::default() })
    }

    /// The file `id`: here already, on its way, or asked for now.
    pub(super) fn get(self: &Arc<Self>, id: FileId, now: Instant) -> Result<Arc<Growing>, Failure> {
        let mut shelf = self.shelf();
        tidy(&mut shelf, now);
        if let Some(kept) = shelf.get_mut(&id) {
            kept.used = now;
            return Ok(kept.file.clone());
        }
        if shelf.len() >= MOST {
            return Err(Failure::NoRoom);
        }
        let file = Growing::new(&self.directory).map_err(|error| {
            tracing::error!(%error, "no file can be made for what is served");
            Failure::NoRoom
        })?;
        let file = Arc::new(file);
        shelf.insert(id, Kept { file: file.clone(), space: 0, used: now });
        drop(shelf);
        tokio::spawn(self.clone().fetch(id, file.clone()));
        Ok(file)
    }

    /// Forgets what nobody has asked for in a while.
    pub(super) fn tidy(&self, now: Instant) {
        tidy(&mut self.shelf(), now);
    }

    /// Takes `space` bytes of the disk for the file `id`, away from others where it must. Says whether
    /// there is that much.
    fn reserve(&self, id: FileId, space: u64) -> bool {
        let mut shelf = self.shelf();
        loop {
            let others = shelf.iter().filter(|(other, _)| **other != id);
            if others.map(|(_, kept)| kept.space).sum::<u64>() + space <= self.room {
                break;
            }
            let idle = shelf.iter().filter(|(other, kept)| **other != id && kept.is_idle());
            let Some((oldest, _)) = idle.min_by_key(|(_, kept)| kept.used) else { return false };
            let oldest = *oldest;
            shelf.remove(&oldest);
        }
        if let Some(kept) = shelf.get_mut(&id) {
            kept.space = space;
        }
        true
    }

    fn shelf(&self) -> MutexGuard<'_, HashMap<FileId, Kept>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Whether it is of use to nobody at the moment.
    fn is_idle(&self) -> bool {
        self.file.ended().is_some() && Arc::strong_count(&self.file) == 1
    }
}

fn tidy(shelf: &mut HashMap<FileId, Kept>, now: Instant) {
    shelf.retain(|_, kept| {
        let unused = now.saturating_duration_since(kept.used);
        let stale = match kept.file.ended() {
            Some(Err(_)) => unused >= REMEMBERED,
            Some(Ok(())) => unused >= KEPT && kept.is_idle(),
            None => false,
        };
        !stale
    });
}
