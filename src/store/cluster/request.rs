//! What the store asks of the thread that speaks with PostgreSQL.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::super::StoreError;
use super::super::durability::SettledHook;
use super::additions::AddedRows;
use super::write::Turn;

/// Where an answer goes.
pub(super) type Reply<T> = SyncSender<Result<T, StoreError>>;

/// A request of the store.
#[derive(Debug)]
pub(super) enum Request {
    /// Commit a turn. The answer has what others have added and the local copy does not have yet. Who does not wait for it is called.
    Commit(Arc<Turn>, Reply<Vec<AddedRows>>, Option<SettledHook>),
    /// Hand over to another node.
    Release(Reply<()>),
    /// What PostgreSQL has.
    #[cfg(test)]
    Digests(Reply<Vec<super::digest::CopiedTable>>),
}
