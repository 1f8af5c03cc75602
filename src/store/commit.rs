//! Changes are applied in one transaction, committed, and repeated where the disk has failed.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::durability::SettledHook;
use super::mutation::{Mutation, PeopleMutation};
use super::wal_sync::{MAX_WAITING, SyncPoint};
use super::{Store, StoreError};

/// How long to wait before retrying a write to a full or failing disk.
pub(super) const DISK_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// How long to wait before retrying a commit that PostgreSQL did not take.
const POSTGRES_RETRY_INTERVAL: Duration = Duration::from_millis(250);

impl Store {
    /// Commits everything written since the last commit; does nothing if nothing was written. It is on the disk then,
    /// unless the bridge would find out all of it again after a power loss. What is worth no commit of its own waits for
    /// the next one.
    ///
    /// # Errors
    /// When the store is broken; transient errors are retried.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        if self.may_wait() { Ok(()) } else { self.commit_and_sync() }
    }

    /// Like [`Store::commit`], but the disk or PostgreSQL may still work when this returns, once [`Store::sync_in_background`]
    /// was called. What follows from the changes must not be seen until [`Store::is_synced`] says so of
    /// [`Store::sync_point`].
    ///
    /// # Errors
    /// When the store is broken; transient errors are retried.
    pub fn commit_in_background(&mut self) -> Result<(), StoreError> {
        if self.may_wait() {
            return Ok(());
        }
        if self.durability.turns().is_some() {
            return self.hand_over();
        }
        self.commit_all()?;
        self.begin_sync()
    }

    /// Has a thread of its own sync the log for [`Store::commit_in_background`]. It calls `done` after each sync, and after
    /// each turn that PostgreSQL has committed meanwhile.
    ///
    /// # Errors
    /// When the system has no more threads or files.
    pub fn sync_in_background(
        &mut self,
        done: impl Fn() + Send + Sync + 'static,
    ) -> Result<(), StoreError> {
        let hook = SettledHook::new(Arc::new(done));
        self.durability.on_settled(hook.clone());
        self.wal.sync_in_background(move || hook.call())
    }

    /// What must be on the disk before anybody may see what follows from the last commit.
    #[must_use]
    pub fn sync_point(&self) -> SyncPoint {
        let turns = self.durability.turns();
        turns.map_or_else(|| self.wal.sync_point(), |turns| SyncPoint(turns.last))
    }

    /// Whether that is on the disk.
    #[must_use]
    pub fn is_synced(&self, point: SyncPoint) -> bool {
        let turns = self.durability.turns();
        turns.map_or_else(|| self.wal.is_synced(point), |turns| point.0 <= turns.durable)
    }

    /// Notes what the disk has taken meanwhile, and goes on with what it has not.
    ///
    /// # Errors
    /// When the store is broken; transient errors are retried.
    pub fn poll_sync(&mut self) -> Result<(), StoreError> {
        self.poll_turns()?;
        if let Err(error) = self.wal.poll() {
            self.rewrite_log(error)?;
        }
        self.begin_sync()
    }

    fn begin_sync(&mut self) -> Result<(), StoreError> {
        if self.wal.begin() { Ok(()) } else { self.sync_log() }
    }

    /// Brings all commits onto the disk, and all turns that were handed over to PostgreSQL.
    ///
    /// # Errors
    /// When the store is broken; transient errors are retried.
    pub fn sync_log(&mut self) -> Result<(), StoreError> {
        self.settle()?;
        if let Err(error) = self.wal.sync() {
            self.rewrite_log(error)?;
        }
        Ok(())
    }

    /// Makes up for a sync that has failed.
    fn rewrite_log(&mut self, error: StoreError) -> Result<(), StoreError> {
        self.retry(error, |store, _| {
            // The log cannot be emptied while a transaction is open.
            if !store.uncommitted.is_empty() {
                store.replay(true)?;
                store.uncommitted.clear();
            }
            store.wal.rewrite(&store.connection)
        })?;
        self.wal.on_rewritten();
        Ok(())
    }

    fn commit_and_sync(&mut self) -> Result<(), StoreError> {
        self.commit_all()?;
        if self.wal.is_sync_due() { self.sync_log() } else { Ok(()) }
    }

    pub(super) fn commit_all(&mut self) -> Result<(), StoreError> {
        if let Err(error) = self.finish() {
            self.commit_again(error)?;
        }
        self.uncommitted.clear();
        Ok(())
    }

    /// Commits the open transaction, which has failed.
    pub(super) fn commit_again(&mut self, error: StoreError) -> Result<(), StoreError> {
        self.retry(error, |store, error| match error {
            // The transaction is still open.
            StoreError::Postgres(_) => store.finish(),
            _ => store.replay(true),
        })
    }

    /// Whether what was written since the last commit is worth none yet.
    fn may_wait(&self) -> bool {
        let turn = self.uncommitted.of_this_turn();
        turn.len() <= MAX_WAITING && turn.iter().all(Mutation::may_wait)
    }

    /// Commits everything, how far all was read as well, and brings all commits onto the disk.
    ///
    /// # Errors
    /// When the store is broken; transient errors are retried.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        self.write_positions()?;
        if !self.uncommitted.is_empty() {
            self.commit_all()?;
        }
        self.sync_log()
    }

    /// Applies one change within the current transaction.
    pub(super) fn apply(&mut self, write: Mutation) -> Result<(), StoreError> {
        let started =
            if self.uncommitted.is_empty() { self.execute("BEGIN IMMEDIATE") } else { Ok(()) };
        let done = started.and_then(|()| Ok(write.execute(&self.connection)?));
        self.uncommitted.push(write);
        done.or_else(|error| self.retry(error, |store, _| store.replay(false)))
    }

    pub(super) fn apply_to_people(&mut self, change: PeopleMutation) -> Result<(), StoreError> {
        self.apply(Mutation::People(change))
    }

    /// Repeats `attempt`, which makes up for what has failed with the error that it is given, until it succeeds.
    pub(super) fn retry(
        &mut self,
        mut error: StoreError,
        attempt: impl Fn(&mut Self, &StoreError) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut is_reported = false;
        loop {
            if !error.is_transient() {
                return Err(error);
            }
            self.still_there()?;
            if !std::mem::replace(&mut is_reported, true) {
                tracing::error!(%error, "cannot write to the database; receiving paused");
                (self.stall_hook.0)(true);
            }
            match error {
                StoreError::Postgres(_) => thread::sleep(POSTGRES_RETRY_INTERVAL),
                _ => (self.wait_for_disk)(&self.connection),
            }
            match attempt(self, &error) {
                Ok(()) => break,
                Err(again) => error = again,
            }
        }
        tracing::info!("database is writable again; receiving resumed");
        (self.stall_hook.0)(false);
        Ok(())
    }

    /// Repeats the current transaction from its start.
    fn replay(&mut self, commit: bool) -> Result<(), StoreError> {
        if !self.connection.is_autocommit() {
            self.execute("ROLLBACK")?;
        }
        self.execute("BEGIN IMMEDIATE")?;
        for write in self.uncommitted.all() {
            write.execute(&self.connection)?;
        }
        if commit { self.finish() } else { Ok(()) }
    }

    /// Commits the open transaction.
    fn finish(&mut self) -> Result<(), StoreError> {
        let is_recoverable = self.is_turn_recoverable();
        let has_turn = !self.uncommitted.of_this_turn().is_empty();
        if has_turn {
            self.durability.make_durable(&self.connection, is_recoverable)?;
        }
        self.durability.prepare_commit(&self.connection)?;
        self.execute("COMMIT")?;
        self.durability.committed(&self.connection);
        if has_turn {
            self.wal.on_commit(is_recoverable);
        }
        Ok(())
    }

    /// Whether the bridge finds out again all that the turn has changed.
    pub(super) fn is_turn_recoverable(&self) -> bool {
        self.uncommitted.of_this_turn().iter().all(Mutation::is_recoverable)
    }

    pub(super) fn execute(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}
