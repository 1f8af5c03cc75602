//! Turns that are handed over: PostgreSQL commits one while the bridge works on the next.
//!
//! The local copy must never be ahead of PostgreSQL. So its transaction stays open over the turns that are handed over, and is
//! committed when PostgreSQL has all of them:
//!
//! ```text
//! bridge:      [turn 7] [turn 8     ][ waits ][turn 9   ]
//! PostgreSQL:           [commits 7         ]  [commits 8] [commits 9]
//! commands:                                 7            8           9
//! local copy:                                                         commits 7 to 9
//! ```
//!
//! A kill takes the open transaction. PostgreSQL has its turns but for the last ones, nothing of which has been sent: the copy
//! gets them from there, like that of a node that has waited.

use super::durability::Turns;
use super::{Store, StoreError};

/// So many changes stay in the open transaction: they are kept in memory, to be repeated if the disk fails, and who reads the
/// local copy does not see them yet.
const MAX_OPEN: usize = 2_048;

impl Store {
    /// Hands over what this turn has changed, after the turn before.
    pub(super) fn hand_over(&mut self) -> Result<(), StoreError> {
        self.settle()?;
        let is_recoverable = self.is_turn_recoverable();
        if let Err(error) = self.durability.hand_over(&self.connection, is_recoverable) {
            self.commit_again(error)?;
            self.uncommitted.clear();
            return Ok(());
        }
        self.wal.on_commit(is_recoverable);
        self.uncommitted.begin_turn();
        if self.uncommitted.len() > MAX_OPEN { self.commit_all() } else { Ok(()) }
    }

    /// Waits until PostgreSQL has what was handed over.
    pub(super) fn settle(&mut self) -> Result<(), StoreError> {
        let settled = self.durability.settle();
        settled.or_else(|error| self.settle_again(error))
    }

    fn settle_again(&mut self, error: StoreError) -> Result<(), StoreError> {
        self.retry(error, |store, _| store.durability.settle())
    }

    /// Notes whether PostgreSQL has what was handed over. Then the local copy may have it as well, unless the next turn has
    /// begun.
    pub(super) fn poll_turns(&mut self) -> Result<(), StoreError> {
        if let Err(error) = self.durability.poll() {
            self.settle_again(error)?;
        }
        let is_due = self.durability.turns().is_some_and(Turns::are_settled)
            && !self.uncommitted.is_empty()
            && self.uncommitted.of_this_turn().is_empty();
        if is_due { self.commit_all() } else { Ok(()) }
    }
}
