//! Links: which ones are paused, and what waits on them.

use jiff::Timestamp;
use rusqlite::params;

use super::columns::{MESSAGE_COLUMNS, time_from_sql};
use super::mutation::Mutation;
use super::outbox::{DELIVERY_COLUMNS, delivery_from_row};
use super::{Store, StoreError};
use crate::domain::{Delivery, DeliveryId, EndpointId};

/// A link that an administrator has paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PausedLink {
    /// Its channel.
    pub channel: EndpointId,
    /// Its room.
    pub room: EndpointId,
    /// Since when.
    pub since: Timestamp,
    /// Whether people on both sides were told.
    pub is_announced: bool,
}

/// The open deliveries of messages from one endpoint to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingCount {
    /// Where the messages were received.
    pub source: EndpointId,
    /// Where they go.
    pub to: EndpointId,
    /// How many deliveries.
    pub count: u64,
    /// The first of them, and when its message was sent.
    pub oldest: (DeliveryId, Timestamp),
}

/// Which open deliveries are meant.
#[derive(Debug, Clone, Copy)]
pub struct WaitingFilter<'a> {
    /// Their destination.
    pub to: EndpointId,
    /// The endpoints where the messages were received.
    pub sources: &'a [EndpointId],
    /// Those from all other endpoints are meant instead.
    pub is_exclusion: bool,
    /// Only those after this one.
    pub after: DeliveryId,
}

impl WaitingFilter<'_> {
    /// The sources, as a JSON array.
    fn sources_json(&self) -> String {
        let ids: Vec<String> = self.sources.iter().map(|id| id.0.to_string()).collect();
        format!("[{}]", ids.join(","))
    }
}

impl Store {
    /// Pauses the link of `channel` and `room` since this time, or ends its pause.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn set_link_paused(
        &mut self,
        channel: EndpointId,
        room: EndpointId,
        since: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.apply(Mutation::SetLinkPaused { channel, room, since })
    }

    /// Records that people on both sides were told of the pause.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn set_link_pause_announced(
        &mut self,
        channel: EndpointId,
        room: EndpointId,
    ) -> Result<(), StoreError> {
        self.apply(Mutation::SetLinkPauseAnnounced { channel, room })
    }

    /// The paused links, also those that are no longer configured.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn paused_links(&self) -> Result<Vec<PausedLink>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT channel, room, since, announced FROM paused_link")?;
        let rows = statement.query_map([], |row| {
            Ok(PausedLink {
                channel: EndpointId(row.get(0)?),
                room: EndpointId(row.get(1)?),
                since: time_from_sql(row.get(2)?),
                is_announced: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// All open deliveries, by source and destination. Reads all of them: for the start, not for each second.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn waiting_counts(&self) -> Result<Vec<WaitingCount>, StoreError> {
        // With MIN(), SQLite takes the other columns from the row of the minimum.
        let mut statement = self.connection.prepare_cached(
            "SELECT m.endpoint, d.endpoint, COUNT(*), MIN(d.id), m.sent_at
             FROM delivery d JOIN message m ON m.id = d.message WHERE d.state < 3
             GROUP BY m.endpoint, d.endpoint",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(WaitingCount {
                source: EndpointId(row.get(0)?),
                to: EndpointId(row.get(1)?),
                count: row.get::<_, i64>(2)?.unsigned_abs(),
                oldest: (DeliveryId(row.get(3)?), time_from_sql(row.get(4)?)),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The open deliveries that are meant, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn waiting_deliveries(
        &self,
        filter: WaitingFilter<'_>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {DELIVERY_COLUMNS}, {MESSAGE_COLUMNS}
             FROM delivery d CROSS JOIN message m ON m.id = d.message
             WHERE d.endpoint = ?1 AND d.id > ?2 AND d.state < 3
                 AND (m.endpoint IN (SELECT value FROM json_each(?3))) <> ?4
             ORDER BY d.id LIMIT ?5",
        ))?;
        let WaitingFilter { to, after, is_exclusion, .. } = filter;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let parameters = params![to.0, after.0, filter.sources_json(), is_exclusion, limit];
        let rows = statement.query_map(parameters, |row| delivery_from_row(row, to))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The delivery to `to` that has been begun, and those that are merged into it: one that is in flight or in doubt,
    /// or of which a part has arrived. It is the first of the queue, whatever else waits.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn begun_deliveries(&self, to: EndpointId) -> Result<Vec<Delivery>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {DELIVERY_COLUMNS}, {MESSAGE_COLUMNS}
             FROM delivery d JOIN message m ON m.id = d.message
             WHERE d.endpoint = ?1 AND d.state < 3 AND (d.state > 0 OR d.progress > 0 OR d.resent)
             ORDER BY d.id LIMIT 1",
        ))?;
        let found = statement.query_map([to.0], |row| delivery_from_row(row, to))?;
        let mut begun: Vec<Delivery> = found.collect::<Result<_, _>>()?;
        let Some(first) = begun.first().map(|first| first.id) else { return Ok(begun) };
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {DELIVERY_COLUMNS}, {MESSAGE_COLUMNS}
             FROM delivery d JOIN message m ON m.id = d.message
             WHERE d.merged_into = ?2 AND d.endpoint = ?1 AND d.state < 3 ORDER BY d.id",
        ))?;
        let merged = statement.query_map([to.0, first.0], |row| delivery_from_row(row, to))?;
        for delivery in merged {
            begun.push(delivery?);
        }
        Ok(begun)
    }

    /// Records that no open delivery to `to` is merged into another, except into `first`.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn unmerge_others(
        &mut self,
        to: EndpointId,
        first: Option<DeliveryId>,
    ) -> Result<(), StoreError> {
        let deliveries: Vec<DeliveryId> = self
            .connection
            .prepare_cached(
                "SELECT id FROM delivery
                 WHERE endpoint = ?1 AND state < 3 AND merged_into IS NOT NULL AND merged_into <> ?2",
            )?
            .query_map([to.0, first.map_or(0, |first| first.0)], |row| {
                Ok(DeliveryId(row.get(0)?))
            })?
            .collect::<Result<_, _>>()?;
        if deliveries.is_empty() {
            return Ok(());
        }
        self.apply(Mutation::Unmerge { deliveries })
    }

    /// The open deliveries to `to` of the message that this delivery carries, among them this one, if it is open.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn open_parts(&self, to: EndpointId, id: DeliveryId) -> Result<Vec<Delivery>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {DELIVERY_COLUMNS}, {MESSAGE_COLUMNS}
             FROM delivery d JOIN message m ON m.id = d.message
             WHERE d.endpoint = ?1 AND d.state < 3
                 AND d.message = (SELECT message FROM delivery WHERE id = ?2) ORDER BY d.id",
        ))?;
        let rows = statement.query_map([to.0, id.0], |row| delivery_from_row(row, to))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
