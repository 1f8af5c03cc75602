//! Commits, and how long they take.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::bridge::BridgeReport;
use crate::domain::Histogram;
use crate::store::{Store, StoreError};

/// A commit this long ago shows that the disk takes writes; after that, one is tried.
const RECENT: Duration = Duration::from_secs(5);

/// More questions than this are not answered.
const MAX_OPEN_CHECKS: usize = 64;

/// How long commits take, and who waits for one.
#[derive(Debug)]
pub(super) struct Commits {
    times: Histogram,
    last: Option<Instant>,
    checks: Vec<oneshot::Sender<()>>,
    /// What was committed is to be on the disk after the next commit.
    sync_due: bool,
}

impl Commits {
    pub(super) fn new() -> Self {
        Self {
            times: BridgeReport::default().commits,
            last: None,
            checks: Vec::new(),
            sync_due: false,
        }
    }

    /// Somebody asks whether the disk takes writes. The answer follows the next commit.
    ///
    /// # Errors
    /// When the store is broken.
    pub(super) fn check(
        &mut self,
        reply: oneshot::Sender<()>,
        store: &mut Store,
    ) -> Result<(), StoreError> {
        self.checks.retain(|asker| !asker.is_closed());
        if self.checks.len() >= MAX_OPEN_CHECKS {
            return Ok(());
        }
        self.checks.push(reply);
        // What is uncommitted is committed before the answer.
        if store.has_uncommitted() || self.last.is_some_and(|last| last.elapsed() < RECENT) {
            return Ok(());
        }
        store.try_write()
    }

    /// A second has passed: no commit may be without a sync for longer.
    pub(super) fn tick(&mut self) {
        self.sync_due = true;
    }

    /// Commits what has changed, and answers who waits for that. While the engine `is_busy`, the disk may still work when
    /// this returns.
    ///
    /// # Errors
    /// When the store is broken.
    pub(super) fn commit(&mut self, store: &mut Store, is_busy: bool) -> Result<(), StoreError> {
        let (began, before) = (Instant::now(), store.write_counts().commits);
        if is_busy {
            store.commit_in_background()?;
        } else {
            store.commit()?;
        }
        if std::mem::take(&mut self.sync_due) || !self.checks.is_empty() {
            store.sync()?;
        }
        if store.write_counts().commits > before {
            self.times.observe(began.elapsed());
            self.last = Some(Instant::now());
        }
        for asker in self.checks.drain(..) {
            // The asker may have gone away.
            let _ = asker.send(());
        }
        Ok(())
    }

    /// How long they took since the bridge started.
    pub(super) fn times(&self) -> &Histogram {
        &self.times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn write_is_tried_unless_one_was_just_made() {
        let mut store = Store::in_memory().expect("opens");
        let mut commits = Commits::new();
        commits.commit(&mut store, false).expect("nothing to do");
        assert_eq!(commits.times().count(), 0);
        let mut answers = Vec::new();
        for _ in 0..2 {
            let (asker, answer) = oneshot::channel();
            commits.check(asker, &mut store).expect("can be written");
            commits.commit(&mut store, false).expect("can be written");
            answers.push(answer);
        }
        assert_eq!(commits.times().count(), 1);
        assert!(answers.iter_mut().all(|answer| answer.try_recv().is_ok()));
        commits.last = Instant::now().checked_sub(RECENT);
        let (asker, _answer) = oneshot::channel();
        commits.check(asker, &mut store).expect("can be written");
        assert!(store.has_uncommitted());
    }
}
