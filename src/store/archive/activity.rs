//! How much was said by whom in which week, as far as the archive knows.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::columns::{first_number, time_of};
use super::{ArchiveError, ArchivePersonId, ArchiveReader, ArchiveRoomId};
use crate::store::{ActivityCount, Week};

/// The lines of notices of IRC, among those that somebody said.
const NOTICE: i64 = 2;

/// How much one speaker said in one place of a room in one week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveActivity {
    /// Where: `libera/#tea`, `letschat/tea`.
    pub place: String,
    /// When.
    pub week: Week,
    /// The network, or `letschat`; empty if nobody knows any more who it was.
    pub scope: String,
    /// The name used then.
    pub name: String,
    /// Who that is.
    pub person: Option<ArchivePersonId>,
    /// How much.
    pub count: ActivityCount,
}

/// By what the archive recognises people.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KnownMark {
    /// A user id in Let's Chat.
    User(String),
    /// An account at the services of a network, folded.
    Account(String, String),
    /// A nick on a network, folded.
    Nick(String, String),
}

impl ArchiveReader {
    /// What was said in the history of the room from `from` on, and in each place before what `until` says of it. Reads
    /// all lines of that time, without their texts.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn activity(
        &self,
        room: ArchiveRoomId,
        from: Timestamp,
        until: &dyn Fn(&str) -> Timestamp,
    ) -> Result<Vec<ArchiveActivity>, ArchiveError> {
        self.with(|connection| Ok(activity_of(connection, room, from, until)?))
    }

    /// The marks of all people.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn known_marks(&self) -> Result<Vec<(KnownMark, ArchivePersonId)>, ArchiveError> {
        self.with(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT key, person FROM person_key ORDER BY key")?;
            let marks = statement.query_map([], |row| {
                let mark = mark_of(&row.get::<_, String>(0)?);
                Ok(mark.zip(row.get(1).map(ArchivePersonId).ok()))
            })?;
            Ok(marks.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        })
    }

    /// Whether the room holds lines of the place that were imported: from before the bridge heard anything there.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn has_imported(&self, room: ArchiveRoomId) -> Result<bool, ArchiveError> {
        self.with(|connection| {
            let sql =
                "SELECT EXISTS (SELECT 1 FROM room_place WHERE room = ?1 AND heard_first IS NULL)
                           OR COALESCE((SELECT MIN(id) FROM line WHERE room = ?1)
                               < (SELECT MIN(heard_first) FROM room_place WHERE room = ?1), 0)";
            Ok(connection.prepare_cached(sql)?.query_row([room.0], |row| row.get(0))?)
        })
    }
}

fn mark_of(key: &str) -> Option<KnownMark> {
    let (kind, rest) = key.split_once(' ')?;
    let on_network = || rest.split_once(' ').map(|(on, name)| (on.to_owned(), name.to_owned()));
    match kind {
        "user" => Some(KnownMark::User(rest.to_owned())),
        "account" => on_network().map(|(network, name)| KnownMark::Account(network, name)),
        "nick" => on_network().map(|(network, nick)| KnownMark::Nick(network, nick)),
        _ => None,
    }
}

fn activity_of(
    connection: &Connection,
    room: ArchiveRoomId,
    from: Timestamp,
    until: &dyn Fn(&str) -> Timestamp,
) -> rusqlite::Result<Vec<ArchiveActivity>> {
    // One state of all tables, also while the bridge writes.
    let view = connection.unchecked_transaction()?;
    let places = places_of(&view, room, until)?;
    let end = places.values().map(|(_, end)| *end).max().unwrap_or(i64::MIN);
    let mut counts: HashMap<(i64, Week, Option<i64>), ActivityCount> = HashMap::new();
    let mut statement = view.prepare_cached(
        "SELECT id, place, speaker, kind FROM line
         WHERE room = ?1 AND id >= ?2 AND id < ?3 AND kind <= ?4 ORDER BY id",
    )?;
    let mut rows = statement.query(params![room.0, first_number(from), end, NOTICE])?;
    while let Some(row) = rows.next()? {
        let (number, place): (i64, i64) = (row.get(0)?, row.get(1)?);
        if places.get(&place).is_none_or(|(_, end)| number >= *end) {
            continue;
        }
        let at = time_of(number);
        let line = ActivityCount::of_line(at, row.get::<_, i64>(3)? == NOTICE, false);
        let key = (place, Week::of(at), row.get(2)?);
        counts.entry(key).and_modify(|count| count.add(&line)).or_insert(line);
    }
    let mut speaker =
        view.prepare_cached("SELECT scope, name, person FROM speaker WHERE id = ?1")?;
    let mut all = Vec::with_capacity(counts.len());
    for ((place, week, id), count) in counts {
        let found = speaker.query_map([id], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2).map(ArchivePersonId).ok()))
        })?;
        let (scope, name, person) = found.last().transpose()?.unwrap_or_default();
        let place = places.get(&place).map(|(name, _)| name.clone()).unwrap_or_default();
        all.push(ArchiveActivity { place, week, scope, name, person, count });
    }
    Ok(all)
}

/// The places of the room, each with its name and the number of lines before which it is read.
fn places_of(
    view: &Connection,
    room: ArchiveRoomId,
    until: &dyn Fn(&str) -> Timestamp,
) -> rusqlite::Result<HashMap<i64, (String, i64)>> {
    let mut statement = view.prepare_cached(
        "SELECT p.id, p.name FROM room_place rp JOIN place p ON p.id = rp.place WHERE rp.room = ?1",
    )?;
    let places = statement.query_map([room.0], |row| {
        let name: String = row.get(1)?;
        let end = first_number(until(&name));
        Ok((row.get(0)?, (name, end)))
    })?;
    places.collect()
}
