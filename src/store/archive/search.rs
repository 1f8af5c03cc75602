//! Searching: words, people, rooms and times, all by the index of words.

use std::collections::BTreeSet;
use std::fmt::Write;

use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{NumberedLine, SELECT_LINES, first_number, line_from_row};
use super::lines::{MAX_LINES, find};
use super::query::TypedWords;
use super::words::{room_term, speaker_term};
use super::{ArchiveError, ArchiveHit, ArchiveQuery, ArchiveResults};

/// A person with more names than that is found by these.
const MAX_SPEAKERS: usize = 500;

/// The lines that match, newest first.
pub(super) fn search(
    connection: &Connection,
    query: &ArchiveQuery,
) -> Result<ArchiveResults, ArchiveError> {
    let typed = TypedWords::parse(&query.words);
    let is_unsearchable = typed.is_empty() && !query.words.trim().is_empty();
    if query.rooms.is_empty() || query.limit == 0 || is_unsearchable {
        return Ok(ArchiveResults::default());
    }
    let Some(expression) = expression(connection, query, &typed)? else {
        return Ok(ArchiveResults::default());
    };
    let first = query.from.map_or(0, first_number);
    let mut last = query.to.map_or(i64::MAX, first_number).saturating_sub(1);
    if let Some(before) = query.before {
        last = last.min(number_before(connection, before)?);
    }
    let limit = query.limit.min(MAX_LINES);
    let mut found = FoundHits::new(limit);
    // Messages that are in several rooms are found several times.
    while !found.is_enough() {
        let numbers = newest(connection, &expression, (first, last), limit + 1)?;
        let is_over = numbers.len() <= limit;
        last = numbers.last().copied().unwrap_or(first) - 1;
        lines_with(connection, &numbers)?.into_iter().for_each(|line| found.add(line));
        if is_over {
            break;
        }
    }
    let more = found.lines.len() > limit;
    let lines = found.lines.into_iter().take(limit).map(|found| {
        let marks = typed.marks(&found.line.text);
        ArchiveHit { line: found.line, marks }
    });
    Ok(ArchiveResults { lines: lines.collect(), more })
}

/// What was found so far.
struct FoundHits {
    limit: usize,
    lines: Vec<NumberedLine>,
    /// Of the millisecond of the last line.
    twins: BTreeSet<i64>,
}

impl FoundHits {
    fn new(limit: usize) -> Self {
        Self { limit, lines: Vec::with_capacity(limit + 1), twins: BTreeSet::new() }
    }

    fn is_enough(&self) -> bool {
        self.lines.len() > self.limit
    }

    fn add(&mut self, line: NumberedLine) {
        if self.lines.last().is_none_or(|last| last.line.at != line.line.at) {
            self.twins.clear();
        }
        if line.twin.is_none_or(|twin| self.twins.insert(twin)) {
            self.lines.push(line);
        }
    }
}

/// The number that a line before the one with this address has at most.
fn number_before(connection: &Connection, id: super::ArchiveLineId) -> Result<i64, ArchiveError> {
    if let Some(found) = find(connection, id)? {
        return Ok(found.number - 1);
    }
    // It was taken away meanwhile.
    let at = jiff::Timestamp::from_millisecond(id.millisecond()).unwrap_or_default();
    Ok(first_number(at) - 1)
}

/// What is asked of the index; `None` if nothing can match.
fn expression(
    connection: &Connection,
    query: &ArchiveQuery,
    typed: &TypedWords,
) -> Result<Option<String>, ArchiveError> {
    let mut parts = Vec::new();
    if !typed.is_empty() {
        parts.push(typed.expression());
    }
    if let Some(person) = query.person {
        let sql = "SELECT id FROM speaker WHERE person = ?1 ORDER BY id LIMIT ?2";
        let mut statement = connection.prepare_cached(sql)?;
        let most = i64::try_from(MAX_SPEAKERS).unwrap_or(i64::MAX);
        let speakers = statement.query_map(params![person.0, most], |row| row.get(0))?;
        let speakers: Vec<i64> = speakers.collect::<Result<_, _>>()?;
        if speakers.is_empty() {
            return Ok(None);
        }
        parts.push(any_of(speakers.into_iter().map(speaker_term)));
    }
    let rooms: BTreeSet<i64> = query.rooms.iter().map(|room| room.0).collect();
    let mut statement = connection.prepare_cached("SELECT id FROM room WHERE lines > 0")?;
    let all = statement.query_map([], |row| row.get(0))?;
    let all: BTreeSet<i64> = all.collect::<Result<_, _>>()?;
    // Who may see all needs no condition, unless there is no other one.
    if !all.is_subset(&rooms) || parts.is_empty() {
        let seen: Vec<i64> = all.intersection(&rooms).copied().collect();
        if seen.is_empty() {
            return Ok(None);
        }
        parts.push(any_of(seen.into_iter().map(room_term)));
    }
    Ok(Some(parts.join(" AND ")))
}

fn any_of(terms: impl Iterator<Item = String>) -> String {
    let mut all = String::new();
    for term in terms {
        let or = if all.is_empty() { "(" } else { " OR " };
        let _ = write!(all, "{or}\"{term}\"");
    }
    all.push(')');
    all
}

/// The highest matching numbers of lines from `first` to `last`, falling.
fn newest(
    connection: &Connection,
    expression: &str,
    (first, last): (i64, i64),
    limit: usize,
) -> Result<Vec<i64>, ArchiveError> {
    if last < first {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare_cached(
        "SELECT rowid FROM word WHERE word MATCH ?1 AND rowid BETWEEN ?2 AND ?3
         ORDER BY rowid DESC LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let numbers = statement.query_map(params![expression, first, last, limit], |row| row.get(0))?;
    Ok(numbers.collect::<Result<_, _>>()?)
}

fn lines_with(connection: &Connection, numbers: &[i64]) -> Result<Vec<NumberedLine>, ArchiveError> {
    let mut statement = connection.prepare_cached(&format!("{SELECT_LINES} WHERE l.id = ?1"))?;
    let mut lines = Vec::with_capacity(numbers.len());
    for number in numbers {
        lines.extend(statement.query_row([number], line_from_row).optional()?);
    }
    Ok(lines)
}
