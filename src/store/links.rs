//! Links: which ones are paused, and what waits on them.

use jiff::Timestamp;
use rusqlite::params;

use super::columns::{MESSAGE_COLUMNS, time_from_sql};
use super::mutation::{LinkMutation, Mutation};
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
        self.apply(Mutation::Link(LinkMutation::SetPaused { channel, room, since }))
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
        self.apply(Mutation::Link(LinkMutation::SetAnnounced { channel, room }))
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
        let others: Vec<DeliveryId> = self
            .connection
            .prepare_cached(
                "SELECT DISTINCT merged_into FROM delivery
                 WHERE endpoint = ?1 AND state < 3 AND merged_into IS NOT NULL AND merged_into <> ?2",
            )?
            .query_map([to.0, first.map_or(0, |first| first.0)], |row| {
                Ok(DeliveryId(row.get(0)?))
            })?
            .collect::<Result<_, _>>()?;
        others.into_iter().try_for_each(|other| self.merge_deliveries(other, Vec::new()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        Author, DeliveryState, Endpoint, Message, MessageKind, MessagePart, Network,
        RenderedMessage, Sender,
    };

    /// A store with the channels #tea and #dev, and the room tea.
    fn star() -> (Store, [EndpointId; 3]) {
        let mut store = Store::in_memory().expect("a store in memory");
        let office = Network::new("office");
        let ends = [
            Endpoint::channel(&office, "#tea"),
            Endpoint::channel(&office, "#dev"),
            Endpoint::room("tea"),
        ];
        let ids = ends.map(|end| store.endpoint_id(&end).expect("works"));
        (store, ids)
    }

    fn queue(
        store: &mut Store,
        (from, to): (EndpointId, EndpointId),
        text: &str,
        parts: &[MessagePart],
    ) -> Vec<DeliveryId> {
        let message = Message {
            source: from,
            author: Author::named("ann"),
            kind: MessageKind::Text,
            body: text.to_owned(),
            sent_at: Timestamp::from_second(text.len() as i64).expect("a time"),
        };
        let id = store.record(&message, None).expect("works").expect("new");
        parts.iter().map(|part| store.enqueue_part(id, *part, to).expect("works")).collect()
    }

    fn whole(store: &mut Store, ends: (EndpointId, EndpointId), text: &str) -> DeliveryId {
        queue(store, ends, text, &[MessagePart::Whole])[0]
    }

    #[test]
    fn pause_is_kept_until_it_ends() {
        let (mut store, [tea, dev, room]) = star();
        let since = Timestamp::from_second(60).expect("a time");
        store.set_link_paused(tea, room, Some(since)).expect("works");
        store.set_link_paused(dev, room, Some(since)).expect("works");
        store.set_link_pause_announced(tea, room).expect("works");
        store.commit().expect("works");
        let paused = |channel, is_announced| PausedLink { channel, room, since, is_announced };
        assert_eq!(store.paused_links().expect("works"), [paused(tea, true), paused(dev, false)]);
        store.set_link_paused(tea, room, None).expect("works");
        assert_eq!(store.paused_links().expect("works"), [paused(dev, false)]);
    }

    #[test]
    fn waiting_deliveries_are_counted_and_found_by_their_source() {
        let (mut store, [tea, dev, room]) = star();
        let one = whole(&mut store, (tea, room), "1");
        let two = whole(&mut store, (dev, room), "22");
        let three = whole(&mut store, (tea, room), "333");
        whole(&mut store, (room, tea), "4444");
        store.ack_delivery(one, None, Timestamp::UNIX_EPOCH).expect("works");
        let counts = store.waiting_counts().expect("works").into_iter();
        let counts: Vec<_> = counts
            .map(|it| (it.source, it.to, it.count, it.oldest.0, it.oldest.1.as_second()))
            .collect();
        assert_eq!(counts.len(), 3);
        assert!(counts.contains(&(tea, room, 1, three, 3)), "{counts:?}");
        assert!(counts.contains(&(dev, room, 1, two, 2)), "{counts:?}");
        let found = |sources: &[EndpointId], is_exclusion, after| {
            let filter = WaitingFilter { to: room, sources, is_exclusion, after };
            let found = store.waiting_deliveries(filter, 9).expect("works");
            found.into_iter().map(|it| it.id).collect::<Vec<_>>()
        };
        assert_eq!(found(&[tea], false, DeliveryId(0)), [three]);
        assert_eq!(found(&[tea], true, DeliveryId(0)), [two]);
        assert_eq!(found(&[], true, DeliveryId(0)), [two, three]);
        assert_eq!(found(&[], true, two), [three]);
        assert_eq!(found(&[], false, DeliveryId(0)), []);
    }

    #[test]
    fn begun_delivery_is_found_behind_others_with_those_merged_into_it() {
        let (mut store, [tea, dev, room]) = star();
        whole(&mut store, (tea, room), "1");
        let begun = whole(&mut store, (dev, room), "22");
        let merged = whole(&mut store, (dev, room), "333");
        assert_eq!(store.begun_deliveries(room).expect("works"), []);
        let filter =
            WaitingFilter { to: room, sources: &[dev], is_exclusion: false, after: DeliveryId(0) };
        let first = store.waiting_deliveries(filter, 1).expect("works").remove(0);
        let text = RenderedMessage {
            kind: MessageKind::Text,
            prefix: String::new(),
            body: "x".to_owned(),
        };
        store.start_delivery(&first, (&Sender::Bot, &text), Timestamp::UNIX_EPOCH).expect("works");
        store.merge_deliveries(begun, vec![merged]).expect("works");
        let ids = |store: &Store| -> Vec<DeliveryId> {
            store.begun_deliveries(room).expect("works").iter().map(|it| it.id).collect()
        };
        assert_eq!(ids(&store), [begun, merged]);
        store.unmerge_others(room, Some(begun)).expect("works");
        assert_eq!(ids(&store), [begun, merged]);
        store.unmerge_others(room, None).expect("works");
        assert_eq!(ids(&store), [begun]);
        // Back in the queue; but a part of it has arrived.
        store.set_delivery_state(begun, DeliveryState::Queued).expect("works");
        assert_eq!(ids(&store), []);
        store.set_progress((begun, room), 1).expect("works");
        assert_eq!(ids(&store), [begun]);
    }

    #[test]
    fn parts_of_a_message_are_found_together() {
        let (mut store, [tea, _, room]) = star();
        let parts = queue(&mut store, (tea, room), "1", &[MessagePart::Name, MessagePart::Text]);
        whole(&mut store, (tea, room), "1");
        let found = |store: &Store, to, id| -> Vec<DeliveryId> {
            store.open_parts(to, id).expect("works").iter().map(|it| it.id).collect()
        };
        assert_eq!(found(&store, room, parts[1]), parts);
        assert_eq!(found(&store, tea, parts[1]), []);
        store.ack_delivery(parts[0], None, Timestamp::UNIX_EPOCH).expect("works");
        assert_eq!(found(&store, room, parts[1]), parts[1..]);
    }
}
