//! Who is who in the archive: a person is all the names by which they speak.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::super::columns::fold_nick;
use super::refusals::Refusals;
use super::words::fold_name;
use super::{ArchiveError, ArchivePerson, ArchivePersonId, ArchiveRoomId};

/// How the key of a nick begins.
const NICK_KEY: &str = "nick ";

/// By what somebody is recognised.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PersonMark {
    /// Their user id in Let's Chat.
    User(String),
    /// Their place in the plan of an import.
    Planned {
        /// Their id there.
        id: String,
        /// How they are called there: the same id in another plan is somebody else's.
        name: String,
    },
    /// Their account at the services of an IRC network.
    Account {
        /// The network.
        network: String,
        /// The account.
        name: String,
    },
    /// Their nick on an IRC network.
    Nick {
        /// The network.
        network: String,
        /// The nick.
        nick: String,
    },
}

impl PersonMark {
    /// As it stands in the table.
    pub(super) fn key(&self) -> String {
        match self {
            Self::User(id) => format!("user {id}"),
            Self::Planned { id, name } => format!("plan {id} {name}"),
            Self::Account { network, name } => format!("account {network} {}", fold_nick(name)),
            Self::Nick { network, nick } => format!("{NICK_KEY}{network} {}", fold_nick(nick)),
        }
    }
}

/// What tells who somebody is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct PersonMarks {
    /// Marks that only they have. People who were thought to be several become one by them.
    pub sure: Vec<PersonMark>,
    /// Marks that may have been somebody else's before. They count if no other mark is known.
    pub likely: Vec<PersonMark>,
}

/// The person with these marks, added as `name` if nobody has them.
pub(super) fn resolve(
    connection: &Connection,
    marks: &PersonMarks,
    name: &str,
) -> rusqlite::Result<ArchivePersonId> {
    let sure: Vec<String> = marks.sure.iter().map(PersonMark::key).collect();
    let likely: Vec<String> = marks.likely.iter().map(PersonMark::key).collect();
    let mut found = BTreeSet::new();
    for key in &sure {
        found.extend(person_with(connection, key)?);
    }
    if found.is_empty() {
        for key in &likely {
            if let Some(person) = person_with(connection, key)? {
                found.insert(person);
                break;
            }
        }
    }
    let mut found = found.into_iter();
    let person = match found.next() {
        Some(person) => person,
        None => {
            connection.prepare_cached("INSERT INTO person (name) VALUES (?1)")?.execute([name])?;
            connection.last_insert_rowid()
        }
    };
    for other in found {
        join(connection, person, other)?;
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO person_key (key, person) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    )?;
    for key in sure.iter().chain(&likely) {
        statement.execute(params![key, person])?;
    }
    Ok(ArchivePersonId(person))
}

/// Whether the key is one of a mark that may have been somebody else's before.
pub(super) fn is_likely_key(key: &str) -> bool {
    key.starts_with(NICK_KEY)
}

/// The keys of all marks of a person.
pub(super) fn keys_of(
    connection: &Connection,
    person: ArchivePersonId,
) -> rusqlite::Result<Vec<String>> {
    let mut statement =
        connection.prepare_cached("SELECT key FROM person_key WHERE person = ?1 ORDER BY key")?;
    statement.query_map([person.0], |row| row.get(0))?.collect()
}

/// The marks by which somebody may be known who was perhaps taken out: those that were not, and those with which they have
/// spoken again. `None` if they have not spoken again.
pub(super) fn without_refused(
    connection: &Connection,
    marks: &PersonMarks,
    refusals: &Refusals,
) -> rusqlite::Result<Option<PersonMarks>> {
    if refusals.is_without_names() {
        return Ok(Some(marks.clone()));
    }
    let (mut is_known, mut is_refused) = (false, false);
    let mut keep = |mark: &PersonMark| -> rusqlite::Result<Option<PersonMark>> {
        let is_here = person_with(connection, &mark.key())?.is_some();
        is_known |= is_here;
        let is_kept = is_here || !refusals.has_mark(mark);
        is_refused |= !is_kept;
        Ok(is_kept.then(|| mark.clone()))
    };
    let mut kept = |marks: &[PersonMark]| -> rusqlite::Result<Vec<PersonMark>> {
        let marks = marks.iter().map(&mut keep).collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(marks.into_iter().flatten().collect())
    };
    let marks = PersonMarks { sure: kept(&marks.sure)?, likely: kept(&marks.likely)? };
    Ok((is_known || !is_refused).then_some(marks))
}

