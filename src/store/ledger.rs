//! The ledger: every message received, exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use rusqlite::params;

use super::mutation::Mutation;
use super::{Store, StoreError};
use crate::domain::{EndpointId, Message};

/// Sorts before every message; where [`Store::prune`] starts.
pub(super) const PRUNE_START: (i64, i64) = (i64::MIN, i64::MIN);

/// Up to which message the ledger may be pruned, beside its age: what the archive has not copied yet stays. Clones share
/// it.
#[derive(Debug, Clone)]
pub struct PruneLimit(Arc<AtomicI64>);

impl Default for PruneLimit {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MAX)))
    }
}

impl PruneLimit {
    /// Messages up to this number may be pruned.
    pub fn set(&self, message: i64) {
        self.0.store(message, Ordering::Release);
    }

    /// Nothing keeps messages from being pruned.
    pub fn lift(&self) {
        self.set(i64::MAX);
    }

    fn get(&self) -> i64 {
        self.0.load(Ordering::Acquire)
    }
}

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
                "SELECT EXISTS (SELECT 1 FROM message WHERE endpoint = ?1 AND remote_id = ?2)
                     OR EXISTS (SELECT 1 FROM delivery WHERE endpoint = ?1 AND remote_id = ?2)",
            )?
            .query_row(params![endpoint.0, remote_id], |row| row.get(0))?)
    }

    /// Up to which message the ledger may be pruned.
    #[must_use]
    pub fn prune_limit(&self) -> PruneLimit {
        self.prune_limit.clone()
    }

    /// The next message gets a number above this one, also if the messages with numbers up to it were pruned.
    pub fn number_messages_after(&mut self, last: i64) {
        self.next_message_id = self.next_message_id.max(last.saturating_add(1));
    }

    /// Prunes messages sent before `before`, which are counted in `activity`. Examines at most `most`, from where the last
    /// call stopped. Pending messages stay, and do not keep others from being pruned.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn prune(&mut self, before: Timestamp, most: u32) -> Result<(), StoreError> {
        let (sent_at, id) = self.prune_position;
        let found: Vec<(i64, i64)> = self
            .connection
            .prepare_cached(
                "SELECT sent_at, id FROM message WHERE sent_at < ?1 AND (sent_at, id) > (?2, ?3)
                 ORDER BY sent_at, id LIMIT ?4",
            )?
            .query_map(params![before.as_millisecond(), sent_at, id, most], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<Result<_, _>>()?;
        let whole = found.len() == most as usize;
        self.prune_position = found.last().copied().filter(|_| whole).unwrap_or(PRUNE_START);
        let limit = self.prune_limit.get();
        let found: Vec<_> = found.into_iter().filter(|(_, id)| *id <= limit).collect();
        if found.is_empty() {
            return Ok(());
        }
        self.apply(Mutation::PruneMessages {
            messages: found.into_iter().map(|(_, id)| id).collect(),
        })?;
        self.bound_activity()
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
                 WHERE endpoint = ?1 AND fingerprint = ?2 AND (remote_id IS NULL OR NOT ?3)",
            )?
            .query_row(params![endpoint.0, fingerprint, nameless], |row| row.get(0))?)
    }
}
