//! Where a turn must be durable before what it commands leaves the bridge.

use std::fmt;
use std::sync::Arc;

use rusqlite::Connection;

use super::StoreError;

/// What is called each time that a turn that was handed over is durable, or cannot be made so.
#[derive(Clone)]
pub(super) struct SettledHook(Arc<dyn Fn() + Send + Sync>);

impl SettledHook {
    pub(super) fn new(hook: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self(hook)
    }

    pub(super) fn call(&self) {
        (self.0)();
    }
}

impl fmt::Debug for SettledHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SettledHook")
    }
}

/// The numbers of turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turns {
    /// The last one that was handed over or committed.
    pub(super) last: u64,
    /// Up to which one they are durable.
    pub(super) durable: u64,
}

impl Turns {
    /// Whether all of them are durable.
    pub(super) fn are_settled(self) -> bool {
        self.last == self.durable
    }
}

/// Where a turn must be durable, besides the database that the store reads.
pub(super) trait Durability: fmt::Debug + Send {
    /// Makes durable what the open transaction of `connection` has changed; then it may be committed. Called again for the
    /// same turn if this failed or the transaction was repeated. If the bridge finds out all of it again
    /// (`is_recoverable`), only a crash of a machine may take it. What was handed over is made durable before it.
    ///
    /// # Errors
    /// When it is not known to be durable.
    fn make_durable(
        &mut self,
        connection: &Connection,
        is_recoverable: bool,
    ) -> Result<(), StoreError>;

    /// The open transaction is to be committed. Waits for the turns that were handed over, and writes what else belongs to it.
    ///
    /// # Errors
    /// When they are not known to be durable, or the database cannot be written.
    fn prepare_commit(&mut self, connection: &Connection) -> Result<(), StoreError>;

    /// The turns, if they can be handed over: then the bridge goes on while they are made durable.
    fn turns(&self) -> Option<Turns>;

    /// Calls `settled` from now on each time that a turn that was handed over is durable, or cannot be made so.
    fn on_settled(&mut self, settled: SettledHook);

    /// Begins to make durable what the open transaction of `connection` has changed. The transaction stays open for what
    /// follows. All turns before must be durable.
    ///
    /// # Errors
    /// When the changes cannot be read.
    fn hand_over(
        &mut self,
        connection: &Connection,
        is_recoverable: bool,
    ) -> Result<(), StoreError>;

    /// Notes whether the turn that was handed over is durable, if that is known.
    ///
    /// # Errors
    /// When it is not, and [`Self::settle`] must try again.
    fn poll(&mut self) -> Result<(), StoreError>;

    /// Waits until the turn that was handed over is durable.
    ///
    /// # Errors
    /// When it is not known to be durable. Then this is called again.
    fn settle(&mut self) -> Result<(), StoreError>;

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
    fn make_durable(&mut self, _: &Connection, _: bool) -> Result<(), StoreError> {
        Ok(())
    }

    fn prepare_commit(&mut self, _: &Connection) -> Result<(), StoreError> {
        Ok(())
    }

    fn turns(&self) -> Option<Turns> {
        None
    }

    fn on_settled(&mut self, _: SettledHook) {}

    fn hand_over(&mut self, _: &Connection, _: bool) -> Result<(), StoreError> {
        Ok(())
    }

    fn poll(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn settle(&mut self) -> Result<(), StoreError> {
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
