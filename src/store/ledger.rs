//! The ledger: every message received, exactly once.

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::mutation::Mutation;
use super::{Store, StoreError};
use crate::domain::{Author, EndpointId, Message, MessageKind, RenderedMessage};

/// Sorts before every message; where [`Store::prune`] starts.
pub(super) const PRUNE_START: (i64, i64) = (i64::MIN, i64::MIN);

/// A message's number in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageId(pub(super) i64);

#[cfg(test)]
impl MessageId {
    /// The message with this number.
    pub(crate) fn number(id: i64) -> Self {
        Self(id)
    }
}

impl Store {
    /// Records `message` under the id that its network gave it, if any. Returns `None` for a duplicate: a
    /// message already received or sent by the bridge.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn record(
        &mut self,
        message: &Message,
        remote_id: Option<&str>,
    ) -> Result<Option<MessageId>, StoreError> {
        self.record_with_fingerprint(message, remote_id, None)
    }

    /// Like [`Store::record`], with a fingerprint that recognises the message if it is received again without
    /// its id.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn record_with_fingerprint(
        &mut self,
        message: &Message,
        remote_id: Option<&str>,
        fingerprint: Option<i64>,
    ) -> Result<Option<MessageId>, StoreError> {
        if remote_id.map_or(Ok(false), |remote_id| self.contains(message.source, remote_id))? {
            return Ok(None);
        }
        let id = self.next_message_id;
        self.next_message_id += 1;
        let remote_id = remote_id.map(str::to_owned);
        self.apply(Mutation::InsertMessage {
            id,
            message: message.clone(),
            remote_id,
            fingerprint,
        })?;
        Ok(Some(MessageId(id)))
    }

    /// Whether the message with this remote id was already received or sent by the bridge.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn contains(&self, endpoint: EndpointId, remote_id: &str) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM message WHERE place = ?1 AND native = ?2)
                     OR EXISTS (SELECT 1 FROM delivery WHERE place = ?1 AND native = ?2)",
            )?
            .query_row(params![endpoint.0, remote_id], |row| row.get(0))?)
    }

    /// Prunes messages sent before `before`, examining at most `most` from where the last call stopped.
    /// Pending messages stay, and do not keep others from being pruned.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn prune(&mut self, before: Timestamp, most: u32) -> Result<(), StoreError> {
        let (sent_at, id) = self.prune_position;
        let found: Vec<(i64, i64)> = self
            .connection
            .prepare_cached(
                "SELECT said_at, id FROM message WHERE said_at < ?1 AND (said_at, id) > (?2, ?3)
                 ORDER BY said_at, id LIMIT ?4",
            )?
            .query_map(params![before.as_millisecond(), sent_at, id, most], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<Result<_, _>>()?;
        let whole = found.len() == most as usize;
        self.prune_position = found.last().copied().filter(|_| whole).unwrap_or(PRUNE_START);
        if found.is_empty() {
            return Ok(());
        }
        self.apply(Mutation::PruneMessages {
            messages: found.into_iter().map(|(_, id)| id).collect(),
        })
    }

    /// How many messages in `endpoint` have this `fingerprint`; only those without an id, if `nameless`.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn count_fingerprints(
        &self,
        endpoint: EndpointId,
        fingerprint: i64,
        nameless: bool,
    ) -> Result<u32, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT COUNT(*) FROM message
                 WHERE place = ?1 AND trace = ?2 AND (native IS NULL OR NOT ?3)",
            )?
            .query_row(params![endpoint.0, fingerprint, nameless], |row| row.get(0))?)
    }
}

pub(super) fn kind_to_sql(kind: MessageKind) -> i64 {
    match kind {
        MessageKind::Text => 0,
        MessageKind::Action => 1,
        MessageKind::Notice => 2,
    }
}

fn kind_from_sql(kind: i64) -> MessageKind {
    match kind {
        1 => MessageKind::Action,
        2 => MessageKind::Notice,
        _ => MessageKind::Text,
    }
}

/// The columns of `message` (as `m`) that [`message_from_row`] reads.
pub(super) const MESSAGE_COLUMNS: &str =
    "m.place, m.author, m.display_name, m.account, m.address, m.bot, m.kind, m.body, m.said_at";

/// Reads a message from [`MESSAGE_COLUMNS`], starting at column `at`.
pub(super) fn message_from_row(row: &Row<'_>, at: usize) -> rusqlite::Result<Message> {
    Ok(Message {
        source: EndpointId(row.get(at)?),
        author: Author {
            name: row.get(at + 1)?,
            display_name: row.get(at + 2)?,
            account: row.get(at + 3)?,
            userhost: row.get(at + 4)?,
            bot: row.get(at + 5)?,
        },
        kind: kind_from_sql(row.get(at + 6)?),
        body: row.get(at + 7)?,
        sent_at: time_from_sql(row.get(at + 8)?),
    })
}

/// Reads what a delivery of `message` was last sent as from the columns `spoken_kind, spoken_prefix,
/// spoken_body`, starting at column `at`.
pub(super) fn rendered_from_row(
    row: &Row<'_>,
    at: usize,
    message: &Message,
) -> rusqlite::Result<Option<RenderedMessage>> {
    let Some(kind) = row.get::<_, Option<i64>>(at)? else { return Ok(None) };
    let body: Option<String> = row.get(at + 2)?;
    Ok(Some(RenderedMessage {
        kind: kind_from_sql(kind),
        prefix: row.get(at + 1)?,
        body: body.unwrap_or_else(|| message.body.clone()),
    }))
}

/// An invalid time, which only another program can have written, becomes the epoch.
pub(super) fn time_from_sql(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or_default()
}
