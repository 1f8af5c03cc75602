//! The outbox: deliveries and what became of them.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

use super::columns::{
    MESSAGE_COLUMNS, message_from_row, part_from_sql, rendered_from_row, sender_from_sql,
    sender_to_sql, state_from_sql, time_from_sql,
};
use super::ledger::MessageId;
use super::mutation::{Mutation, RenderedRow};
use super::{Store, StoreError};
use crate::domain::{
    Delivery, DeliveryId, DeliveryState, EndpointId, MessagePart, RenderedMessage, Sender,
};

/// The columns of `delivery` (as `d`) that [`delivery_from_row`] reads, before [`MESSAGE_COLUMNS`].
pub(super) const DELIVERY_COLUMNS: &str = "d.id, d.state, d.started_at, d.part, d.rendered_kind, d.rendered_prefix, \
     d.rendered_body, d.sender";

/// Reads a delivery to `to` from [`DELIVERY_COLUMNS`] and [`MESSAGE_COLUMNS`].
pub(super) fn delivery_from_row(row: &Row<'_>, to: EndpointId) -> rusqlite::Result<Delivery> {
    let message = message_from_row(row, 8)?;
    Ok(Delivery {
        id: DeliveryId(row.get(0)?),
        to,
        state: state_from_sql(row.get(1)?),
        started_at: row.get::<_, Option<i64>>(2)?.map(time_from_sql),
        part: part_from_sql(row.get(3)?),
        rendered: rendered_from_row(row, 4, &message)?,
        sender: sender_from_sql(row.get(7)?),
        message,
    })
}

