//! What was said at one end of a link and not mirrored to the other one, because of its phase or its direction.
//!
//! Only which messages these are is kept here; the messages themselves are those of the ledger, and what the ledger
//! forgets is forgotten here, too.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::columns::{MESSAGE_COLUMNS, message_from_row, time_from_sql};
use super::ledger::MessageId;
use super::mutation::{Mutation, UnheardMutation};
use super::phase_rows::{UnheardLink, UnheardRange};
use super::{Store, StoreError};
use crate::domain::{EndpointId, Message};

/// How much was not mirrored over one direction of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnheardCount {
    /// The direction of the link.
    pub link: UnheardLink,
    /// The messages that nobody has asked for.
    pub offered: u64,
    /// The messages that wait to be delivered, because an administrator has asked for them.
    pub asked: u64,
    /// When the first and the last of those that nobody has asked for were said.
    pub offered_span: Option<(Timestamp, Timestamp)>,
}

impl Store {
    /// Records that a message was not mirrored over the link.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn add_unheard(&mut self, link: UnheardLink, message: MessageId) -> Result<(), StoreError> {
        self.apply(Mutation::Unheard(UnheardMutation::Add { link, message: message.0 }))
    }

    /// Forgets that a message was not mirrored over the link.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn remove_unheard(
        &mut self,
        link: UnheardLink,
        message: MessageId,
    ) -> Result<(), StoreError> {
        self.apply(Mutation::Unheard(UnheardMutation::Remove { link, message: message.0 }))
    }

    /// Records that an administrator wants what was said in this time.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn ask_for_unheard(
        &mut self,
        link: UnheardLink,
        range: UnheardRange,
    ) -> Result<(), StoreError> {
        self.apply(Mutation::Unheard(UnheardMutation::Ask { link, range }))
    }

    /// Records that what was asked for on this link is not wanted any more.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn unask_unheard(&mut self, link: UnheardLink) -> Result<(), StoreError> {
        self.apply(Mutation::Unheard(UnheardMutation::Unask { link }))
    }

    /// How much was not mirrored over each direction of each link, if anything was. Reads all of it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn unheard_counts(&self) -> Result<Vec<UnheardCount>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT u.channel, u.room, u.to_irc, SUM(u.asked = 0), SUM(u.asked),
                 MIN(CASE WHEN u.asked = 0 THEN m.sent_at END),
                 MAX(CASE WHEN u.asked = 0 THEN m.sent_at END)
             FROM unheard u JOIN message m ON m.id = u.message
             GROUP BY u.channel, u.room, u.to_irc",
        )?;
        let rows = statement.query_map([], |row| {
            let time = |at: Option<i64>| at.map(time_from_sql);
            Ok(UnheardCount {
                link: UnheardLink {
                    channel: EndpointId(row.get(0)?),
                    room: EndpointId(row.get(1)?),
                    to_irc: row.get(2)?,
                },
                offered: row.get::<_, i64>(3)?.unsigned_abs(),
                asked: row.get::<_, i64>(4)?.unsigned_abs(),
                offered_span: time(row.get(5)?).zip(time(row.get(6)?)),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How much of what was said in this time nobody has asked for, and when the first and the last of it was said.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn unheard_in(
        &self,
        link: UnheardLink,
        range: UnheardRange,
    ) -> Result<(u64, Option<(Timestamp, Timestamp)>), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT COUNT(*), MIN(m.sent_at), MAX(m.sent_at)
             FROM unheard u JOIN message m ON m.id = u.message
             WHERE u.channel = ?1 AND u.room = ?2 AND u.to_irc = ?3 AND u.asked = 0
                 AND m.sent_at >= ?4 AND m.sent_at < ?5",
        )?;
        let UnheardLink { channel, room, to_irc } = link;
        let (from, to) = (range.from.as_millisecond(), range.to.as_millisecond());
        Ok(statement.query_row(params![channel.0, room.0, to_irc, from, to], |row| {
            let time = |at: Option<i64>| at.map(time_from_sql);
            let span = time(row.get(1)?).zip(time(row.get(2)?));
            Ok((row.get::<_, i64>(0)?.unsigned_abs(), span))
        })?)
    }

    /// The first messages that were asked for on this link, in the order in which they were received.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn asked_unheard(
        &self,
        link: UnheardLink,
        limit: u32,
    ) -> Result<Vec<(MessageId, Message)>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT m.id, {MESSAGE_COLUMNS} FROM unheard u JOIN message m ON m.id = u.message
             WHERE u.channel = ?1 AND u.room = ?2 AND u.to_irc = ?3 AND u.asked = 1
             ORDER BY u.message LIMIT ?4",
        ))?;
        let UnheardLink { channel, room, to_irc } = link;
        let rows = statement.query_map(params![channel.0, room.0, to_irc, limit], |row| {
            Ok((MessageId(row.get(0)?), message_from_row(row, 1)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps at most so many messages of one direction of a link: the last ones.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn trim_unheard(&mut self, link: UnheardLink, most: u32) -> Result<(), StoreError> {
        let UnheardLink { channel, room, to_irc } = link;
        let first: Option<i64> = self
            .connection
            .prepare_cached(
                "SELECT message FROM unheard WHERE channel = ?1 AND room = ?2 AND to_irc = ?3
                 ORDER BY message DESC LIMIT 1 OFFSET ?4",
            )?
            .query_row(params![channel.0, room.0, to_irc, most], |row| row.get(0))
            .optional()?;
        match first {
            Some(beyond) => {
                let first = beyond + 1;
                self.apply(Mutation::Unheard(UnheardMutation::Trim { link, first }))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Author, Endpoint, MessageKind, Network};

    struct UnheardFixture {
        store: Store,
        link: UnheardLink,
    }

    impl UnheardFixture {
        fn new() -> Self {
            let mut store = Store::in_memory().expect("a store in memory");
            let channel = Endpoint::channel(&Network::new("office"), "#tea");
            let channel = store.endpoint_id(&channel).expect("works");
            let room = store.endpoint_id(&Endpoint::room("tea")).expect("works");
            Self { store, link: UnheardLink { channel, room, to_irc: false } }
        }

        /// Somebody says this in the channel at this second, and it is not mirrored.
        fn say(&mut self, text: &str, second: i64) -> MessageId {
            let message = Message {
                source: self.link.channel,
                author: Author::named("ann"),
                kind: MessageKind::Text,
                body: text.to_owned(),
                sent_at: at(second),
            };
            let id = self.store.record(&message, None).expect("works").expect("new");
            self.store.add_unheard(self.link, id).expect("works");
            id
        }

        fn asked(&self) -> Vec<String> {
            let asked = self.store.asked_unheard(self.link, 9).expect("works");
            asked.into_iter().map(|(_, message)| message.body).collect()
        }

        fn ask(&mut self, from: i64, to: i64) -> u64 {
            let range = UnheardRange { from: at(from), to: at(to) };
            let (count, _) = self.store.unheard_in(self.link, range).expect("works");
            self.store.ask_for_unheard(self.link, range).expect("works");
            count
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn what_is_asked_for_is_found_in_order_until_it_is_removed() {
        let mut scene = UnheardFixture::new();
        let ids = [("one", 10), ("two", 20), ("three", 30)].map(|(text, at)| scene.say(text, at));
        assert_eq!(scene.asked(), [""; 0]);
        assert_eq!(scene.ask(10, 30), 2);
        assert_eq!(scene.asked(), ["one", "two"]);
        assert_eq!(scene.ask(10, 30), 0, "both are asked for");
        let count = scene.store.unheard_counts().expect("works")[0];
        assert_eq!((count.offered, count.asked), (1, 2));
        assert_eq!(count.offered_span, Some((at(30), at(30))));
        scene.store.remove_unheard(scene.link, ids[0]).expect("works");
        assert_eq!(scene.asked(), ["two"]);
        scene.store.unask_unheard(scene.link).expect("works");
        assert_eq!(scene.asked(), [""; 0]);
        assert_eq!(scene.ask(0, 100), 2);
    }

    #[test]
    fn only_the_last_ones_are_kept_and_only_as_long_as_the_ledger_has_them() {
        let mut scene = UnheardFixture::new();
        for second in 1..=5 {
            scene.say(&second.to_string(), second);
        }
        scene.store.trim_unheard(scene.link, 9).expect("works");
        scene.store.trim_unheard(scene.link, 3).expect("works");
        scene.store.prune(at(4), 9).expect("works");
        assert_eq!(scene.ask(0, 100), 2);
        assert_eq!(scene.asked(), ["4", "5"]);
    }
}
