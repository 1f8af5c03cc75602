//! Endpoints: their ids, and the cursors of rooms.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::columns::time_from_sql;
use super::mutation::Mutation;
use super::{Store, StoreError};
use crate::domain::{Endpoint, EndpointId};

impl Store {
    /// The id of `endpoint`, assigned now if there is none yet.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn endpoint_id(&mut self, endpoint: &Endpoint) -> Result<EndpointId, StoreError> {
        // A room known by its slug may now be configured by its id.
        let id = match endpoint {
            Endpoint::Room(id) => Some(id.as_ref()),
            Endpoint::Channel { .. } => None,
        };
        self.id_by_name(endpoint.to_string(), id)
    }

    /// The id of the endpoint called `name`, or of the room with this remote id.
    pub(super) fn id_by_name(
        &mut self,
        name: String,
        id: Option<&str>,
    ) -> Result<EndpointId, StoreError> {
        let known = self
            .connection
            .prepare_cached(
                "SELECT id FROM endpoint WHERE name = ?1 OR remote_id = ?2 ORDER BY name = ?1 DESC",
            )?
            .query_row(params![name, id], |row| row.get(0))
            .optional()?;
        if let Some(id) = known {
            return Ok(EndpointId(id));
        }
        let id = self.connection.query_row(
            "SELECT COALESCE(MAX(id), 0) + 1 FROM endpoint",
            [],
            |row| row.get(0),
        )?;
        self.apply(Mutation::InsertEndpoint { id: EndpointId(id), name })?;
        Ok(EndpointId(id))
    }

    /// The channels and rooms that undelivered messages go to or come from, and whether any go there.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn endpoints_with_pending(&self) -> Result<Vec<(EndpointId, Endpoint, bool)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT p.id, p.name, MAX(o.is_destination) FROM
                (SELECT DISTINCT endpoint AS id, 1 AS is_destination FROM delivery WHERE state < 3
                 UNION ALL
                 SELECT DISTINCT m.endpoint, 0 FROM delivery d JOIN message m ON m.id = d.message
                 WHERE d.state < 3) o
             JOIN endpoint p ON p.id = o.id WHERE p.name NOT GLOB '*/@*' GROUP BY p.id",
        )?;
        let rows = statement
            .query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?)))?
            .collect::<Result<Vec<_>, _>>()?;
        let endpoint = |(id, name, is_destination): (i64, String, bool)| {
            Some((EndpointId(id), Endpoint::parse(&name)?, is_destination))
        };
        Ok(rows.into_iter().filter_map(endpoint).collect())
    }

    /// Records the remote id of a room. A room configured by id before and by slug now keeps its cursor,
    /// ledger and outbox.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn set_room_id(&mut self, endpoint: EndpointId, remote_id: &str) -> Result<(), StoreError> {
        // At each join but the first.
        if self.room_id(endpoint)?.as_deref() == Some(remote_id) {
            return Ok(());
        }
        let before: Option<i64> = self
            .connection
            .prepare_cached(
                "SELECT id FROM endpoint WHERE (remote_id = ?1 OR name = 'letschat/' || ?1) AND id <> ?2",
            )?
            .query_row(params![remote_id, endpoint.0], |row| row.get(0))
            .optional()?;
        if let Some(before) = before.map(EndpointId) {
            for merged in [endpoint, before] {
                self.write_position(merged)?;
                self.forget_position(merged);
            }
            self.apply(Mutation::MergeRooms { endpoint, before })?;
        }
        self.apply(Mutation::SetRoomId { endpoint, remote_id: remote_id.to_owned() })
    }

    /// The remote id of a room; `None` before it was first joined.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn room_id(&self, endpoint: EndpointId) -> Result<Option<String>, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT remote_id FROM endpoint WHERE id = ?1")?
            .query_row([endpoint.0], |row| row.get(0))
            .optional()?
            .flatten())
    }

    /// The last post read in the room.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn room_cursor(&self, endpoint: EndpointId) -> Result<Option<String>, StoreError> {
        if let Some((cursor, _)) = self.known_position(endpoint) {
            return Ok(cursor);
        }
        Ok(self
            .connection
            .prepare_cached("SELECT cursor FROM endpoint WHERE id = ?1")?
            .query_row([endpoint.0], |row| row.get(0))
            .optional()?
            .flatten())
    }

    /// The newest post of the room when the bridge first saw it.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn first_seen_post(&self, endpoint: EndpointId) -> Result<Option<String>, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT first_seen_post FROM endpoint WHERE id = ?1")?
            .query_row([endpoint.0], |row| row.get(0))
            .optional()?
            .flatten())
    }

    /// Records that `post` was the room's newest when the bridge first saw it: earlier posts are not
    /// mirrored.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn init_room(
        &mut self,
        endpoint: EndpointId,
        post: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.apply(Mutation::SetFirstSeenPost { endpoint, post: post.to_owned() })?;
        self.advance_room_cursor(endpoint, post, Some(now))?;
        // Without it, the next start would take a later post for the first one.
        self.write_position(endpoint)
    }

    /// Advances the room's cursor to `post`; it never goes back. If everything before was read, this also
    /// updates when the room was last seen.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn advance_room_cursor(
        &mut self,
        endpoint: EndpointId,
        post: &str,
        last_seen: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.move_in_room(endpoint, post, last_seen)
    }

    /// Records that the room was connected and fully read at `at`.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn touch_room(&mut self, endpoint: EndpointId, at: Timestamp) -> Result<(), StoreError> {
        self.touch_endpoint(endpoint, at)
    }

    /// When the room was last connected and fully read.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn room_last_seen(&self, endpoint: EndpointId) -> Result<Option<Timestamp>, StoreError> {
        if let Some((_, last_seen)) = self.known_position(endpoint) {
            return Ok(last_seen.map(time_from_sql));
        }
        let last_seen: Option<i64> = self
            .connection
            .prepare_cached("SELECT last_seen FROM endpoint WHERE id = ?1")?
            .query_row([endpoint.0], |row| row.get(0))
            .optional()?
            .flatten();
        Ok(last_seen.map(time_from_sql))
    }

    /// Records whether users were notified of the endpoint's outage.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn set_outage_announced(
        &mut self,
        endpoint: EndpointId,
        announced: bool,
    ) -> Result<(), StoreError> {
        self.apply(Mutation::SetOutageAnnounced { endpoint, announced })
    }

    /// The bot has said in the room what it is.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_introduced(&mut self, endpoint: EndpointId) -> Result<(), StoreError> {
        self.apply(Mutation::SetIntroduced { endpoint })
    }

    /// Whether the bot has said in the room what it is.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn is_introduced(&self, endpoint: EndpointId) -> Result<bool, StoreError> {
        let introduced = self
            .connection
            .prepare_cached("SELECT introduced FROM endpoint WHERE id = ?1")?
            .query_row([endpoint.0], |row| row.get(0))
            .optional()?;
        Ok(introduced.unwrap_or(false))
    }

    /// Whether users were notified of the endpoint's outage.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn is_outage_announced(&self, endpoint: EndpointId) -> Result<bool, StoreError> {
        let announced = self
            .connection
            .prepare_cached("SELECT outage_announced FROM endpoint WHERE id = ?1")?
            .query_row([endpoint.0], |row| row.get(0))
            .optional()?;
        Ok(announced.unwrap_or(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Network;

    fn store() -> Store {
        Store::in_memory().expect("a store in memory")
    }

    #[test]
    fn endpoint_keeps_its_id() {
        let mut store = store();
        let tea = Endpoint::channel(&Network::new("office"), "#tea");
        let first = store.endpoint_id(&tea).expect("works");
        let other = store.endpoint_id(&Endpoint::room("tea")).expect("works");
        assert_ne!(first, other);
        assert_eq!(store.endpoint_id(&tea).expect("works"), first);
    }

    #[test]
    fn room_cursor_never_moves_back() {
        let mut store = store();
        let tea = store.endpoint_id(&Endpoint::room("tea")).expect("works");
        assert_eq!(store.room_cursor(tea).expect("works"), None);
        for (post, then) in [("b", "b"), ("a", "b"), ("c", "c")] {
            store.advance_room_cursor(tea, post, None).expect("works");
            assert_eq!(store.room_cursor(tea).expect("works").as_deref(), Some(then));
        }
    }

    #[test]
    fn room_configured_by_slug_or_id_is_one_endpoint() {
        let id = "6b035f6a8d054a41e16a056d";
        for (before, after) in [("tea", id), (id, "tea")] {
            let mut store = store();
            let first = store.endpoint_id(&Endpoint::room(before)).expect("works");
            store.set_room_id(first, id).expect("works");
            store.advance_room_cursor(first, "post", None).expect("works");
            let second = store.endpoint_id(&Endpoint::room(after)).expect("works");
            store.set_room_id(second, id).expect("works");
            assert_eq!(
                store.room_cursor(second).expect("works").as_deref(),
                Some("post"),
                "{after}"
            );
        }
    }
}
