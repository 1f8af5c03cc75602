//! The mark of a restored state: from when to when it does not know what was mirrored.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{MESSAGE_COLUMNS, message_from_row, time_from_sql};
use super::mutation::Mutation;
use super::{Store, StoreError};
use crate::domain::{EndpointId, Message};

/// The state is a restored backup. What was sent until `restored_at` may have been mirrored by the bridge as it was
/// before, which the ledger does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restoration {
    /// When the backup was made, by the clock of the machine that made it.
    pub backup_at: Timestamp,
    /// When it was restored, by our clock.
    pub restored_at: Timestamp,
}

/// Marks the database as restored. A mark of an earlier restoration is replaced.
pub(super) fn insert(connection: &Connection, mark: Restoration) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT OR REPLACE INTO restoration (id, backup_at, restored_at) VALUES (1, ?1, ?2)",
        params![mark.backup_at.as_millisecond(), mark.restored_at.as_millisecond()],
    )?;
    connection.execute("DELETE FROM restoration_reading", [])?;
    Ok(())
}

impl Store {
    /// The mark, if the state is a restored backup.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn restoration(&self) -> Result<Option<Restoration>, StoreError> {
        let found = self
            .connection
            .query_row("SELECT backup_at, restored_at FROM restoration", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        Ok(found.map(|(backup_at, restored_at)| Restoration {
            backup_at: time_from_sql(backup_at),
            restored_at: time_from_sql(restored_at),
        }))
    }

    /// Records that the first catch-up with `endpoint` since the restoration begins. Returns whether it is the first:
    /// otherwise, an earlier run of the bridge has moved the cursor already.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn begin_restored_reading(&mut self, endpoint: EndpointId) -> Result<bool, StoreError> {
        let has_begun: bool = self
            .connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM restoration_reading WHERE endpoint = ?1)",
            )?
            .query_row([endpoint.0], |row| row.get(0))?;
        if !has_begun {
            self.apply(Mutation::BeginRestoredReading { endpoint })?;
        }
        Ok(!has_begun)
    }

    /// The messages until `time` of which a delivery is open, in the order of receipt.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn open_messages(&self, time: Timestamp) -> Result<Vec<Message>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {MESSAGE_COLUMNS} FROM message m
             WHERE m.sent_at <= ?1 AND m.id IN (SELECT message FROM delivery WHERE state < 3)
             ORDER BY m.id",
        ))?;
        let rows = statement.query_map([time.as_millisecond()], |row| message_from_row(row, 0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether a delivery to `to` is open, of a message until `time`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn has_open_delivery_until(
        &self,
        to: EndpointId,
        time: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM delivery d JOIN message m ON m.id = d.message
                 WHERE d.endpoint = ?1 AND d.state < 3 AND m.sent_at <= ?2)",
            )?
            .query_row(params![to.0, time.as_millisecond()], |row| row.get(0))?)
    }

    /// Marks an open store as restored, for tests of what the bridge then does. `restore` marks a file.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn mark_restored(&mut self, mark: Restoration) -> Result<(), StoreError> {
        Ok(insert(&self.connection, mark)?)
    }
}
