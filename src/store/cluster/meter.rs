//! How far a copy of a whole store is.

use std::fmt;

/// After how many rows it is told again.
const ROWS_BETWEEN: u64 = 500;

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyProgress {
    /// What is being done.
    pub step: CopyStep,
    /// How many rows that is done for.
    pub rows: u64,
    /// For how many it is to be done.
    pub total: u64,
}

/// What is done for each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyStep {
    /// It is copied.
    Copying,
    /// It is read again, here and there.
    Checking,
}

/// Counts the rows of a copy, and tells how far it is.
pub(super) struct CopyMeter {
    tell: Box<dyn FnMut(CopyProgress) + Send>,
    progress: CopyProgress,
}

impl CopyMeter {
    /// A meter that tells that.
    pub(super) fn new(tell: impl FnMut(CopyProgress) + Send + 'static) -> Self {
        let progress = CopyProgress { step: CopyStep::Copying, rows: 0, total: 0 };
        Self { tell: Box::new(tell), progress }
    }

    /// A meter that nobody reads.
    pub(super) fn unread() -> Self {
        Self::new(|_| {})
    }

    /// This begins, for so many rows.
    pub(super) fn begin(&mut self, step: CopyStep, total: u64) {
        self.progress = CopyProgress { step, rows: 0, total };
        (self.tell)(self.progress);
    }

    /// It is done for one more row.
    pub(super) fn count(&mut self) {
        self.progress.rows += 1;
        if self.progress.rows.is_multiple_of(ROWS_BETWEEN) {
            (self.tell)(self.progress);
        }
    }
}

impl fmt::Debug for CopyMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CopyMeter").field(&self.progress).finish()
    }
}
