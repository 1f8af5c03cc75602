//! What the ledger says of a channel.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::Snapshot;
use crate::domain::{DeliveryId, DeliveryState, EndpointId, Network, RenderedMessage};
use crate::store::ledger::{MESSAGE, message_from, speech_from, time_from_sql};
use crate::store::outbox::state_from_sql;
use crate::store::{Sight, StoreError};

/// A delivery that was said, at least in part, or that was begun to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// The delivery.
    pub ticket: DeliveryId,
    /// Where it stands.
    pub state: DeliveryState,
    /// What the network knows its last line by, if it told.
    pub native: Option<String>,
    /// When its message was said, by the clock of whoever knows best.
    pub said_at: Timestamp,
    /// When it was last begun.
    pub begun: Timestamp,
    /// When its end was noted, if it has ended.
    pub settled: Option<Timestamp>,
    /// As what it was last begun.
    pub speech: Option<RenderedMessage>,
}

impl Snapshot {
    /// What is known of the channel at `place`; `None` before the bridge first came in.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn sight(&self, place: EndpointId) -> Result<Option<Sight>, StoreError> {
        self.store.sight(place)
    }

    /// Whether the bridge went by `nick` on `network` at `time`.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn had_nick(
        &self,
        network: &Network,
        nick: &str,
        time: Timestamp,
    ) -> Result<bool, StoreError> {
        self.store.had_nick(network, nick, time)
    }

    /// The place in the order of hearing that what the network calls `native` in `place` has.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn hearing(&self, place: EndpointId, native: &str) -> Result<Option<i64>, StoreError> {
        Ok(self
            .prepare("SELECT id FROM message WHERE place = ?1 AND native = ?2")?
            .query_row(params![place.0, native], |row| row.get(0))
            .optional()?)
    }

    /// The first line heard in `place` of what was said since `since` that the network has an id for.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn first_heard(
        &self,
        place: EndpointId,
        since: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        Ok(self
            .prepare(
                "SELECT native FROM message
                 WHERE place = ?1 AND native IS NOT NULL AND said_at >= ?2 ORDER BY id LIMIT 1",
            )?
            .query_row(params![place.0, since.as_millisecond()], |row| row.get(0))
            .optional()?)
    }

    /// The delivery whose last line the network calls `native` in `place`.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn delivered_as(
        &self,
        place: EndpointId,
        native: &str,
    ) -> Result<Option<DeliveryId>, StoreError> {
        Ok(self
            .prepare("SELECT ticket FROM delivery WHERE place = ?1 AND native = ?2")?
            .query_row(params![place.0, native], |row| row.get(0).map(DeliveryId))
            .optional()?)
    }

    /// How many lines of `place` left this `trace`; only those without an id, if `nameless`.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn alike(&self, place: EndpointId, trace: i64, nameless: bool) -> Result<u32, StoreError> {
        self.store.traces(place, trace, nameless)
    }

    /// Since when the ledger knows everything, if it has forgotten anything.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn remembers_since(&self) -> Result<Option<Timestamp>, StoreError> {
        let oldest = self
            .prepare("SELECT id, said_at FROM message ORDER BY id LIMIT 1")?
            .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get(1).map(time_from_sql)?)))
            .optional()?;
        Ok(oldest.filter(|(id, _)| *id > 1).map(|(_, said_at)| said_at))
    }

    /// The deliveries to `to` behind `after` that were begun since `since`, in their order, at most
    /// `limit`.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn spoken(
        &self,
        to: EndpointId,
        after: DeliveryId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Spoken>, StoreError> {
        let mut statement = self.prepare(&format!(
            "SELECT d.ticket, d.state, d.native, d.begun, d.settled,
                 d.spoken_kind, d.spoken_prefix, d.spoken_body, {MESSAGE}
             FROM delivery d JOIN message m ON m.id = d.message
             WHERE d.place = ?1 AND d.ticket > ?2 AND d.begun >= ?3
             ORDER BY d.ticket LIMIT ?4",
        ))?;
        let parameters = params![to.0, after.0, since.as_millisecond(), limit];
        let rows = statement.query_map(parameters, |row| {
            let message = message_from(row, 8)?;
            Ok(Spoken {
                ticket: DeliveryId(row.get(0)?),
                state: state_from_sql(row.get(1)?),
                native: row.get(2)?,
                begun: time_from_sql(row.get(3)?),
                settled: row.get::<_, Option<i64>>(4)?.map(time_from_sql),
                speech: speech_from(row, 5, &message)?,
                said_at: message.sent_at,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
