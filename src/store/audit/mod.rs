//! Read-only access to the store for the audit, while a bridge may be writing it.

mod channel;

use std::collections::HashSet;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::time_from_sql;
use super::durability::LocalOnly;
use super::ledger::PRUNE_START;
use super::{DB_FILE, StallHook, Store, StoreError, damage, look, sealer::Sealer};
use crate::domain::{Delivery, DeliveryId, DeliveryState, Endpoint, EndpointId};

pub use channel::SentDelivery;

/// The contents of the store at one moment, unaffected by later writes.
///
/// SQLite cannot truncate the write-ahead log while a snapshot exists, so it must not be held for hours.
#[derive(Debug)]
pub struct Snapshot {
    store: Store,
}

/// The ledger's entry for one id in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerEntry {
    /// It was received from the room.
    Received,
    /// It was delivered to the room.
    Delivered {
        /// The delivery's id.
        id: DeliveryId,
        /// When it was acknowledged.
        settled_at: Timestamp,
        /// How many more deliveries were merged into the same post.
        merged: u64,
    },
}

/// Counts the deliveries merged with that of the row.
const MERGED_COUNT: &str =
    "(SELECT COUNT(*) FROM delivery j WHERE j.merged_into = delivery.id AND j.state = 3)";

/// What became of the deliveries to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// Deliveries acknowledged.
    pub delivered: u64,
    /// Deliveries waiting, regardless of `since`.
    pub queued: u64,
    /// Deliveries in flight or in doubt: they may have arrived.
    pub in_doubt: u64,
    /// When the oldest pending message was sent.
    pub oldest_pending: Option<Timestamp>,
    /// The reasons for rejections, with a count each.
    pub rejected: Vec<(String, u64)>,
}

