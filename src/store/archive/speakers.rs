//! Whose lines are taken out: the speakers of a person, here or as another archive describes them.

use std::collections::{BTreeSet, HashSet};

use rusqlite::{Connection, params};

use super::super::RedactedItems;
use super::ArchivePersonId;
use super::people::is_likely_key;
use super::refusals::{mark_digest, name_digest};
use super::words::speaker_term;

/// A person with one of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedSpeaker {
    pub(super) id: i64,
    pub(super) scope: String,
    pub(super) name: String,
    person: i64,
}

fn all(db: &Connection) -> rusqlite::Result<Vec<NamedSpeaker>> {
    let mut statement = db.prepare_cached("SELECT id, scope, name, person FROM speaker")?;
    let speakers = statement.query_map([], |row| {
        Ok(NamedSpeaker {
            id: row.get(0)?,
            scope: row.get(1)?,
            name: row.get(2)?,
            person: row.get(3)?,
        })
    })?;
    speakers.collect()
}

/// The speakers of a person.
pub(super) fn of_person(
    db: &Connection,
    person: ArchivePersonId,
) -> rusqlite::Result<Vec<NamedSpeaker>> {
    let mut speakers = all(db)?;
    speakers.retain(|speaker| speaker.person == person.0);
    Ok(speakers)
}

/// The speakers that another archive means: all of who has one of the marks for certain, and those with one of the names. Of
/// several people with that name, those who have one of the marks; without any, all of them.
pub(super) fn matching(
    db: &Connection,
    items: &RedactedItems,
) -> rusqlite::Result<Vec<NamedSpeaker>> {
    if items.names.is_empty() && items.marks.is_empty() {
        return Ok(Vec::new());
    }
    let (mut certain, mut marked) = (HashSet::new(), HashSet::new());
    let mut statement = db.prepare_cached("SELECT key, person FROM person_key")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_str()?;
        if items.marks.contains(&mark_digest(key)) {
            let person: i64 = row.get(1)?;
            marked.insert(person);
            if !is_likely_key(key) {
                certain.insert(person);
            }
        }
    }
    let mut speakers = all(db)?;
    let names: Vec<i64> = speakers.iter().map(|it| name_digest(&it.scope, &it.name)).collect();
    let of_marked = speakers.iter().zip(&names).filter(|(it, _)| marked.contains(&it.person));
    let settled: HashSet<i64> = of_marked.map(|(_, name)| *name).collect();
    let mut digests = names.iter();
    speakers.retain(|speaker| {
        let Some(name) = digests.next() else { return false };
        let is_named = items.names.contains(name);
        certain.contains(&speaker.person)
            || is_named && (marked.contains(&speaker.person) || !settled.contains(name))
    });
    Ok(speakers)
}

/// Forgets the names of these speakers, unless they have lines that stay.
pub(super) fn forget(db: &Connection, speakers: &[NamedSpeaker]) -> rusqlite::Result<()> {
    for speaker in speakers {
        // Lines that were taken out one by one before.
        db.execute(
            "UPDATE line SET speaker = NULL WHERE speaker = ?1 AND redaction IS NOT NULL",
            [speaker.id],
        )?;
        db.execute("DELETE FROM speaker_room WHERE speaker = ?1", [speaker.id])?;
        db.execute(
            "INSERT INTO speaker_room (room, speaker)
             SELECT DISTINCT l.room, ?1 FROM word w JOIN line l ON l.id = w.rowid WHERE w.word MATCH ?2",
            params![speaker.id, format!("\"{}\"", speaker_term(speaker.id))],
        )?;
        db.execute(
            "DELETE FROM speaker WHERE id = ?1
                 AND NOT EXISTS (SELECT 1 FROM line WHERE speaker = ?1)",
            [speaker.id],
        )?;
    }
    let people: BTreeSet<i64> = speakers.iter().map(|speaker| speaker.person).collect();
    for person in people {
        for sql in [
            "DELETE FROM person_key WHERE person = ?1
                 AND NOT EXISTS (SELECT 1 FROM speaker WHERE person = ?1)",
            "DELETE FROM person WHERE id = ?1
                 AND NOT EXISTS (SELECT 1 FROM speaker WHERE person = ?1)",
            // Who has spoken again is called by a name that is still there.
            "UPDATE person SET name = (SELECT name FROM speaker WHERE person = ?1 ORDER BY id LIMIT 1)
             WHERE id = ?1 AND NOT EXISTS (
                 SELECT 1 FROM speaker WHERE person = ?1 AND speaker.name = person.name)",
        ] {
            db.execute(sql, [person])?;
        }
    }
    Ok(())
}
