//! What was heard, each thing once.

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::{Store, StoreError};
use crate::domain::{Kind, Message, PlaceId};

/// A message's number in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageId(pub(super) i64);

impl Store {
    /// Writes `message` down under the id that its network gave it, if any. `None`: it is there
    /// already, heard before or said by ourselves.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn hear(
        &mut self,
        message: &Message,
        native: Option<&str>,
    ) -> Result<Option<MessageId>, StoreError> {
        if native.map_or(Ok(false), |native| self.knows(message.said_in, native))? {
            return Ok(None);
        }
        let writer = self.writer()?;
        writer
            .prepare_cached(
                "INSERT INTO message (place, native, author, kind, body, said_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                message.said_in.0,
                native,
                message.author,
                kind_to_sql(message.kind),
                message.body,
                message.said_at.as_millisecond(),
            ])?;
        Ok(Some(MessageId(writer.last_insert_rowid())))
    }

    /// Whether what the network calls `native` in `place` was heard before or said by ourselves.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn knows(&self, place: PlaceId, native: &str) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM message WHERE place = ?1 AND native = ?2)
                     OR EXISTS (SELECT 1 FROM delivery WHERE place = ?1 AND native = ?2)",
            )?
            .query_row(params![place.0, native], |row| row.get(0))?)
    }
}

fn kind_to_sql(kind: Kind) -> i64 {
    match kind {
        Kind::Talk => 0,
        Kind::Action => 1,
        Kind::Notice => 2,
    }
}

/// Reads a message from columns `place, author, kind, body, said_at`, the first of them at `at`.
pub(super) fn message_from(row: &Row<'_>, at: usize) -> rusqlite::Result<Message> {
    Ok(Message {
        said_in: PlaceId(row.get(at)?),
        author: row.get(at + 1)?,
        kind: match row.get(at + 2)? {
            1 => Kind::Action,
            2 => Kind::Notice,
            _ => Kind::Talk,
        },
        body: row.get(at + 3)?,
        said_at: Timestamp::from_millisecond(row.get(at + 4)?).unwrap_or_default(),
    })
}