fn person_with(connection: &Connection, key: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT person FROM person_key WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

/// Two people turn out to be one.
fn join(connection: &Connection, person: i64, other: i64) -> rusqlite::Result<()> {
    for sql in [
        "UPDATE speaker SET person = ?1 WHERE person = ?2",
        "UPDATE person_key SET person = ?1 WHERE person = ?2",
    ] {
        connection.prepare_cached(sql)?.execute([person, other])?;
    }
    connection.prepare_cached("DELETE FROM person WHERE id = ?1")?.execute([other])?;
    Ok(())
}

/// The number of the speaker `name` of this network or of Let's Chat.
pub(super) fn speaker(
    connection: &Connection,
    (scope, name): (&str, &str),
    person: ArchivePersonId,
) -> rusqlite::Result<i64> {
    let known = connection
        .prepare_cached(
            "SELECT id FROM speaker WHERE scope = ?1 AND name = ?2 AND person = ?3 LIMIT 1",
        )?
        .query_row(params![scope, name, person.0], |row| row.get(0))
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    connection
        .prepare_cached(
            "INSERT INTO speaker (scope, name, folded, person) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![scope, name, fold_name(name), person.0])?;
    Ok(connection.last_insert_rowid())
}

/// The person with this number, with all their names.
pub(super) fn person(
    connection: &Connection,
    id: ArchivePersonId,
) -> Result<Option<ArchivePerson>, ArchiveError> {
    let name = connection
        .prepare_cached("SELECT name FROM person WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()?;
    let Some(name) = name else { return Ok(None) };
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT name FROM speaker WHERE person = ?1 ORDER BY folded, name",
    )?;
    let names = statement.query_map([id.0], |row| row.get(0))?;
    Ok(Some(ArchivePerson { id, name, names: names.collect::<Result<_, _>>()? }))
}

/// The people with this name, exactly but for case: `dave`, or `libera/dave` for a name on one network only.
pub(super) fn with_name(
    connection: &Connection,
    name: &str,
) -> Result<Vec<ArchivePerson>, ArchiveError> {
    let (scope, name) = match name.split_once('/') {
        Some((scope, name)) => (Some(scope), name),
        None => (None, name),
    };
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT person FROM speaker WHERE folded = ?1 AND (?2 IS NULL OR scope = ?2)
         ORDER BY person",
    )?;
    let people = statement
        .query_map(params![fold_name(name), scope], |row| row.get(0))?
        .collect::<Result<Vec<i64>, _>>()?;
    let people = people.into_iter().map(|id| person(connection, ArchivePersonId(id)));
    Ok(people.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Up to `limit` people who have spoken in these rooms, and one of whose names begins with `prefix`.
pub(super) fn with_prefix(
    connection: &Connection,
    rooms: &[ArchiveRoomId],
    prefix: &str,
    limit: usize,
) -> Result<Vec<ArchivePerson>, ArchiveError> {
    let rooms: BTreeSet<i64> = rooms.iter().map(|room| room.0).collect();
    let folded = fold_name(prefix);
    let mut statement = connection.prepare_cached(
        "SELECT s.person, sr.room FROM speaker s JOIN speaker_room sr ON sr.speaker = s.id
         WHERE substr(s.folded, 1, length(?1)) = ?1 ORDER BY s.folded, s.id",
    )?;
    let mut rows = statement.query([&folded])?;
    let mut people = Vec::new();
    let mut seen = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let (id, room): (i64, i64) = (row.get(0)?, row.get(1)?);
        if people.len() >= limit {
            break;
        }
        if rooms.contains(&room) && seen.insert(id) {
            people.extend(person(connection, ArchivePersonId(id))?);
        }
    }
    Ok(people)
}
