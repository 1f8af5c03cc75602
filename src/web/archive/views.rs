//! The pages for people who have signed in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use jiff::civil::Date;

use super::ArchivePages;
use super::html::calendar::CalendarPage;
use super::html::day::{ContextPage, DayPage};
use super::html::search::{SearchOutcome, SearchPage, person_page};
use super::query::{SearchFields, TypedFields};
use super::reader::{ArchiveReading, PageResult, answer, not_read, see_other};
use super::zone::{self, PageZone};
use crate::store::archive::{
    ArchiveError, ArchiveLine, ArchiveLineId, ArchivePerson, ArchivePersonId, ArchiveQuery,
    ArchiveReader, ArchiveRoomId,
};

/// How many results are on a page.
const PAGE_RESULTS: usize = 50;

/// How many names are suggested, and how many people are offered to choose from.
const MAX_SUGGESTED: usize = 100;
const MAX_OFFERED: usize = 20;

/// How many lines of a day are on a page.
const DAY_LINES: usize = 300;

/// How many lines are shown before and after a line, the fewest first.
const CONTEXT_LINES: [usize; 3] = [20, 100, 300];

/// The most text of a page, in bytes.
const MAX_LEN_PAGE: usize = 400_000;

/// How many people are named on a page with all their names.
const MAX_PEOPLE: usize = 50;

/// Leads to the first page.
pub(super) async fn get_home(State(pages): State<Arc<ArchivePages>>) -> Response {
    see_other(pages.site.home())
}

/// The search, and what it found.
pub(super) async fn get_search(
    State(pages): State<Arc<ArchivePages>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    search(&pages, &uri, &headers).await.unwrap_or_else(|it| it)
}

async fn search(pages: &Arc<ArchivePages>, uri: &Uri, headers: &HeaderMap) -> PageResult {
    let reading = pages.reading(headers, uri).await?;
    let fields = SearchFields::new(&TypedFields::read(uri.query()));
    let rooms = match fields.room {
        Some(room) if reading.room(room).is_none() => return Err(pages.nothing()),
        Some(room) => vec![room],
        None => reading.room_ids(),
    };
    let (asked, zone, all) = (fields.clone(), pages.zone.clone(), reading.room_ids());
    let found = pages.desk.read(move |reader| {
        // Only who begins a search is offered names: in large archives, they take as long as the search.
        let is_begun = asked.has_question();
        let people = if is_begun { Vec::new() } else { reader.people(&all, "", MAX_SUGGESTED)? };
        Ok((people, find(reader, &asked, rooms, &zone)?))
    });
    let (people, outcome) = found.await.map_err(not_read)?;
    let frame = pages.frame(&reading);
    let page = SearchPage {
        frame: &frame,
        fields: &fields,
        rooms: &reading.rooms,
        people: &people,
        outcome: &outcome,
    };
    Ok(answer(StatusCode::OK, page.document()))
}

/// What the search finds in these rooms.
fn find(
    reader: &ArchiveReader,
    fields: &SearchFields,
    rooms: Vec<ArchiveRoomId>,
    zone: &PageZone,
) -> Result<SearchOutcome, ArchiveError> {
    if let Some(problem) = fields.problem() {
        return Ok(SearchOutcome::Problem(problem.to_owned()));
    }
    if !fields.has_question() || rooms.is_empty() {
        return Ok(SearchOutcome::NotAsked);
    }
    let person = match fields.person {
        Some(person) => reader.person(person)?,
        None if fields.name.is_empty() => None,
        None => match named(reader.people(&rooms, &fields.name, MAX_OFFERED)?, &fields.name) {
            Ok(person) => Some(person),
            Err(people) if people.is_empty() => {
                let problem = "Nobody who has spoken in these rooms has a name that begins so.";
                return Ok(SearchOutcome::Problem(problem.to_owned()));
            }
            Err(people) => return Ok(SearchOutcome::WhichPerson(people)),
        },
    };
    let results = reader.search(&ArchiveQuery {
        rooms,
        words: fields.words.clone(),
        person: fields.person.or(person.as_ref().map(|it| it.id)),
        from: fields.from.day.map(|day| zone.start(day)),
        to: fields.to.day.map(|day| zone.end(day)),
        before: fields.before,
        limit: PAGE_RESULTS,
    })?;
    // Of a person who has said nothing here, nothing is told.
    let person = person.filter(|_| !results.lines.is_empty());
    Ok(SearchOutcome::Found(results, person))
}

