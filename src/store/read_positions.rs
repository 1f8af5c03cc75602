//! How far each channel and room was read, as far as the database does not say it yet.
//!
//! Whoever reads from an older cursor after a kill is told messages again that the ledger knows. So a cursor need not be
//! written with each message: it is with each tick, and after [`MAX_MOVES`] messages. It must never be ahead of the ledger,
//! so it is written behind what was recorded before, in the same transaction or a later one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::mutation::Mutation;
use super::{Store, StoreError};
use crate::domain::EndpointId;

/// After so many moves a position is written. As many messages are asked for again after a kill, for each channel and room.
const MAX_MOVES: u32 = 16;

/// The length of the time at the beginning of a channel's cursor, see [`Cursor`](super::Cursor).
const TIME_LENGTH: usize = 15;

/// The positions that were asked for since the store was opened.
#[derive(Debug, Default)]
pub(super) struct ReadPositions(HashMap<EndpointId, ReadPosition>);

/// How far a channel or room was read, and when it was last known to be connected.
#[derive(Debug, Clone, Default)]
struct ReadPosition {
    cursor: Option<String>,
    last_seen: Option<i64>,
    /// The bridge has joined the channel before.
    is_joined: bool,
    /// How often it has moved since it was written.
    moves: u32,
}

impl ReadPosition {
    /// What the database says. An endpoint that is not there was not read.
    fn load(connection: &Connection, endpoint: EndpointId) -> rusqlite::Result<Self> {
        let sql = "SELECT cursor, last_seen, first_joined IS NOT NULL FROM endpoint WHERE id = ?1";
        let row = connection.prepare_cached(sql)?.query_row([endpoint.0], |row| {
            Ok(Self {
                cursor: row.get(0)?,
                last_seen: row.get(1)?,
                is_joined: row.get(2)?,
                moves: 0,
            })
        });
        Ok(row.optional()?.unwrap_or_default())
    }

    fn touch(&mut self, at: Timestamp) {
        if self.last_seen.is_none_or(|last| last < at.as_millisecond()) {
            self.see(at);
            self.moves += 1;
        }
    }

    fn see(&mut self, at: Timestamp) {
        self.last_seen = self.last_seen.max(Some(at.as_millisecond()));
    }

    fn advance_room(&mut self, post: &str, last_seen: Option<Timestamp>) {
        if self.cursor.as_deref().is_none_or(|cursor| cursor < post) {
            self.cursor = Some(post.to_owned());
            self.moves += 1;
            if let Some(at) = last_seen {
                self.see(at);
            }
        }
    }

    /// Moves to the last line received. The cursor's time never goes back, even if the line was sent earlier than the one
    /// before.
    fn advance_channel(&mut self, to: &str, now: Timestamp) {
        let time = self
            .cursor
            .as_deref()
            .filter(|cursor| *cursor > to)
            .and_then(|cursor| cursor.get(..TIME_LENGTH));
        let cursor = match (time, to.get(TIME_LENGTH..)) {
            (Some(time), Some(line)) => format!("{time}{line}"),
            _ => to.to_owned(),
        };
        self.cursor = Some(cursor);
        self.moves += 1;
        self.see(now);
    }
}

impl Store {
    /// Moves the room's cursor to `post`, unless it is there or further.
    pub(super) fn move_in_room(
        &mut self,
        endpoint: EndpointId,
        post: &str,
        last_seen: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.position(endpoint)?.advance_room(post, last_seen);
        self.write_position_from(endpoint, MAX_MOVES)
    }

    /// Moves the channel's cursor to the last line received, if the bridge has joined it.
    pub(super) fn move_in_channel(
        &mut self,
        endpoint: EndpointId,
        cursor: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let position = self.position(endpoint)?;
        if position.is_joined {
            position.advance_channel(cursor, now);
        }
        self.write_position_from(endpoint, MAX_MOVES)
    }

    /// A channel that the bridge has joined was connected at `at`.
    pub(super) fn touch_joined(
        &mut self,
        endpoint: EndpointId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let position = self.position(endpoint)?;
        if position.is_joined {
            position.touch(at);
        }
        Ok(())
    }

    /// A room was connected at `at`.
    pub(super) fn touch_endpoint(
        &mut self,
        endpoint: EndpointId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.position(endpoint)?.touch(at);
        Ok(())
    }

    /// The cursor and the last sign of life, where the database may not have them yet.
    pub(super) fn known_position(
        &self,
        endpoint: EndpointId,
    ) -> Option<(Option<String>, Option<i64>)> {
        let position = self.positions.0.get(&endpoint)?;
        Some((position.cursor.clone(), position.last_seen))
    }

    /// The cursor.
    pub(super) fn cursor(&mut self, endpoint: EndpointId) -> Result<Option<String>, StoreError> {
        Ok(self.position(endpoint)?.cursor.clone())
    }

    /// Writes how far it was read, if that is not written yet.
    pub(super) fn write_position(&mut self, endpoint: EndpointId) -> Result<(), StoreError> {
        self.write_position_from(endpoint, 1)
    }

