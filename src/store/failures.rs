//! Rejected deliveries, and the authors still to be notified of them.

use jiff::Timestamp;

use super::mutation::Mutation;
use super::{Store, StoreError};
use crate::domain::{DeliveryId, EndpointId};

/// One author's messages rejected by one destination, not yet reported to the author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreportedFailure {
    /// The endpoint the author wrote in.
    pub source: EndpointId,
    /// The author's name there.
    pub author: String,
    /// The destination that rejected them.
    pub to: EndpointId,
    /// The number of messages.
    pub count: u64,
    /// The last of them.
    pub last_delivery: DeliveryId,
    /// Why the last one was rejected.
    pub reason: String,
    /// The start of its text.
    pub excerpt: String,
}

impl Store {
    /// Marks the delivery as rejected, with the reason.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn reject_delivery(
        &mut self,
        id: DeliveryId,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.apply(Mutation::RejectDelivery { id, reason: reason.to_owned(), now })
    }

    /// Records that the author of the rejected delivery is to be notified.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn mark_unreported(&mut self, id: DeliveryId) -> Result<(), StoreError> {
        self.apply(Mutation::MarkUnreported { id })
    }

    /// Records that the author was notified.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn mark_reported(&mut self, failure: &UnreportedFailure) -> Result<(), StoreError> {
        let UnreportedFailure { source, author, to, last_delivery: last, .. } = failure;
        let (source, author, to, last) = (*source, author.clone(), *to, *last);
        self.apply(Mutation::MarkReported { source, author, to, last })
    }

    /// Records that the author was notified of a rejected direct message, and overwrites its text.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn mark_direct_reported(&mut self, failure: &UnreportedFailure) -> Result<(), StoreError> {
        let UnreportedFailure { source, to, last_delivery: last, .. } = failure;
        self.apply(Mutation::MarkDirectReported { source: *source, to: Some(*to), last: *last })
    }

    /// Records that this author of direct messages will not be notified of rejections, and overwrites the
    /// text.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn discard_reports(&mut self, source: EndpointId) -> Result<(), StoreError> {
        self.apply(Mutation::MarkDirectReported { source, to: None, last: DeliveryId(i64::MAX) })
    }

    /// All failures still to be reported.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn unreported_failures(&self) -> Result<Vec<UnreportedFailure>, StoreError> {
        // With MAX(), SQLite takes the other columns from the row of the maximum.
        let mut statement = self.connection.prepare_cached(
            "SELECT m.endpoint, m.author, d.endpoint, COUNT(*), MAX(d.id), d.reason, substr(m.body, 1, 200)
             FROM delivery d JOIN message m ON m.id = d.message
             WHERE d.unreported = 1 GROUP BY m.endpoint, m.author, d.endpoint ORDER BY MAX(d.id)",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(UnreportedFailure {
                source: EndpointId(row.get(0)?),
                author: row.get(1)?,
                to: EndpointId(row.get(2)?),
                count: row.get::<_, i64>(3)?.unsigned_abs(),
                last_delivery: DeliveryId(row.get(4)?),
                reason: row.get::<_, Option<String>>(5)?.unwrap_or_default(),
                excerpt: row.get(6)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Author, Endpoint, Message, MessageKind};

    #[test]
    fn failures_are_reported_once_per_author_and_endpoint() {
        let mut store = Store::in_memory().expect("a store in memory");
        let from = store.endpoint_id(&Endpoint::room("tea")).expect("works");
        let to = store.endpoint_id(&Endpoint::room("dev")).expect("works");
        let refuse = |store: &mut Store, author: &str, body: &str| {
            let message = Message {
                source: from,
                author: Author::named(author),
                kind: MessageKind::Text,
                body: body.to_owned(),
                sent_at: Timestamp::UNIX_EPOCH,
            };
            let id = store.record(&message, None).expect("works").expect("new");
            let delivery_id = store.enqueue(id, to).expect("works");
            store.reject_delivery(delivery_id, "no", Timestamp::UNIX_EPOCH).expect("works");
            store.mark_unreported(delivery_id).expect("works");
        };
        for (author, body) in [("ann", "one"), ("bob", "two"), ("ann", "three")] {
            refuse(&mut store, author, body);
        }
        let shown = |store: &Store| -> Vec<(String, u64, String)> {
            let all = store.unreported_failures().expect("works");
            all.into_iter().map(|it| (it.author, it.count, it.excerpt)).collect()
        };
        let told = |author: &str, count, body: &str| (author.to_owned(), count, body.to_owned());
        assert_eq!(shown(&store), [told("bob", 1, "two"), told("ann", 2, "three")]);
        let ann = store.unreported_failures().expect("works").remove(1);
        refuse(&mut store, "ann", "four");
        store.mark_reported(&ann).expect("works");
        assert_eq!(shown(&store), [told("bob", 1, "two"), told("ann", 1, "four")]);
    }
}