impl Store {
    /// Queues `message` for delivery to `to`.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn enqueue(
        &mut self,
        message: MessageId,
        to: EndpointId,
    ) -> Result<DeliveryId, StoreError> {
        self.enqueue_part(message, MessagePart::Whole, to)
    }

    /// Queues `part` of `message` for delivery to `to`.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn enqueue_part(
        &mut self,
        message: MessageId,
        part: MessagePart,
        to: EndpointId,
    ) -> Result<DeliveryId, StoreError> {
        let id = DeliveryId(self.next_delivery_id);
        self.next_delivery_id += 1;
        self.apply(Mutation::InsertDelivery { id, message: message.0, part, to })?;
        Ok(id)
    }

    /// The open deliveries to `to` after the id `after`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn open_deliveries(
        &self,
        to: EndpointId,
        after: DeliveryId,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {DELIVERY_COLUMNS}, {MESSAGE_COLUMNS}
             FROM delivery d JOIN message m ON m.id = d.message
             WHERE d.endpoint = ?1 AND d.id > ?2 AND d.state < 3
             ORDER BY d.id LIMIT ?3",
        ))?;
        let rows =
            statement.query_map(params![to.0, after.0, limit], |row| delivery_from_row(row, to))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The number of open deliveries to `to`.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn pending_count(&self, to: EndpointId) -> Result<u64, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT COUNT(*) FROM delivery WHERE endpoint = ?1 AND state < 3")?
            .query_row([to.0], |row| row.get(0))
            .map(i64::unsigned_abs)?)
    }

    /// All open deliveries by source: endpoint, number of deliveries, bytes of text.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn queue_sizes(&self) -> Result<Vec<(EndpointId, u64, u64)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT m.endpoint, COUNT(*), SUM(octet_length(m.body))
             FROM delivery d JOIN message m ON m.id = d.message WHERE d.state < 3 GROUP BY m.endpoint",
        )?;
        let number = |number: i64| number.unsigned_abs();
        let rows = statement.query_map([], |row| {
            Ok((EndpointId(row.get(0)?), number(row.get(1)?), number(row.get(2)?)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Moves a delivery to `state`, which must not be a final one.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn set_delivery_state(
        &mut self,
        id: DeliveryId,
        state: DeliveryState,
    ) -> Result<(), StoreError> {
        self.apply(Mutation::SetState { id, state })
    }

    /// Records that `delivery` is about to be sent as `rendered` by `sender`. If no ack arrives, that text is
    /// looked for after the destination's current cursor.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn start_delivery(
        &mut self,
        delivery: &Delivery,
        (sender, rendered): (&Sender, &RenderedMessage),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let RenderedMessage { kind, prefix, body } = rendered;
        let body = (*body != delivery.message.body).then(|| body.clone());
        let (prefix, sender) = (prefix.clone(), sender_to_sql(sender));
        let rendered = RenderedRow { kind: *kind, prefix, body, sender };
        let cursor = self.cursor(delivery.to)?;
        self.apply(Mutation::StartDelivery { id: delivery.id, now, rendered, cursor })
    }

    /// The room's cursor when the delivery was last started.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn cursor_at_send(&self, id: DeliveryId) -> Result<Option<String>, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT cursor_at_send FROM delivery WHERE id = ?1")?
            .query_row([id.0], |row| row.get(0))
            .optional()?
            .flatten())
    }

    /// Records that exactly `others` are merged into `first`, which is being started.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn merge_deliveries(
        &mut self,
        first: DeliveryId,
        others: Vec<DeliveryId>,
    ) -> Result<(), StoreError> {
        self.apply(Mutation::MergeDeliveries { first, others })
    }

    /// Records that this many bytes of the body of the delivery to `to` have arrived, up to the cursor there.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn set_progress(
        &mut self,
        (id, to): (DeliveryId, EndpointId),
        bytes: usize,
    ) -> Result<(), StoreError> {
        let cursor = self.cursor(to)?;
        self.apply(Mutation::SetProgress { id, bytes, cursor })
    }

    /// Records whether the unsent rest of the delivery may have arrived already.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn set_resent(&mut self, id: DeliveryId, resent: bool) -> Result<(), StoreError> {
        self.apply(Mutation::SetResent { id, resent })
    }

    /// Whether the unsent rest of the delivery may have arrived already.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn is_resent(&self, id: DeliveryId) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT resent FROM delivery WHERE id = ?1")?
            .query_row([id.0], |row| row.get(0))
            .optional()?
            .unwrap_or(false))
    }

    /// How many bytes of the delivery's body have arrived.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn progress(&self, id: DeliveryId) -> Result<usize, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT progress FROM delivery WHERE id = ?1")?
            .query_row([id.0], |row| row.get::<_, i64>(0))
            .optional()?
            .and_then(|bytes| usize::try_from(bytes).ok())
            .unwrap_or(0))
    }

    /// Marks the delivery as delivered, under the id that the network gave it, if any.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn ack_delivery(
        &mut self,
        id: DeliveryId,
        remote_id: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let remote_id = remote_id.map(str::to_owned);
        self.apply(Mutation::AckDelivery { id, remote_id, now, is_found_again: false })
    }

    /// Marks a delivery that the bridge's own account has posted in a room as delivered. That is worth no commit of its
    /// own: a kill leaves it in flight, and the next start finds it in the room.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn ack_own_post(
        &mut self,
        id: DeliveryId,
        post: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let remote_id = post.map(str::to_owned);
        self.apply(Mutation::AckDelivery { id, remote_id, now, is_found_again: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Author, Endpoint, Message, MessageKind};

    struct OutboxFixture {
        store: Store,
        from: EndpointId,
        to: EndpointId,
    }

    impl OutboxFixture {
        fn new() -> Self {
            let mut store = Store::in_memory().expect("a store in memory");
            let from = store.endpoint_id(&Endpoint::room("tea")).expect("works");
            let to = store.endpoint_id(&Endpoint::room("dev")).expect("works");
            Self { store, from, to }
        }

        fn queue(&mut self, body: &str, remote_id: &str) -> Option<DeliveryId> {
            let message = Message {
                source: self.from,
                author: Author::named("ann"),
                kind: MessageKind::Action,
                body: body.to_owned(),
                sent_at: Timestamp::from_millisecond(1_500).expect("a time"),
            };
            let id = self.store.record(&message, Some(remote_id)).expect("works")?;
            Some(self.store.enqueue(id, self.to).expect("works"))
        }

        /// Starts the first open delivery with this prefix and body.
        fn start_first(&mut self, prefix: &str, body: &str) {
            let first =
                self.store.open_deliveries(self.to, DeliveryId(0), 1).expect("works").remove(0);
            let (prefix, body) = (prefix.to_owned(), body.to_owned());
            let rendered = RenderedMessage { kind: MessageKind::Text, prefix, body };
            let sender = Sender::Relaymsg("ann/lc".into());
            self.store
                .start_delivery(&first, (&sender, &rendered), Timestamp::UNIX_EPOCH)
                .expect("works");
        }

        fn open(&self) -> Vec<(String, DeliveryState)> {
            let open = self.store.open_deliveries(self.to, DeliveryId(0), 10).expect("works");
            open.into_iter().map(|d| (d.message.body, d.state)).collect()
        }
    }

    #[test]
    fn open_deliveries_are_in_order_until_acked_or_rejected() {
        let mut scene = OutboxFixture::new();
        let one = scene.queue("one", "1").expect("new");
        let two = scene.queue("two", "2").expect("new");
        scene.start_first("<ann> ", "one");
        assert_eq!(
            scene.open(),
            [("one".into(), DeliveryState::InFlight), ("two".into(), DeliveryState::Queued)]
        );
        scene.store.ack_delivery(one, Some("x"), Timestamp::UNIX_EPOCH).expect("works");
        scene.store.reject_delivery(two, "no", Timestamp::UNIX_EPOCH).expect("works");
        assert_eq!(scene.open(), []);
    }

    #[test]
    fn delivery_keeps_its_rendered_message() {
        let mut scene = OutboxFixture::new();
        scene.queue("one", "1");
        let speech = |scene: &OutboxFixture| {
            let open = scene.store.open_deliveries(scene.to, DeliveryId(0), 1).expect("works");
            open[0].rendered.as_ref().map(RenderedMessage::full_text)
        };
        assert_eq!(speech(&scene), None);
        for (prefix, body) in [("<ann> ", "one"), ("[09:41Z] <ann> ", "won")] {
            scene.start_first(prefix, body);
            assert_eq!(speech(&scene), Some(format!("{prefix}{body}")));
            let open = scene.store.open_deliveries(scene.to, DeliveryId(0), 1).expect("works");
            assert_eq!(open[0].sender, Sender::Relaymsg("ann/lc".into()));
        }
    }

    #[test]
    fn known_message_is_not_recorded_again() {
        let mut scene = OutboxFixture::new();
        let one = scene.queue("one", "1").expect("new");
        assert_eq!(scene.queue("one", "1"), None);
        scene.store.ack_delivery(one, Some("ours"), Timestamp::UNIX_EPOCH).expect("works");
        assert!(scene.store.contains(scene.to, "ours").expect("works"));
        assert!(!scene.store.contains(scene.from, "ours").expect("works"));
    }

    #[test]
    fn message_round_trips() {
        let mut scene = OutboxFixture::new();
        scene.queue("waves \u{0}\n🫖", "1");
        let open = scene.store.open_deliveries(scene.to, DeliveryId(0), 1).expect("works");
        let message = &open[0].message;
        assert_eq!((message.kind, message.body.as_str()), (MessageKind::Action, "waves \u{0}\n🫖"));
        assert_eq!(message.sent_at.as_millisecond(), 1_500);
    }

    #[test]
    fn delivery_keeps_the_room_cursor_at_send() {
        let mut scene = OutboxFixture::new();
        let one = scene.queue("one", "1").expect("new");
        scene.store.advance_room_cursor(scene.to, "post 7", None).expect("works");
        scene.start_first("<ann> ", "one");
        scene.store.advance_room_cursor(scene.to, "post 9", None).expect("works");
        assert_eq!(scene.store.cursor_at_send(one).expect("works").as_deref(), Some("post 7"));
    }

    #[test]
    fn prune_removes_old_messages_without_open_deliveries() {
        let mut scene = OutboxFixture::new();
        let one = scene.queue("one", "1").expect("new");
        scene.queue("two", "2").expect("new");
        scene.store.ack_delivery(one, Some("x"), Timestamp::UNIX_EPOCH).expect("works");
        scene.store.prune(Timestamp::UNIX_EPOCH, 9).expect("works");
        assert!(scene.store.contains(scene.from, "1").expect("works"), "not old enough");
        scene.store.prune(Timestamp::from_second(60).expect("a time"), 9).expect("works");
        let known = |endpoint, remote_id| scene.store.contains(endpoint, remote_id).expect("works");
        assert!(!known(scene.from, "1") && !known(scene.to, "x"));
        assert!(known(scene.from, "2"));
        assert_eq!(scene.open(), [("two".into(), DeliveryState::Queued)]);
    }
}
