//! Where a turn must be durable before what it commands leaves the bridge.

use std::fmt;

use rusqlite::Connection;

use super::StoreError;

/// Where a turn must be durable, besides the database that the store reads.
pub(super) trait Durability: fmt::Debug + Send {
    /// Makes durable what the open transaction of `connection` has changed; then it may be committed. Called again for the
    /// same turn if this failed or the transaction was repeated. If the bridge finds out all of it again
    /// (`is_recoverable`), only a crash of a machine may take it.
    ///
    /// # Errors
    /// When it is not known to be durable.
    fn commit(&mut self, connection: &Connection, is_recoverable: bool) -> Result<(), StoreError>;

    /// The transaction is committed.
    fn committed(&mut self, connection: &Connection);

    /// What is written next is outside of a transaction. Returns whether a turn must follow it.
    ///
    /// # Errors
    /// When the database cannot be written.
    fn begin_outside_of_turn(&mut self, connection: &Connection) -> Result<bool, StoreError>;

    /// Lets another node become active.
    ///
    /// # Errors
    /// When nobody hears of it.
    fn release(&mut self) -> Result<(), StoreError>;
}

/// The store of a bridge that runs alone: it is durable once it is committed.
#[derive(Debug)]
pub(super) struct LocalOnly;

impl Durability for LocalOnly {
    fn commit(&mut self, _: &Connection, _: bool) -> Result<(), StoreError> {
        Ok(())
    }

    fn committed(&mut self, _: &Connection) {}

    fn begin_outside_of_turn(&mut self, _: &Connection) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn release(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}
