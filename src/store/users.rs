//! Users in direct messages. Each has an endpoint id, from the same numbers as channels and rooms.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::columns::time_from_sql;
use super::mutation::Mutation;
use super::{Store, StoreError};
use crate::domain::{DeliveryId, EndpointId, UserRef};

/// A direct message, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentDm {
    /// The sender.
    pub from: UserRef,
    /// The recipient.
    pub to: UserRef,
    /// When it was sent.
    pub sent_at: Timestamp,
}

impl Store {
    /// The endpoint id of `user`, assigned now if there is none yet.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn user_endpoint_id(&mut self, user: &UserRef) -> Result<EndpointId, StoreError> {
        self.id_by_name(user.to_string(), None)
    }

    /// Records that the endpoint now belongs to `user`. Returns whether it does: it does not if `user` has an
    /// endpoint already.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn rename_user(
        &mut self,
        endpoint: EndpointId,
        user: &UserRef,
    ) -> Result<bool, StoreError> {
        let name = user.to_string();
        let taken: bool = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM endpoint WHERE name = ?1)")?
            .query_row([&name], |row| row.get(0))?;
        if !taken {
            self.apply(Mutation::RenameEndpoint { endpoint, name })?;
        }
        Ok(!taken)
    }

    /// Overwrites the text of a delivered direct message.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn erase_text(&mut self, id: DeliveryId) -> Result<(), StoreError> {
        self.apply(Mutation::EraseText { id })
    }

    /// Whether any user has written a direct message, or got one.
    fn has_users(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM endpoint WHERE name GLOB '*/@*')";
        Ok(self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    /// Deletes records of direct messages before `before` and of users without newer ones, except for what is
    /// pending or to be reported. If there are users, it scans the whole ledger, so it runs at startup only.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn erase_settled_texts(&mut self, before: Timestamp) -> Result<(), StoreError> {
        if self.has_uncommitted() || !self.has_users()? {
            return Ok(());
        }
        let is_turn = self.durability.begin_outside_of_turn(&self.connection)?;
        self.connection.execute(
            "DELETE FROM message WHERE sent_at < ?1
                 AND endpoint IN (SELECT id FROM endpoint WHERE name GLOB '*/@*')
                 AND NOT EXISTS (
                     SELECT 1 FROM delivery d WHERE d.message = message.id
                         AND (d.state < 3 OR d.unreported = 1))",
            params![before.as_millisecond()],
        )?;
        // With foreign keys on, SQLite would scan the ledger for each of them.
        self.connection.pragma_update(None, "foreign_keys", false)?;
        let forgotten = self.connection.execute(
            "DELETE FROM endpoint WHERE name GLOB '*/@*'
                 AND id NOT IN (SELECT endpoint FROM message) AND id NOT IN (SELECT endpoint FROM delivery)",
            [],
        );
        self.connection.pragma_update(None, "foreign_keys", true)?;
        forgotten?;
        if is_turn { self.try_write() } else { Ok(()) }
    }

    /// The user with this endpoint id; `None` for a channel or a room.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn user_of_endpoint(&self, endpoint: EndpointId) -> Result<Option<UserRef>, StoreError> {
        let name: Option<String> = self
            .connection
            .prepare_cached("SELECT name FROM endpoint WHERE id = ?1")?
            .query_row([endpoint.0], |row| row.get(0))
            .optional()?;
        Ok(name.and_then(|name| name.parse().ok()))
    }

    /// The users with pending deliveries.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn users_with_pending(&self) -> Result<Vec<(EndpointId, UserRef)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT p.id, p.name FROM delivery d JOIN endpoint p ON p.id = d.endpoint
             WHERE d.state < 3 AND p.name GLOB '*/@*' ORDER BY p.id",
        )?;
        let rows = statement
            .query_map([], |row| Ok((EndpointId(row.get(0)?), row.get::<_, String>(1)?)))?
            .collect::<Result<Vec<_>, _>>()?;
        let user = |(endpoint, name): (EndpointId, String)| Some((endpoint, name.parse().ok()?));
        Ok(rows.into_iter().filter_map(user).collect())
    }

    /// Direct messages since `since`, in the order they were received.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn dms_since(&self, since: Timestamp) -> Result<Vec<RecentDm>, StoreError> {
        if !self.has_users()? {
            return Ok(Vec::new());
        }
        // In this order, or SQLite reads all deliveries in the order of the answer.
        let mut statement = self.connection.prepare_cached(
            "SELECT f.name, t.name, m.sent_at FROM message m
             CROSS JOIN endpoint f ON f.id = m.endpoint CROSS JOIN delivery d ON d.message = m.id
             CROSS JOIN endpoint t ON t.id = d.endpoint
             WHERE m.sent_at >= ?1 AND f.name GLOB '*/@*' AND t.name GLOB '*/@*' ORDER BY d.id",
        )?;
        let rows = statement
            .query_map(params![since.as_millisecond()], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
            })?
            .collect::<Result<Vec<_>, _>>()?;
        let written = |(from, to, at): (String, String, i64)| {
            let (from, to) = (from.parse().ok()?, to.parse().ok()?);
            Some(RecentDm { from, to, sent_at: time_from_sql(at) })
        };
        Ok(rows.into_iter().filter_map(written).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Author, Endpoint, LetsChatUserId, Message, MessageKind, Network};

    #[test]
    fn text_of_a_delivered_message_is_erased_and_its_id_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut store = Store::open(directory.path()).expect("opens");
        let bob = UserRef::LetsChat(LetsChatUserId("b0b".into()));
        let to = store.user_endpoint_id(&bob).expect("works");
        let (author, sent_at) = (Author::named("ann"), Timestamp::UNIX_EPOCH);
        let body = "the secret of the samovar".to_owned();
        let message = Message { source: to, author, kind: MessageKind::Text, body, sent_at };
        let id = store.record(&message, Some("one")).expect("works").expect("new");
        let delivery_id = store.enqueue(id, to).expect("works");
        store.commit().expect("works");
        store.ack_delivery(delivery_id, None, sent_at).expect("works");
        store.erase_text(delivery_id).expect("works");
        store.commit().expect("works");
        assert!(store.contains(to, "one").expect("works"));
        store.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("works");
        drop(store);
        for entry in std::fs::read_dir(directory.path()).expect("is there") {
            let bytes = std::fs::read(entry.expect("is there").path()).expect("is there");
            assert!(!bytes.windows(7).any(|it| it == b"samovar"));
        }
    }

    #[test]
    fn records_of_direct_messages_are_erased_but_pending_ones_kept() {
        let mut store = Store::in_memory().expect("a store in memory");
        let party = |name: &str| UserRef::Nick(Network::new("office"), name.into());
        let tea = store.endpoint_id(&Endpoint::room("tea")).expect("works");
        for (name, done, source) in
            [("old", true, None), ("waits", false, None), ("room", true, Some(tea))]
        {
            let [from, to] = [name.to_owned(), format!("to-{name}")]
                .map(|it| store.user_endpoint_id(&party(&it)).expect("works"));
            let (author, sent_at) = (Author::named(name), Timestamp::UNIX_EPOCH);
            let source = source.unwrap_or(from);
            let message =
                Message { source, author, kind: MessageKind::Text, body: "hi".into(), sent_at };
            let id = store.record(&message, None).expect("works").expect("new");
            let delivery_id = store.enqueue(id, to).expect("works");
            if done {
                store.ack_delivery(delivery_id, None, sent_at).expect("works");
            }
        }
        store.commit().expect("works");
        store.erase_settled_texts("2000-01-01T00:00:00Z".parse().expect("a time")).expect("works");
        let names: String = store
            .connection
            .query_row(
                "SELECT group_concat(name, ';') FROM (SELECT name FROM endpoint ORDER BY id)",
                [],
                |row| row.get(0),
            )
            .expect("works");
        assert_eq!(
            names,
            "letschat/tea;office/@nick waits;office/@nick to-waits;office/@nick to-room"
        );
    }

    #[test]
    fn rejected_direct_message_is_erased_once_reported() {
        let mut store = Store::in_memory().expect("a store in memory");
        let [ann, bob] = ["ann", "bob"].map(|name| {
            store
                .user_endpoint_id(&UserRef::Nick(Network::new("office"), name.into()))
                .expect("works")
        });
        let refuse = |store: &mut Store, body: &str| {
            let (author, sent_at) = (Author::named("ann"), Timestamp::UNIX_EPOCH);
            let (body, source) = (body.to_owned(), ann);
            let message = Message { source, author, kind: MessageKind::Text, body, sent_at };
            let id = store.record(&message, None).expect("works").expect("new");
            let delivery_id = store.enqueue(id, bob).expect("works");
            store.reject_delivery(delivery_id, "gone", sent_at).expect("works");
            store.mark_unreported(delivery_id).expect("works");
        };
        let bodies = |store: &Store| -> String {
            let all = "SELECT group_concat(body || author, ';') FROM message";
            store.connection.query_row(all, [], |row| row.get(0)).expect("works")
        };
        refuse(&mut store, "one");
        let untold = store.unreported_failures().expect("works").remove(0);
        refuse(&mut store, "two");
        store.mark_direct_reported(&untold).expect("works");
        assert_eq!(bodies(&store), ";twoann");
        assert_eq!(store.unreported_failures().expect("works").len(), 1);
        store.discard_reports(bob).expect("works");
        assert_eq!(bodies(&store), ";twoann");
        store.discard_reports(ann).expect("works");
        assert_eq!(
            (bodies(&store), store.unreported_failures().expect("works")),
            (";".to_owned(), vec![])
        );
    }

    #[test]
    fn renamed_user_has_one_row() {
        let mut store = Store::in_memory().expect("a store in memory");
        let nick = |n: u32| UserRef::Nick(Network::new("office"), format!("ann{n}").into());
        let endpoint = store.user_endpoint_id(&nick(0)).expect("works");
        for n in 1..20_000 {
            assert!(store.rename_user(endpoint, &nick(n)).expect("works"));
        }
        let rows: i64 = store
            .connection
            .query_row("SELECT COUNT(*) FROM endpoint", [], |row| row.get(0))
            .expect("works");
        assert_eq!(rows, 1);
        assert_eq!(store.user_endpoint_id(&nick(19_999)).expect("works"), endpoint);
        assert_ne!(store.user_endpoint_id(&nick(0)).expect("works"), endpoint);
        assert!(!store.rename_user(endpoint, &nick(0)).expect("works"));
    }

    #[test]
    fn recent_dms_are_listed_without_channel_messages() {
        let mut store = Store::in_memory().expect("a store in memory");
        let ann = UserRef::Nick(Network::new("office"), "ann".into());
        let bob = UserRef::LetsChat(LetsChatUserId("b0b".into()));
        let [from, to] = [&ann, &bob].map(|it| store.user_endpoint_id(it).expect("works"));
        assert_eq!(store.user_endpoint_id(&ann).expect("works"), from);
        let tea = store.endpoint_id(&Endpoint::room("tea")).expect("works");
        let mut tickets = Vec::new();
        for (source, to) in [(from, to), (tea, from)] {
            let author = Author::named("somebody");
            let (body, sent_at) = ("hi".to_owned(), Timestamp::UNIX_EPOCH);
            let message = Message { source, author, kind: MessageKind::Text, body, sent_at };
            let id = store.record(&message, None).expect("works").expect("new");
            tickets.push(store.enqueue(id, to).expect("works"));
        }
        let written =
            RecentDm { from: ann.clone(), to: bob.clone(), sent_at: Timestamp::UNIX_EPOCH };
        assert_eq!(store.dms_since(Timestamp::UNIX_EPOCH).expect("works"), [written]);
        let awaiting = store.users_with_pending().expect("works");
        assert_eq!(awaiting, [(from, ann.clone()), (to, bob)]);
        store.ack_delivery(DeliveryId(tickets[0].0), None, Timestamp::UNIX_EPOCH).expect("works");
        assert_eq!(store.users_with_pending().expect("works"), [(from, ann.clone())]);
        let parties = [from, tea].map(|it| store.user_of_endpoint(it).expect("works"));
        assert_eq!(parties, [Some(ann), None]);
    }
}