impl Snapshot {
    /// Opens the store in `directory` read-only, creating nothing.
    ///
    /// # Errors
    /// When there is no store, or this version cannot read it.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let connection = look::open_to_read(directory)?;
        let path = directory.join(DB_FILE);
        Self::new(connection).map_err(|error| damage::named(error, &path))
    }

    fn new(connection: Connection) -> Result<Self, StoreError> {
        connection.execute_batch("BEGIN")?;
        // The snapshot starts with the first read.
        connection.query_row("SELECT COUNT(*) FROM endpoint", [], |_| Ok(()))?;
        let wait = |_: &Connection| {};
        let store = Store {
            connection,
            _lock: None,
            uncommitted: super::Uncommitted::default(),
            positions: super::ReadPositions::default(),
            next_message_id: 0,
            next_delivery_id: 0,
            prune_position: PRUNE_START,
            wait_for_disk: wait,
            stall_hook: StallHook::none(),
            sealer: Sealer::ephemeral(),
            prune_limit: super::PruneLimit::default(),
            durability: Box::new(LocalOnly),
            places: Vec::new(),
            wal: super::WalSync::in_memory(),
        };
        Ok(Self { store })
    }

    /// The ids of the accounts on Let's Chat by which only the bridge posts, besides its own.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn users_of_the_bridge(&self) -> Result<HashSet<String>, StoreError> {
        let mut statement =
            self.prepare("SELECT user FROM speaker_account WHERE own = 0 AND user IS NOT NULL")?;
        let users = statement.query_map([], |row| row.get(0))?;
        Ok(users.collect::<Result<_, _>>()?)
    }

    /// The id of `endpoint`, if it has one; a room is also found by its remote id.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn endpoint_id(
        &self,
        endpoint: &Endpoint,
        remote_id: Option<&str>,
    ) -> Result<Option<EndpointId>, StoreError> {
        Ok(self
            .prepare(
                "SELECT id FROM endpoint WHERE name = ?1 OR remote_id = ?2 ORDER BY name = ?1 DESC",
            )?
            .query_row(params![endpoint.to_string(), remote_id], |row| row.get(0))
            .optional()?
            .map(EndpointId))
    }

    /// The last post read in the room at `endpoint`.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn room_cursor(&self, endpoint: EndpointId) -> Result<Option<String>, StoreError> {
        self.store.room_cursor(endpoint)
    }

    /// The lowest id in `endpoint` that the ledger knows.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn lowest_known_id(&self, endpoint: EndpointId) -> Result<Option<String>, StoreError> {
        Ok(self
            .prepare(
                "SELECT MIN(remote_id) FROM (
                     SELECT MIN(remote_id) AS remote_id FROM message WHERE endpoint = ?1
                     UNION ALL SELECT MIN(remote_id) FROM delivery WHERE endpoint = ?1)",
            )?
            .query_row([endpoint.0], |row| row.get(0))?)
    }

    /// Calls `each` with the ledger's entries for the ids in `endpoint` above `above`, up to `up_to` (`None`:
    /// to the end), in order.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn for_each_entry(
        &self,
        endpoint: EndpointId,
        above: &str,
        up_to: Option<&str>,
        mut each: impl FnMut(&str, LedgerEntry),
    ) -> Result<(), StoreError> {
        let mut statement = self.prepare(&format!(
            "SELECT remote_id, NULL, NULL, NULL FROM message
             WHERE endpoint = ?1 AND remote_id > ?2 AND remote_id <= COALESCE(?3, char(1114111))
             UNION ALL SELECT remote_id, id, settled_at, {MERGED_COUNT} FROM delivery
             WHERE endpoint = ?1 AND remote_id > ?2 AND remote_id <= COALESCE(?3, char(1114111))
             ORDER BY remote_id",
        ))?;
        let mut rows = statement.query(params![endpoint.0, above, up_to])?;
        while let Some(row) = rows.next()? {
            each(row.get_ref(0)?.as_str().unwrap_or_default(), ledger_entry(row)?);
        }
        Ok(())
    }

    /// The ledger's entry for this remote id in `endpoint`.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn ledger_entry(
        &self,
        endpoint: EndpointId,
        remote_id: &str,
    ) -> Result<Option<LedgerEntry>, StoreError> {
        Ok(self
            .prepare(&format!(
                "SELECT remote_id, id, settled_at, {MERGED_COUNT} FROM delivery
                 WHERE endpoint = ?1 AND remote_id = ?2
                 UNION ALL SELECT remote_id, NULL, NULL, NULL FROM message
                 WHERE endpoint = ?1 AND remote_id = ?2",
            ))?
            .query_row(params![endpoint.0, remote_id], ledger_entry)
            .optional()?)
    }

    /// The delivery to `to` that was sent and not acknowledged.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn in_flight(&self, to: EndpointId) -> Result<Option<Delivery>, StoreError> {
        let first = self.store.begun_deliveries(to)?.into_iter().next();
        Ok(first.filter(|first| {
            matches!(first.state, DeliveryState::InFlight | DeliveryState::InDoubt)
        }))
    }

    /// Totals of the deliveries to `to` of messages sent since `since`, from `from` or from anywhere. Pending
    /// ones are counted regardless of their age.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn totals(
        &self,
        to: EndpointId,
        from: Option<EndpointId>,
        since: Timestamp,
    ) -> Result<Totals, StoreError> {
        let mut statement = self.prepare(
            "SELECT d.state, d.reason, COUNT(*), MIN(m.sent_at)
             FROM delivery d JOIN message m ON m.id = d.message
             WHERE d.endpoint = ?1 AND (?2 IS NULL OR m.endpoint = ?2)
                 AND (d.state < 3 OR m.sent_at >= ?3)
             GROUP BY d.state, d.reason",
        )?;
        let from = from.map(|from| from.0);
        let mut rows = statement.query(params![to.0, from, since.as_millisecond()])?;
        let mut tally = Totals::default();
        while let Some(row) = rows.next()? {
            let count = row.get::<_, i64>(2)?.unsigned_abs();
            let oldest = Some(time_from_sql(row.get(3)?));
            match row.get(0)? {
                0 => tally.queued += count,
                1 | 2 => tally.in_doubt += count,
                3 => tally.delivered += count,
                _ => {
                    let reason: Option<String> = row.get(1)?;
                    tally.rejected.push((reason.unwrap_or_default(), count));
                }
            }
            if row.get::<_, i64>(0)? < 3 {
                tally.oldest_pending = tally.oldest_pending.min(oldest).or(oldest);
            }
        }
        Ok(tally)
    }

    /// How many messages of `endpoint` sent since `since` were recorded but delivered nowhere, because of
    /// catch-up limits or ignore rules.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn skipped(&self, endpoint: EndpointId, since: Timestamp) -> Result<u64, StoreError> {
        Ok(self
            .prepare(
                "SELECT COUNT(*) FROM message m WHERE m.endpoint = ?1 AND m.sent_at >= ?2
                     AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message = m.id)",
            )?
            .query_row(params![endpoint.0, since.as_millisecond()], |row| row.get(0))
            .map(i64::unsigned_abs)?)
    }

    fn prepare(&self, sql: &str) -> Result<rusqlite::CachedStatement<'_>, StoreError> {
        Ok(self.store.connection.prepare_cached(sql)?)
    }
}