/// The only person who has this name, or one that begins so; or all of them.
fn named(people: Vec<ArchivePerson>, name: &str) -> Result<ArchivePerson, Vec<ArchivePerson>> {
    let name = name.to_lowercase();
    let has_name = |it: &&ArchivePerson| it.names.iter().any(|one| one.to_lowercase() == name);
    let mut exact: Vec<ArchivePerson> = people.iter().filter(has_name).cloned().collect();
    match (exact.len(), people.len()) {
        (1, _) => Ok(exact.remove(0)),
        (0, 1) => Ok(people.into_iter().next().expect("there is one")),
        (0, _) => Err(people),
        _ => Err(exact),
    }
}

/// The calendar of a room.
pub(super) async fn get_room(
    State(pages): State<Arc<ArchivePages>>,
    Path(room): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    calendar(&pages, &room, &uri, &headers).await.unwrap_or_else(|it| it)
}

async fn calendar(
    pages: &Arc<ArchivePages>,
    room: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> PageResult {
    let reading = pages.reading(headers, uri).await?;
    let room = room.parse().ok().and_then(|room| reading.room(ArchiveRoomId(room)));
    let room = room.ok_or_else(|| pages.nothing())?;
    let (id, typed) = (room.room.id, TypedFields::read(uri.query()));
    if let Some(day) = typed.day("date").day {
        return Ok(see_other(&pages.site.day(id, day)));
    }
    let newest = room.room.last.map_or(zone::FIRST_YEAR, |last| pages.zone.day(last).year());
    let year = zone::read_year(typed.text("year")).unwrap_or(newest);
    let ((first, last), zone) = (zone::year(year), pages.zone.zone().clone());
    let days = pages.desk.read(move |reader| reader.days(id, first, last, &zone)).await;
    let days: BTreeMap<Date, u64> = days.map_err(not_read)?.into_iter().collect();
    let frame = pages.frame(&reading);
    let page = CalendarPage { frame: &frame, room, year, days: &days };
    Ok(answer(StatusCode::OK, page.document()))
}

/// A day in a room.
pub(super) async fn get_day(
    State(pages): State<Arc<ArchivePages>>,
    Path((room, day)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    show_day(&pages, (&room, &day), &uri, &headers).await.unwrap_or_else(|it| it)
}

async fn show_day(
    pages: &Arc<ArchivePages>,
    (room, day): (&str, &str),
    uri: &Uri,
    headers: &HeaderMap,
) -> PageResult {
    let reading = pages.reading(headers, uri).await?;
    let room = room.parse().ok().and_then(|room| reading.room(ArchiveRoomId(room)));
    let (Some(room), Some(day)) = (room, zone::read_day(day)) else {
        return Err(pages.nothing());
    };
    let typed = TypedFields::read(uri.query());
    let part = (typed.line("from"), typed.line("until"));
    let (id, zone) = (room.room.id, pages.zone.clone());
    let read = pages.desk.read(move |reader| {
        let part = read_day(reader, id, (day, &zone), part)?;
        let before = reader.before_time(id, zone.start(day), 1)?;
        let after = reader.from_time(id, zone.end(day), 1)?;
        let day_of = |lines: &[ArchiveLine]| lines.first().map(|it| zone.day(it.at));
        let people = people_of(reader, &part.lines)?;
        Ok((part, (day_of(&before), day_of(&after)), people))
    });
    let (part, neighbours, people) = read.await.map_err(not_read)?;
    let frame = pages.frame(&reading);
    let page = DayPage {
        frame: &frame,
        room,
        day,
        lines: &part.lines,
        people: &people,
        until: part.until,
        from: part.from,
        neighbours,
    };
    Ok(answer(StatusCode::OK, page.document()))
}

/// A part of a day.
struct DayPart {
    lines: Vec<ArchiveLine>,
    /// The first of them, if the day has lines before it.
    until: Option<ArchiveLineId>,
    /// The first line after them, if the day has one.
    from: Option<ArchiveLineId>,
}

/// Reads a day from a line on, or up to a line, or from its beginning.
fn read_day(
    reader: &ArchiveReader,
    room: ArchiveRoomId,
    (day, zone): (Date, &PageZone),
    (from, until): (Option<ArchiveLineId>, Option<ArchiveLineId>),
) -> Result<DayPart, ArchiveError> {
    let mut lines = match (from, until) {
        (Some(first), _) => reader.around(room, first, 0, DAY_LINES)?,
        (None, Some(next)) => reader.around(room, next, DAY_LINES, 0)?,
        (None, None) => reader.from_time(room, zone.start(day), DAY_LINES + 1)?,
    };
    lines.retain(|line| zone.day(line.at) == day);
    let is_backwards = from.is_none() && until.is_some();
    let mut after = None;
    if is_backwards {
        // The last of them is the first of the page that they lead up to.
        after = lines.pop();
        let fits = fitting(lines.iter().rev());
        lines.drain(..lines.len() - fits);
    } else {
        let fits = fitting(lines.iter()).min(DAY_LINES);
        after = lines.drain(fits..).next().or(after);
    }
    let mut until = None;
    if let Some(first) = lines.first() {
        let before = reader.around(room, first.id, 1, 0)?;
        let is_of_day = before.len() > 1 && before.first().is_some_and(|it| zone.day(it.at) == day);
        until = is_of_day.then_some(first.id);
    }
    Ok(DayPart { lines, until, from: after.map(|it| it.id) })
}

/// How many of these lines fit on a page; one always does.
fn fitting<'a>(lines: impl Iterator<Item = &'a ArchiveLine>) -> usize {
    let mut length = 0;
    let fits = |line: &&ArchiveLine| {
        let has_room = length < MAX_LEN_PAGE;
        length += line.text.len() + line.author.len();
        has_room
    };
    lines.take_while(fits).count()
}

/// A line in its context.
pub(super) async fn get_line(
    State(pages): State<Arc<ArchivePages>>,
    Path(line): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    show_line(&pages, &line, &uri, &headers).await.unwrap_or_else(|it| it)
}

async fn show_line(
    pages: &Arc<ArchivePages>,
    line: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> PageResult {
    let reading = pages.reading(headers, uri).await?;
    let id: ArchiveLineId = line.parse().map_err(|_| pages.nothing())?;
    let asked: Option<usize> = TypedFields::read(uri.query()).text("lines").parse().ok();
    let many = asked.and_then(|asked| CONTEXT_LINES.into_iter().find(|it| *it >= asked));
    let many = many.unwrap_or(CONTEXT_LINES[0]);
    let rooms = reading.room_ids();
    let read = pages.desk.read(move |reader| {
        let Some(line) = reader.line(id)?.filter(|line| rooms.contains(&line.room)) else {
            return Ok(None);
        };
        let mut lines = reader.around(line.room, id, many, many)?;
        let here = lines.iter().position(|it| it.id == id).unwrap_or(0);
        lines.truncate(here + fitting(lines[here.min(lines.len())..].iter()));
        lines.drain(..here - fitting(lines[..here.min(lines.len())].iter().rev()));
        let people = people_of(reader, &lines)?;
        Ok(Some((line, lines, people)))
    });
    let (line, lines, people) = read.await.map_err(not_read)?.ok_or_else(|| pages.nothing())?;
    let room = reading.room(line.room).ok_or_else(|| pages.nothing())?;
    let frame = pages.frame(&reading);
    let more = CONTEXT_LINES.into_iter().find(|it| *it > many);
    let page =
        ContextPage { frame: &frame, room, line: &line, lines: &lines, people: &people, more };
    Ok(answer(StatusCode::OK, page.document()))
}

/// Those who speak in these lines.
fn people_of(
    reader: &ArchiveReader,
    lines: &[ArchiveLine],
) -> Result<Vec<ArchivePerson>, ArchiveError> {
    let ids: BTreeSet<ArchivePersonId> = lines.iter().filter_map(|line| line.person).collect();
    let mut people = Vec::new();
    for id in ids.into_iter().take(MAX_PEOPLE) {
        people.extend(reader.person(id)?);
    }
    people.sort_by_key(|person| person.name.to_lowercase());
    Ok(people)
}

/// A person with all their names.
pub(super) async fn get_person(
    State(pages): State<Arc<ArchivePages>>,
    Path(person): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    show_person(&pages, &person, &uri, &headers).await.unwrap_or_else(|it| it)
}

async fn show_person(
    pages: &Arc<ArchivePages>,
    person: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> PageResult {
    let reading = pages.reading(headers, uri).await?;
    let id = ArchivePersonId(person.parse().map_err(|_| pages.nothing())?);
    let query = said_by(&reading, id);
    let read = pages.desk.read(move |reader| {
        // Of somebody who has said nothing here, nothing is told.
        match reader.search(&query)?.lines.is_empty() {
            true => Ok(None),
            false => reader.person(id),
        }
    });
    let person = read.await.map_err(not_read)?.ok_or_else(|| pages.nothing())?;
    Ok(answer(StatusCode::OK, person_page(&pages.frame(&reading), &person)))
}

/// What a person has said last.
fn said_by(reading: &ArchiveReading, person: ArchivePersonId) -> ArchiveQuery {
    ArchiveQuery {
        rooms: reading.room_ids(),
        words: String::new(),
        person: Some(person),
        from: None,
        to: None,
        before: None,
        limit: 1,
    }
}