    /// Writes how far each channel and room was read, if that is not written yet.
    pub(super) fn write_positions(&mut self) -> Result<(), StoreError> {
        let moved = self.positions.0.iter().filter(|(_, position)| position.moves > 0);
        let moved: Vec<EndpointId> = moved.map(|(endpoint, _)| *endpoint).collect();
        moved.into_iter().try_for_each(|endpoint| self.write_position(endpoint))
    }

    /// The database says by itself how far it was read: it is asked again.
    pub(super) fn forget_position(&mut self, endpoint: EndpointId) {
        self.positions.0.remove(&endpoint);
    }

    fn position(&mut self, endpoint: EndpointId) -> Result<&mut ReadPosition, StoreError> {
        Ok(match self.positions.0.entry(endpoint) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                unknown.insert(ReadPosition::load(&self.connection, endpoint)?)
            }
        })
    }

    /// Writes how far it was read, if it has moved so often since it was written.
    fn write_position_from(&mut self, endpoint: EndpointId, moves: u32) -> Result<(), StoreError> {
        let Some(position) = self.positions.0.get_mut(&endpoint) else { return Ok(()) };
        if position.moves < moves {
            return Ok(());
        }
        position.moves = 0;
        let (cursor, last_seen) = (position.cursor.clone(), position.last_seen);
        self.apply(Mutation::SetReadPosition { endpoint, cursor, last_seen })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Endpoint, Network};
    use crate::store::{Cursor, DB_FILE};

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).expect("a time")
    }

    /// A store on disk with a joined channel and a room, and what another reader of the database sees of them.
    struct Fixture {
        _directory: tempfile::TempDir,
        reader: Connection,
        store: Store,
        channel: EndpointId,
        room: EndpointId,
    }

    impl Fixture {
        fn new() -> Self {
            let directory = tempfile::tempdir().expect("a directory");
            let mut store = Store::open(directory.path()).expect("opens");
            let channel = Endpoint::channel(&Network::new("office"), "#tea");
            let channel = store.endpoint_id(&channel).expect("works");
            let room = store.endpoint_id(&Endpoint::room("tea")).expect("works");
            store.init_channel(channel, at(1), at(1)).expect("works");
            store.init_room(room, "a", at(1)).expect("works");
            store.commit().expect("works");
            let reader = Connection::open(directory.path().join(DB_FILE)).expect("opens");
            Self { _directory: directory, reader, store, channel, room }
        }

        fn written(&self, endpoint: EndpointId) -> (Option<String>, Option<i64>) {
            let sql = "SELECT cursor, last_seen FROM endpoint WHERE id = ?1";
            let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            self.reader.query_row(sql, [endpoint.0], row).expect("reads")
        }
    }

    #[test]
    fn the_first_position_is_written_at_once() {
        let it = Fixture::new();
        assert_eq!(it.written(it.room), (Some("a".into()), Some(1)));
        assert_eq!(it.written(it.channel), (Some(format!("{:015} -", 1)), Some(1)));
    }

    #[test]
    fn a_position_is_known_at_once_and_written_with_a_tick() {
        let mut it = Fixture::new();
        let (room, channel) = (it.room, it.channel);
        it.store.advance_room_cursor(room, "b", Some(at(5))).expect("works");
        let line = Cursor { time: at(7), last_line: Some(Some("x".into())) };
        it.store.advance_channel_cursor(channel, &line, at(8)).expect("works");
        it.store.commit().expect("works");
        assert_eq!(it.store.room_cursor(room).expect("reads").as_deref(), Some("b"));
        assert_eq!(it.store.room_last_seen(room).expect("reads"), Some(at(5)));
        let progress = it.store.channel_progress(channel).expect("reads").expect("joined");
        assert_eq!((progress.cursor, progress.last_seen), (line.clone(), at(8)));
        assert_eq!(it.written(room), (Some("a".into()), Some(1)));
        it.store.sync().expect("works");
        assert_eq!(it.written(room), (Some("b".into()), Some(5)));
        assert_eq!(it.written(channel), (Some(line.to_string()), Some(8)));
    }

    #[test]
    fn a_position_is_written_with_the_turn_in_which_it_has_moved_far() {
        let mut it = Fixture::new();
        for post in 0..MAX_MOVES {
            let post = format!("p{post:03}");
            it.store.advance_room_cursor(it.room, &post, None).expect("works");
        }
        it.store.set_introduced(it.room).expect("works");
        it.store.commit().expect("works");
        assert_eq!(it.written(it.room).0, Some(format!("p{:03}", MAX_MOVES - 1)));
    }

    #[test]
    fn rooms_that_become_one_keep_what_was_not_written() {
        let mut it = Fixture::new();
        it.store.advance_room_cursor(it.room, "b", None).expect("works");
        let id = "6b035f6a8d054a41e16a056d";
        it.store.set_room_id(it.room, id).expect("works");
        let renamed = it.store.endpoint_id(&Endpoint::room("other")).expect("works");
        assert_eq!(it.store.room_cursor(renamed).expect("reads"), None);
        it.store.set_room_id(renamed, id).expect("works");
        assert_eq!(it.store.room_cursor(renamed).expect("reads").as_deref(), Some("b"));
    }
}