fn ledger_entry(row: &Row<'_>) -> rusqlite::Result<LedgerEntry> {
    let Some(id) = row.get(1)? else { return Ok(LedgerEntry::Received) };
    let settled_at = row.get(2).map(time_from_sql).unwrap_or_default();
    let merged = row.get::<_, i64>(3)?.unsigned_abs();
    Ok(LedgerEntry::Delivered { id: DeliveryId(id), settled_at, merged })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Author, Message, MessageKind, RenderedMessage, Sender};

    fn enqueue_message(
        store: &mut Store,
        source: EndpointId,
        remote_id: &str,
        to: Option<EndpointId>,
    ) -> DeliveryId {
        let message = Message {
            source,
            author: Author::named("ann"),
            kind: MessageKind::Text,
            body: "hi".to_owned(),
            sent_at: Timestamp::from_second(60).expect("a time"),
        };
        let id = store.record(&message, Some(remote_id)).expect("works").expect("new");
        to.map_or(DeliveryId(0), |to| store.enqueue(id, to).expect("works"))
    }

    #[test]
    fn snapshot_is_isolated_from_later_writes() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut store = Store::open(directory.path()).expect("opens");
        let tea = store.endpoint_id(&Endpoint::room("tea")).expect("works");
        enqueue_message(&mut store, tea, "a", None);
        store.commit().expect("works");
        let snapshot = Snapshot::open(directory.path()).expect("opens beside it");
        enqueue_message(&mut store, tea, "b", None);
        store.commit().expect("is not hindered");
        assert_eq!(snapshot.ledger_entry(tea, "a").expect("reads"), Some(LedgerEntry::Received));
        assert_eq!(snapshot.ledger_entry(tea, "b").expect("reads"), None);
        let later = Snapshot::open(directory.path()).expect("opens");
        assert_eq!(later.ledger_entry(tea, "b").expect("reads"), Some(LedgerEntry::Received));
        let written = snapshot.store.connection.execute("DELETE FROM endpoint", []);
        assert!(written.is_err(), "it must not write");
    }

    #[test]
    fn snapshot_reads_the_wal_of_a_killed_bridge() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut store = Store::open(directory.path()).expect("opens");
        let tea = store.endpoint_id(&Endpoint::room("tea")).expect("works");
        enqueue_message(&mut store, tea, "a", None);
        store.commit().expect("works");
        // As a killed process leaves it: with a write-ahead log that was not checkpointed.
        let left = tempfile::tempdir().expect("a temporary directory");
        for name in [DB_FILE.to_owned(), format!("{DB_FILE}-wal")] {
            std::fs::copy(directory.path().join(&name), left.path().join(&name)).expect("is there");
        }
        let snapshot = Snapshot::open(left.path()).expect("opens");
        assert_eq!(snapshot.ledger_entry(tea, "a").expect("reads"), Some(LedgerEntry::Received));
    }

    #[test]
    fn opening_a_missing_store_fails_without_creating_it() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let error = Snapshot::open(directory.path()).expect_err("there is none");
        assert!(matches!(error, StoreError::Directory { .. }), "{error}");
        assert_eq!(std::fs::read_dir(directory.path()).expect("reads").count(), 0);
    }

    #[test]
    fn snapshot_opens_a_closed_store_and_rejects_a_newer_one() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        drop(Store::open(directory.path()).expect("opens"));
        drop(Snapshot::open(directory.path()).expect("a closed store is read"));
        let store = Store::open(directory.path()).expect("opens");
        store.connection.pragma_update(None, "user_version", 99).expect("writes");
        drop(store);
        let error = Snapshot::open(directory.path()).expect_err("must not open");
        assert!(matches!(error, StoreError::TooNew { found: 99, .. }), "{error}");
    }

    #[test]
    fn totals_count_deliveries_by_state() {
        let mut store = Store::in_memory().expect("a store in memory");
        let tea = store.endpoint_id(&Endpoint::room("tea")).expect("works");
        let dev = store.endpoint_id(&Endpoint::room("dev")).expect("works");
        let now = Timestamp::from_second(90).expect("a time");
        let tickets: Vec<DeliveryId> = ["1", "2", "3", "4", "5"]
            .map(|id| enqueue_message(&mut store, tea, id, Some(dev)))
            .into();
        enqueue_message(&mut store, tea, "6", None);
        store.ack_delivery(tickets[0], Some("x"), now).expect("works");
        store.ack_delivery(tickets[1], Some("y"), now).expect("works");
        store.reject_delivery(tickets[2], "no", now).expect("works");
        let first = store.open_deliveries(dev, DeliveryId(0), 1).expect("works").remove(0);
        let rendered = RenderedMessage {
            kind: MessageKind::Text,
            prefix: String::new(),
            body: "hi".to_owned(),
        };
        store.start_delivery(&first, (&Sender::Bot, &rendered), now).expect("works");
        store.commit().expect("works");
        let snapshot = Snapshot::new(store.connection).expect("works");
        let said = Timestamp::from_second(60).expect("a time");
        let refused = vec![("no".to_owned(), 1)];
        let tally = Totals {
            delivered: 2,
            queued: 1,
            in_doubt: 1,
            oldest_pending: Some(said),
            rejected: refused,
        };
        for from in [None, Some(tea)] {
            assert_eq!(snapshot.totals(dev, from, said).expect("works"), tally);
        }
        let open = Totals { delivered: 0, rejected: vec![], ..tally };
        assert_eq!(snapshot.totals(dev, None, now).expect("works"), open);
        assert_eq!(snapshot.totals(tea, None, said).expect("works"), Totals::default());
        assert_eq!(snapshot.skipped(tea, said).expect("works"), 1);
        assert_eq!(snapshot.skipped(tea, now).expect("works"), 0);
        let under_way = snapshot.in_flight(dev).expect("works").map(|delivery| delivery.id);
        assert_eq!(under_way, Some(tickets[3]));
    }

    #[test]
    fn entries_are_ordered_within_the_id_range() {
        let mut store = Store::in_memory().expect("a store in memory");
        let tea = store.endpoint_id(&Endpoint::room("tea")).expect("works");
        let dev = store.endpoint_id(&Endpoint::room("dev")).expect("works");
        let delivery_id = enqueue_message(&mut store, dev, "1", Some(tea));
        let other = enqueue_message(&mut store, dev, "2", Some(tea));
        let settled = Timestamp::from_second(90).expect("a time");
        store.merge_deliveries(delivery_id, vec![other]).expect("works");
        store.ack_delivery(delivery_id, Some("b"), settled).expect("works");
        store.ack_delivery(other, None, settled).expect("works");
        for id in ["d", "c", "a", "e"] {
            enqueue_message(&mut store, tea, id, None);
        }
        store.commit().expect("works");
        let snapshot = Snapshot::new(store.connection).expect("works");
        let mut traces = Vec::new();
        let each = |remote_id: &str, entry| traces.push((remote_id.to_owned(), entry));
        snapshot.for_each_entry(tea, "a", Some("d"), each).expect("works");
        let delivered = LedgerEntry::Delivered { id: delivery_id, settled_at: settled, merged: 1 };
        let heard = |remote_id: &str| (remote_id.to_owned(), LedgerEntry::Received);
        assert_eq!(traces, [("b".to_owned(), delivered), heard("c"), heard("d")]);
        let mut count = 0;
        snapshot.for_each_entry(tea, "a", None, |_, _| count += 1).expect("works");
        assert_eq!(count, 4);
        assert_eq!(snapshot.lowest_known_id(tea).expect("works").as_deref(), Some("a"));
    }
}
