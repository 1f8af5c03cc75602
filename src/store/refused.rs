//! What was refused, and who is still to be told of it.

use jiff::Timestamp;

use super::write::Write;
use super::{Store, StoreError};
use crate::domain::{DeliveryId, EndpointId};

/// What one person said in one place that was refused in another, and is still to be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    /// Where they said it.
    pub said_in: EndpointId,
    /// Their name there.
    pub author: String,
    /// Where it was refused.
    pub to: EndpointId,
    /// How many messages these are.
    pub count: u64,
    /// The last of them.
    pub last: DeliveryId,
    /// Why that was refused.
    pub reason: String,
    /// How its text begins.
    pub body: String,
}

impl Store {
    /// Notes that `ticket` will never arrive, and why.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn refused(
        &mut self,
        ticket: DeliveryId,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(Write::Refused { ticket, reason: reason.to_owned(), now })
    }

    /// Notes that whoever said `ticket`, which was refused, is to be told.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn untold(&mut self, ticket: DeliveryId) -> Result<(), StoreError> {
        self.write(Write::Untold { ticket })
    }

    /// Notes that this person was told.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn told(&mut self, untold: &Untold) -> Result<(), StoreError> {
        let Untold { said_in, author, to, last, .. } = untold;
        let (said_in, author, to, last) = (*said_in, author.clone(), *to, *last);
        self.write(Write::Told { said_in, author, to, last })
    }

    /// Notes that this person was told of what they wrote in private, and forgets the words: they are
    /// overwritten.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn told_in_private(&mut self, untold: &Untold) -> Result<(), StoreError> {
        let Untold { said_in, to, last, .. } = untold;
        self.write(Write::ToldInPrivate { said_in: *said_in, to: Some(*to), last: *last })
    }

    /// Notes that who wrote in private with the number `said_in` will not be told of what was refused, and
    /// forgets the words.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn told_nobody(&mut self, said_in: EndpointId) -> Result<(), StoreError> {
        self.write(Write::ToldInPrivate { said_in, to: None, last: DeliveryId(i64::MAX) })
    }

    /// All who are still to be told.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn all_untold(&self) -> Result<Vec<Untold>, StoreError> {
        // SQLite takes what is not summed from the row that has the maximum.
        let mut statement = self.connection.prepare_cached(
            "SELECT m.place, m.author, d.place, COUNT(*), MAX(d.ticket), d.reason, substr(m.body, 1, 200)
             FROM delivery d JOIN message m ON m.id = d.message
             WHERE d.untold = 1 GROUP BY m.place, m.author, d.place ORDER BY MAX(d.ticket)",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(Untold {
                said_in: EndpointId(row.get(0)?),
                author: row.get(1)?,
                to: EndpointId(row.get(2)?),
                count: row.get::<_, i64>(3)?.unsigned_abs(),
                last: DeliveryId(row.get(4)?),
                reason: row.get::<_, Option<String>>(5)?.unwrap_or_default(),
                body: row.get(6)?,
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
    fn each_is_told_once_of_what_was_refused_until_then() {
        let mut store = Store::in_memory().expect("a store in memory");
        let from = store.place(&Endpoint::room("tea")).expect("works");
        let to = store.place(&Endpoint::room("dev")).expect("works");
        let refuse = |store: &mut Store, author: &str, body: &str| {
            let message = Message {
                source: from,
                author: Author::named(author),
                kind: MessageKind::Text,
                body: body.to_owned(),
                sent_at: Timestamp::UNIX_EPOCH,
            };
            let id = store.hear(&message, None).expect("works").expect("new");
            let ticket = store.enqueue(id, to).expect("works");
            store.refused(ticket, "no", Timestamp::UNIX_EPOCH).expect("works");
            store.untold(ticket).expect("works");
        };
        for (author, body) in [("ann", "one"), ("bob", "two"), ("ann", "three")] {
            refuse(&mut store, author, body);
        }
        let shown = |store: &Store| -> Vec<(String, u64, String)> {
            let all = store.all_untold().expect("works");
            all.into_iter().map(|it| (it.author, it.count, it.body)).collect()
        };
        let told = |author: &str, count, body: &str| (author.to_owned(), count, body.to_owned());
        assert_eq!(shown(&store), [told("bob", 1, "two"), told("ann", 2, "three")]);
        let ann = store.all_untold().expect("works").remove(1);
        refuse(&mut store, "ann", "four");
        store.told(&ann).expect("works");
        assert_eq!(shown(&store), [told("bob", 1, "two"), told("ann", 1, "four")]);
    }
}
