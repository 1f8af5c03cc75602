//! The changes of the open transaction.

use super::mutation::Mutation;

/// The changes, in their order, so that they can be repeated.
#[derive(Debug, Default)]
pub(super) struct Uncommitted {
    changes: Vec<Mutation>,
    /// How many of them are those of turns that were handed over.
    handed_over: usize,
}

impl Uncommitted {
    /// Whether no transaction is open.
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.changes.len()
    }

    pub(super) fn push(&mut self, change: Mutation) {
        self.changes.push(change);
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Mutation] {
        &self.changes
    }

    /// Those of the turn that goes on.
    pub(super) fn of_this_turn(&self) -> &[Mutation] {
        self.changes.get(self.handed_over..).unwrap_or_default()
    }

    /// The turn that goes on was handed over: another one begins.
    pub(super) fn begin_turn(&mut self) {
        self.handed_over = self.changes.len();
    }

    /// They were committed, or are forgotten.
    pub(super) fn clear(&mut self) {
        self.changes.clear();
        self.handed_over = 0;
    }
}
