//! Places and how far each has been read.

use rusqlite::{OptionalExtension, params};

use super::{Store, StoreError};
use crate::domain::{Place, PlaceId};

impl Store {
    /// The number of `place`, given to it now if it has none yet.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn place(&mut self, place: &Place) -> Result<PlaceId, StoreError> {
        let name = place.to_string();
        // A room once known by its slug may now be configured by its id.
        let id = match place {
            Place::Room(id) => Some(id.as_ref()),
            Place::Channel { .. } => None,
        };
        let writer = self.writer()?;
        let known = writer
            .prepare_cached(
                "SELECT id FROM place WHERE name = ?1 OR native = ?2 ORDER BY name = ?1 DESC",
            )?
            .query_row(params![name, id], |row| row.get(0))
            .optional()?;
        if let Some(id) = known {
            return Ok(PlaceId(id));
        }
        writer.prepare_cached("INSERT INTO place (name) VALUES (?1)")?.execute([&name])?;
        Ok(PlaceId(writer.last_insert_rowid()))
    }

    /// Learns that the room at `place` has the id `native`. A room that was configured by its id
    /// and is now by its slug takes its cursor, its ledger and its outbox along.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn learn_room(&mut self, place: PlaceId, native: &str) -> Result<(), StoreError> {
        let writer = self.writer()?;
        let before: Option<(i64, Option<String>)> = writer
            .prepare_cached("SELECT id, cursor FROM place WHERE (native = ?1 OR name = 'letschat/' || ?1) AND id <> ?2")?
            .query_row(params![native, place.0], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some((before, cursor)) = before {
            for table in ["message", "delivery"] {
                writer.execute(
                    &format!("UPDATE {table} SET place = ?1 WHERE place = ?2"),
                    params![place.0, before],
                )?;
            }
            writer.execute("DELETE FROM place WHERE id = ?1", [before])?;
            writer.execute(
                "UPDATE place SET cursor = COALESCE(cursor, ?2) WHERE id = ?1",
                params![place.0, cursor],
            )?;
        }
        writer
            .prepare_cached("UPDATE place SET native = ?2 WHERE id = ?1 AND native IS NOT ?2")?
            .execute(params![place.0, native])?;
        Ok(())
    }

    /// The last post read in the room at `place`.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn cursor(&self, place: PlaceId) -> Result<Option<String>, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT cursor FROM place WHERE id = ?1")?
            .query_row([place.0], |row| row.get(0))
            .optional()?
            .flatten())
    }

    /// Moves the cursor of `place` forward to `post`; never back.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn advance(&mut self, place: PlaceId, post: &str) -> Result<(), StoreError> {
        self.writer()?
            .prepare_cached(
                "UPDATE place SET cursor = ?2 WHERE id = ?1 AND (cursor IS NULL OR cursor < ?2)",
            )?
            .execute(params![place.0, post])?;
        Ok(())
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
    fn a_place_keeps_its_number() {
        let mut store = store();
        let tea = Place::channel(&Network::new("office"), "#tea");
        let first = store.place(&tea).expect("works");
        let other = store.place(&Place::room("tea")).expect("works");
        assert_ne!(first, other);
        assert_eq!(store.place(&tea).expect("works"), first);
    }

    #[test]
    fn a_cursor_never_moves_back() {
        let mut store = store();
        let tea = store.place(&Place::room("tea")).expect("works");
        assert_eq!(store.cursor(tea).expect("works"), None);
        for (post, then) in [("b", "b"), ("a", "b"), ("c", "c")] {
            store.advance(tea, post).expect("works");
            assert_eq!(store.cursor(tea).expect("works").as_deref(), Some(then));
        }
    }

    #[test]
    fn a_room_renamed_in_the_configuration_is_the_same_room() {
        let id = "6b035f6a8d054a41e16a056d";
        for (before, after) in [("tea", id), (id, "tea")] {
            let mut store = store();
            let first = store.place(&Place::room(before)).expect("works");
            store.learn_room(first, id).expect("works");
            store.advance(first, "post").expect("works");
            let second = store.place(&Place::room(after)).expect("works");
            store.learn_room(second, id).expect("works");
            assert_eq!(store.cursor(second).expect("works").as_deref(), Some("post"), "{after}");
        }
    }
}
