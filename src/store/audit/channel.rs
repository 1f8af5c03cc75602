//! What the ledger holds about a channel, for the audit.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::Snapshot;
use crate::domain::{DeliveryId, DeliveryState, EndpointId, Network, RenderedMessage};
use crate::store::columns::{
    MESSAGE_COLUMNS, message_from_row, rendered_from_row, state_from_sql, time_from_sql,
};
use crate::store::{ChannelProgress, StoreError};

/// A delivery that was sent, at least in part, or started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentDelivery {
    /// The delivery's id.
    pub id: DeliveryId,
    /// Its state.
    pub state: DeliveryState,
    /// The network's id of its last line, if the server gave one.
    pub remote_id: Option<String>,
    /// When the message was sent by its author.
    pub sent_at: Timestamp,
    /// When the delivery was last started.
    pub started_at: Timestamp,
    /// When it was acknowledged or rejected.
    pub settled_at: Option<Timestamp>,
    /// What was last sent.
    pub rendered: Option<RenderedMessage>,
}

impl Snapshot {
    /// Progress in the channel at `endpoint`; `None` before the first join.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn channel_progress(
        &self,
        endpoint: EndpointId,
    ) -> Result<Option<ChannelProgress>, StoreError> {
        self.store.channel_progress(endpoint)
    }

    /// Whether the bridge had `nick` on `network` at `time`.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn owned_nick(
        &self,
        network: &Network,
        nick: &str,
        time: Timestamp,
    ) -> Result<bool, StoreError> {
        self.store.owned_nick(network, nick, time)
    }

    /// The position of the message with this remote id in the order of receiving.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn receive_order(
        &self,
        endpoint: EndpointId,
        remote_id: &str,
    ) -> Result<Option<i64>, StoreError> {
        Ok(self
            .prepare("SELECT id FROM message WHERE endpoint = ?1 AND remote_id = ?2")?
            .query_row(params![endpoint.0, remote_id], |row| row.get(0))
            .optional()?)
    }

    /// The id of the first line received in `endpoint` that was sent since `since` and has an id.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn first_received_id(
        &self,
        endpoint: EndpointId,
        since: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        Ok(self
            .prepare(
                "SELECT remote_id FROM message
                 WHERE endpoint = ?1 AND remote_id IS NOT NULL AND sent_at >= ?2 ORDER BY id LIMIT 1",
            )?
            .query_row(params![endpoint.0, since.as_millisecond()], |row| row.get(0))
            .optional()?)
    }

    /// The delivery whose last line has this remote id.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn delivery_by_remote_id(
        &self,
        endpoint: EndpointId,
        remote_id: &str,
    ) -> Result<Option<DeliveryId>, StoreError> {
        Ok(self
            .prepare("SELECT id FROM delivery WHERE endpoint = ?1 AND remote_id = ?2")?
            .query_row(params![endpoint.0, remote_id], |row| row.get(0).map(DeliveryId))
            .optional()?)
    }

    /// How many lines in `endpoint` have this `fingerprint`; only those without an id, if `nameless`.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn count_fingerprints(
        &self,
        endpoint: EndpointId,
        fingerprint: i64,
        nameless: bool,
    ) -> Result<u32, StoreError> {
        self.store.count_fingerprints(endpoint, fingerprint, nameless)
    }

    /// The time since when the ledger is complete; `None` if nothing was pruned.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn complete_since(&self) -> Result<Option<Timestamp>, StoreError> {
        let oldest = self
            .prepare("SELECT id, sent_at FROM message ORDER BY id LIMIT 1")?
            .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get(1).map(time_from_sql)?)))
            .optional()?;
        Ok(oldest.filter(|(id, _)| *id > 1).map(|(_, sent_at)| sent_at))
    }

    /// The deliveries to `to` after the id `after` that were started since `since`, in order, at most
    /// `limit`.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn sent_deliveries(
        &self,
        to: EndpointId,
        after: DeliveryId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<SentDelivery>, StoreError> {
        let mut statement = self.prepare(&format!(
            "SELECT d.id, d.state, d.remote_id, d.started_at, d.settled_at,
                 d.rendered_kind, d.rendered_prefix, d.rendered_body, {MESSAGE_COLUMNS}
             FROM delivery d JOIN message m ON m.id = d.message
             WHERE d.endpoint = ?1 AND d.id > ?2 AND d.started_at >= ?3
             ORDER BY d.id LIMIT ?4",
        ))?;
        let parameters = params![to.0, after.0, since.as_millisecond(), limit];
        let rows = statement.query_map(parameters, |row| {
            let message = message_from_row(row, 8)?;
            Ok(SentDelivery {
                id: DeliveryId(row.get(0)?),
                state: state_from_sql(row.get(1)?),
                remote_id: row.get(2)?,
                started_at: time_from_sql(row.get(3)?),
                settled_at: row.get::<_, Option<i64>>(4)?.map(time_from_sql),
                rendered: rendered_from_row(row, 5, &message)?,
                sent_at: message.sent_at,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
