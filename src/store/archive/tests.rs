//! The archive as a whole: heard, imported, searched, taken out, forgotten.

use std::fs;
use std::path::Path;

use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use super::*;
use crate::domain::{Author, Endpoint, LogPrecision, Message, MessageKind};
use crate::store::{RedactionOrder, Store};

/// All channels belong to the room `tea`, whose messages belong to it and to `milk`.
struct TwoRooms;

impl ArchiveRules for TwoRooms {
    fn rooms_of(&self, source: &Endpoint, message: &Message) -> Vec<Endpoint> {
        match source {
            _ if message.body.starts_with('!') => Vec::new(),
            Endpoint::Channel { .. } => vec![Endpoint::room("tea")],
            Endpoint::Room(_) => vec![Endpoint::room("tea"), Endpoint::room("milk")],
        }
    }
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn now() -> Timestamp {
    at("2026-11-22T10:00:00Z")
}

fn heard(store: &mut Store, place: &str, author: &str, body: &str, sent_at: Timestamp) {
    let endpoint = Endpoint::parse(place).expect("an endpoint");
    let source = store.endpoint_id(&endpoint).expect("works");
    let mut author = Author::named(author);
    if endpoint.network().is_none() {
        author.account = Some(format!("id of {}", author.name));
    }
    let message =
        Message { source, author, kind: MessageKind::Text, body: body.to_owned(), sent_at };
    store.record(&message, None).expect("works");
    store.commit().expect("works");
}

struct Fixture {
    directory: TempDir,
    store: Store,
    archive: Archive,
    feed: LedgerFeed,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Store::open(directory.path()).expect("opens");
        let archive = Archive::open_or_make(directory.path()).expect("is made");
        let feed = LedgerFeed::open(directory.path()).expect("opens");
        feed.begin(&archive, at("2026-11-22T00:00:00Z")).expect("begins");
        Self { directory, store, archive, feed }
    }

    fn copy(&mut self) -> u64 {
        let mut added = 0;
        loop {
            let progress = self.feed.copy(&mut self.archive, &TwoRooms, now()).expect("copies");
            added += progress.added;
            if progress.waiting == 0 {
                return added;
            }
        }
    }

    fn reader(&self) -> ArchiveReader {
        ArchiveReader::open(self.directory.path()).expect("opens")
    }

    /// Adds a line of the log of `office/#tea`.
    fn import(&mut self, author: &str, text: &str, time: Timestamp) -> LineOutcome {
        let digest = (author.len() * 1000 + text.len()) as u64;
        let line = log_line(author, text, ArchiveLineId::new(time, digest));
        self.archive
            .batch(|batch| {
                let room = batch.room("tea", None)?;
                batch.add(&NewArchiveLine { room, ..line })
            })
            .expect("works")
    }
}

pub(super) fn log_line(author: &str, text: &str, id: ArchiveLineId) -> NewArchiveLine {
    let nick = PersonMark::Nick { network: "office".to_owned(), nick: author.to_owned() };
    NewArchiveLine {
        id,
        twin: None,
        room: ArchiveRoomId(0),
        place: "office/#tea".to_owned(),
        author: Some(NewSpeaker {
            scope: "office".to_owned(),
            name: author.to_owned(),
            person_name: author.to_owned(),
            marks: PersonMarks { sure: Vec::new(), likely: vec![nick] },
        }),
        precision: LogPrecision::Exact,
        kind: ArchiveLineKind::Said(MessageKind::Text),
        text: text.to_owned(),
        origin: LineOrigin::Imported,
    }
}

fn query(reader: &ArchiveReader, words: &str) -> ArchiveQuery {
    ArchiveQuery {
        rooms: reader.rooms().expect("reads").iter().map(|room| room.id).collect(),
        words: words.to_owned(),
        person: None,
        from: None,
        to: None,
        before: None,
        limit: 10,
    }
}

fn found(reader: &ArchiveReader, query: &ArchiveQuery) -> Vec<String> {
    let results = reader.search(query).expect("searches");
    results.lines.into_iter().map(|hit| hit.line.text).collect()
}

#[test]
fn what_is_heard_is_archived_once_and_found() {
    let mut fixture = Fixture::new();
    heard(&mut fixture.store, "office/#tea", "ann", "kettle's on", now());
    heard(&mut fixture.store, "letschat/tea", "bob", "coming", now());
    heard(&mut fixture.store, "office/#tea", "ann", "!status", now());
    heard(&mut fixture.store, "office/@ann", "ann", "a secret", now());
    heard(&mut fixture.store, "office/#tea", "", "a notice of the bridge", now());
    assert_eq!(fixture.copy(), 3, "the room's message belongs to two rooms");
    assert_eq!(fixture.copy(), 0);
    // What was copied already is recognised, wherever the feed begins.
    fixture.archive.connection.execute("UPDATE feed SET message = 99", []).expect("works");
    fixture.feed = LedgerFeed::open(fixture.directory.path()).expect("opens");
    assert_eq!(fixture.copy(), 0);
    let reader = fixture.reader();
    for (words, lines) in [
        ("kettle", vec!["kettle's on"]),
        ("\"Kettle's on\"", vec!["kettle's on"]),
        ("com*", vec!["coming"]),
        ("secret", vec![]),
        ("status", vec![]),
        ("notice", vec![]),
        ("", vec!["coming", "kettle's on"]),
        ("?!", vec![]),
    ] {
        assert_eq!(found(&reader, &query(&reader, words)), lines, "{words}");
    }
    let rooms = reader.rooms().expect("reads");
    let counts: Vec<_> = rooms.iter().map(|room| (room.slug.as_str(), room.lines)).collect();
    assert_eq!(counts, [("milk", 1), ("tea", 2)]);
    assert_eq!(rooms[1].channels, ["office/#tea"]);
}

#[test]
fn feed_that_was_stopped_leaves_out_what_was_said_meanwhile() {
    let mut fixture = Fixture::new();
    heard(&mut fixture.store, "office/#tea", "ann", "one", now());
    fixture.copy();
    fixture.archive.stop_feed().expect("works");
    heard(&mut fixture.store, "office/#tea", "ann", "off the record", now());
    fixture.feed.begin(&fixture.archive, now()).expect("begins");
    heard(&mut fixture.store, "office/#tea", "ann", "three", now());
    assert_eq!(fixture.copy(), 1);
    let reader = fixture.reader();
    assert_eq!(found(&reader, &query(&reader, "")), ["three", "one"]);
}

#[test]
fn ledger_is_not_pruned_before_it_is_copied() {
    let mut fixture = Fixture::new();
    let limit = fixture.store.prune_limit();
    let old = now() - SignedDuration::from_hours(24 * 365);
    for number in 0..10 {
        heard(&mut fixture.store, "office/#tea", "ann", &format!("line {number}"), old);
    }
    limit.set(0);
    fixture.store.prune(now(), 100).expect("works");
    fixture.store.commit().expect("works");
    assert_eq!(fixture.copy(), 10);
    let up_to = fixture.archive.fed_up_to().expect("reads").expect("has begun");
    limit.set(up_to);
    heard(&mut fixture.store, "office/#tea", "ann", "one more", old);
    fixture.store.prune(now(), 100).expect("works");
    fixture.store.commit().expect("works");
    assert_eq!(fixture.copy(), 1);
}

#[test]
fn emptied_ledger_goes_on_with_higher_numbers() {
    let mut fixture = Fixture::new();
    for number in 0..5 {
        heard(&mut fixture.store, "office/#tea", "ann", &format!("line {number}"), now());
    }
    fixture.copy();
    let up_to = fixture.archive.fed_up_to().expect("reads").expect("has begun");
    fixture.store.prune(now() + SignedDuration::from_hours(1), 100).expect("works");
    fixture.store.commit().expect("works");
    drop(fixture.store);
    fixture.store = Store::open(fixture.directory.path()).expect("opens");
    fixture.store.number_messages_after(up_to);
    for number in 0..9 {
        heard(&mut fixture.store, "office/#tea", "ann", &format!("more {number}"), now());
    }
    assert_eq!(fixture.copy(), 9);
}

#[test]
fn renamed_room_keeps_its_history() {
    let mut fixture = Fixture::new();
    let room = |fixture: &mut Fixture, slug: &str, id: Option<&str>| {
        fixture.archive.batch(|batch| batch.room(slug, id)).expect("works")
    };
    let imported = room(&mut fixture, "tea", None);
    assert_eq!(room(&mut fixture, "tea", Some("r1")), imported, "joined now");
    assert_eq!(room(&mut fixture, "coffee", Some("r1")), imported, "renamed");
    assert_eq!(fixture.reader().rooms().expect("reads")[0].slug, "coffee");
    let another = room(&mut fixture, "coffee", Some("r2"));
    assert_ne!(another, imported, "another room that has the name now");
    assert_ne!(room(&mut fixture, "tea", None), imported);
}

#[test]
fn lines_of_logs_that_were_heard_do_not_appear_twice() {
    let mut fixture = Fixture::new();
    heard(&mut fixture.store, "office/#tea", "ann", "ok", now());
    heard(&mut fixture.store, "office/#tea", "ann", "ok", now() + SignedDuration::from_secs(20));
    heard(&mut fixture.store, "letschat/tea", "bob", "see https://a.example", now());
    fixture.copy();
    let second = |seconds| now() + SignedDuration::from_secs(seconds);
    for again in [false, true] {
        let added = if again { LineOutcome::Known } else { LineOutcome::Added };
        for (author, text, time, outcome) in [
            ("Ann", "\u{2}ok\u{2}", second(3), LineOutcome::Elsewhere),
            ("ann", "ok", second(21), LineOutcome::Elsewhere),
            // Only the log has the third one.
            ("ann", "ok", second(40), added),
            ("dave", "ok", second(5), added),
            ("ann", "other", second(5), added),
            // The bridge's copies of what was said in the room.
            ("letsbridge", "<bob> see https://a.example", second(1), LineOutcome::Elsewhere),
            ("ann", "ok", second(600), added),
        ] {
            assert_eq!(fixture.import(author, text, time), outcome, "{author}: {text} at {time}");
        }
    }
}

#[test]
fn restored_ledger_brings_nothing_twice() {
    let mut fixture = Fixture::new();
    heard(&mut fixture.store, "letschat/tea", "bob", "hello", now());
    heard(&mut fixture.store, "letschat/tea", "bob", "hello", now() + SignedDuration::from_secs(9));
    fixture.copy();
    // The backup knew nothing of it; the catch-up finds it again, with the server's times.
    let other = tempfile::tempdir().expect("a directory");
    let mut store = Store::open(other.path()).expect("opens");
    heard(&mut store, "letschat/tea", "bob", "hello", now() - SignedDuration::from_millis(300));
    heard(&mut store, "letschat/tea", "bob", "hello", now() + SignedDuration::from_secs(8));
    heard(&mut store, "letschat/tea", "bob", "missed", now() + SignedDuration::from_secs(9));
    store
        .connection
        .execute(
            "INSERT INTO restoration VALUES (1, 0, ?1)",
            [(now() + SignedDuration::from_mins(1)).as_millisecond()],
        )
        .expect("works");
    fixture.feed = LedgerFeed::open(other.path()).expect("opens");
    fixture.archive.connection.execute("UPDATE feed SET message = 99", []).expect("works");
    assert_eq!(fixture.copy(), 2, "the last one, in both rooms");
}

#[test]
fn people_are_all_their_names() {
    let mut fixture = Fixture::new();
    heard(&mut fixture.store, "office/#tea", "ann", "tea one", now());
    heard(
        &mut fixture.store,
        "letschat/tea",
        "Anna",
        "tea two",
        now() + SignedDuration::from_secs(1),
    );
    heard(&mut fixture.store, "office/#tea", "bob", "tea three", now());
    fixture.copy();
    let marks = PersonMarks {
        sure: vec![
            PersonMark::User("id of Anna".to_owned()),
            PersonMark::Nick { network: "office".to_owned(), nick: "ANN".to_owned() },
        ],
        likely: Vec::new(),
    };
    fixture.archive.batch(|batch| batch.know(&marks, "Ann")).expect("works");
    let reader = fixture.reader();
    let rooms: Vec<ArchiveRoomId> =
        reader.rooms().expect("reads").iter().map(|room| room.id).collect();
    let people = reader.people(&rooms, "an", 10).expect("reads");
    assert_eq!(people.len(), 1, "{people:?}");
    assert_eq!(people[0].names, ["ann", "Anna"]);
    let person = Some(people[0].id);
    let search = ArchiveQuery { person, ..query(&reader, "tea") };
    assert_eq!(found(&reader, &search), ["tea two", "tea one"]);
    let milk = reader.rooms().expect("reads")[0].id;
    assert_eq!(found(&reader, &ArchiveQuery { rooms: vec![milk], ..search }), ["tea two"]);
    assert_eq!(reader.people(&[milk], "b", 10).expect("reads"), []);
}

#[test]
fn results_are_paged_and_limited_to_rooms_and_times() {
    let mut fixture = Fixture::new();
    for number in 0..25 {
        let time = at("2020-01-01T00:00:00Z") + SignedDuration::from_hours(number);
        fixture.import(
            "ann",
            &format!("tea {}", "x".repeat(usize::try_from(number).expect("fits"))),
            time,
        );
    }
    let reader = fixture.reader();
    let mut page = query(&reader, "tea");
    let mut sizes = Vec::new();
    let mut times = Vec::new();
    loop {
        let results = reader.search(&page).expect("searches");
        sizes.push(results.lines.len());
        times.extend(results.lines.iter().map(|hit| hit.line.at));
        assert!(results.lines.iter().all(|hit| hit.marks.first() == Some(&(0..3))));
        if !results.more {
            break;
        }
        page.before = results.lines.last().map(|hit| hit.line.id);
    }
    assert_eq!(sizes, [10, 10, 5]);
    assert!(times.is_sorted_by(|one, other| one > other));
    let some = ArchiveQuery {
        from: Some(at("2020-01-01T05:00:00Z")),
        to: Some(at("2020-01-01T08:00:00Z")),
        ..query(&reader, "")
    };
    assert_eq!(reader.search(&some).expect("searches").lines.len(), 3);
    let none = ArchiveQuery { rooms: Vec::new(), ..query(&reader, "tea") };
    assert_eq!(reader.search(&none).expect("searches"), ArchiveResults::default());
    let unknown = ArchiveQuery { rooms: vec![ArchiveRoomId(77)], ..query(&reader, "tea") };
    assert_eq!(reader.search(&unknown).expect("searches"), ArchiveResults::default());
}

#[test]
fn lines_stand_in_their_context_and_days() {
    let mut fixture = Fixture::new();
    let begin = at("2020-10-24T20:00:00Z");
    for number in 0..40i64 {
        let time = begin + SignedDuration::from_mins(number * 60);
        fixture.import("ann", &"x".repeat(usize::try_from(number + 1).expect("fits")), time);
    }
    let reader = fixture.reader();
    let room = reader.rooms().expect("reads")[0].clone();
    assert_eq!((room.first, room.lines), (Some(begin), 40));
    let lines =
        reader.from_time(room.id, begin + SignedDuration::from_hours(10), 3).expect("reads");
    assert_eq!(lines.iter().map(|line| line.text.len()).collect::<Vec<_>>(), [11, 12, 13]);
    let around = reader.around(room.id, lines[0].id, 2, 1).expect("reads");
    assert_eq!(around.iter().map(|line| line.text.len()).collect::<Vec<_>>(), [9, 10, 11, 12]);
    assert_eq!(reader.around(ArchiveRoomId(99), lines[0].id, 2, 1).expect("reads"), []);
    let before = reader.before_time(room.id, lines[0].at, 2).expect("reads");
    assert_eq!(before.iter().map(|line| line.text.len()).collect::<Vec<_>>(), [9, 10]);
    assert_eq!(reader.line(lines[0].id).expect("reads").as_ref(), Some(&lines[0]));
    let berlin = TimeZone::get("Europe/Berlin").expect("a zone");
    let days = reader.days(room.id, date(2020, 10, 1), date(2020, 10, 31), &berlin).expect("reads");
    // The 25th has 25 hours.
    assert_eq!(days, [(date(2020, 10, 24), 2), (date(2020, 10, 25), 25), (date(2020, 10, 26), 13)]);
    let days =
        reader.days(room.id, date(2020, 10, 25), date(2020, 10, 25), &berlin).expect("reads");
    assert_eq!(days, [(date(2020, 10, 25), 25)]);
    let all: Vec<_> = reader.export(room.id, None, None).expect("reads").collect();
    assert_eq!(all.len(), 40);
    let some = reader.export(room.id, Some(lines[0].at), Some(lines[2].at)).expect("reads");
    assert_eq!(some.map(|line| line.expect("reads").text.len()).collect::<Vec<_>>(), [11, 12]);
}

/// Whether any file of the archive contains these bytes.
pub(super) fn contains(directory: &Path, bytes: &str) -> bool {
    fs::read_dir(directory).expect("is there").flatten().any(|entry| {
        entry.file_name().to_string_lossy().starts_with("archive")
            && fs::read(entry.path())
                .expect("reads")
                .windows(bytes.len())
                .any(|window| window == bytes.as_bytes())
    })
}

/// Takes out the line with this address. Returns how many lines that are.
fn redact_line(archive: &mut Archive, id: ArchiveLineId) -> u64 {
    let (redaction, counts) = archive.plan_lines(&[id], &order()).expect("reads");
    let count = archive.redact(&redaction).expect("works");
    assert_eq!([count], *counts);
    count
}

fn order() -> RedactionOrder {
    RedactionOrder {
        by: "the admin".to_owned(),
        at: now(),
        reason: Some("a phone number".to_owned()),
    }
}

#[test]
fn redacted_line_is_gone_and_leaves_a_trace() {
    let mut fixture = Fixture::new();
    for number in 0..300 {
        let time = at("2020-01-01T00:00:00Z") + SignedDuration::from_mins(number);
        fixture.import("ann", &format!("some other words {number:05}"), time);
    }
    let time = at("2020-06-01T00:00:00Z");
    fixture.import("ann", "my number is zyzzogeton55512345678", time);
    assert!(contains(fixture.directory.path(), "zyzzogeton55512345678"));
    let reader = fixture.reader();
    let id = reader.search(&query(&reader, "zyzzo*")).expect("searches").lines[0].line.id;
    drop(reader);
    assert_eq!(redact_line(&mut fixture.archive, id), 1);
    assert_eq!(redact_line(&mut fixture.archive, id), 0);
    assert!(!contains(fixture.directory.path(), "55512345678"), "the text is still in the file");
    assert!(!contains(fixture.directory.path(), "zyzzogeton"), "a word is still in the file");
    let reader = fixture.reader();
    assert_eq!(found(&reader, &query(&reader, "zyzzo*")), [""; 0]);
    let line = reader.line(id).expect("reads").expect("leaves a trace");
    let (by, reason) = ("the admin".to_owned(), Some("a phone number".to_owned()));
    assert_eq!(line.state, ArchiveLineState::Redacted { at: now(), by, reason });
    assert_eq!((line.text.as_str(), line.author.as_str()), ("", "ann"));
    // Neither the same log nor another one brings it back.
    let text = "my number is zyzzogeton55512345678";
    assert_eq!(fixture.import("ann", text, time), LineOutcome::Known);
    let later = time + SignedDuration::from_mins(2);
    assert_eq!(
        fixture.import("ANN", "My number is zyzzogeton55512345678", later),
        LineOutcome::Refused
    );
    assert_eq!(found(&reader, &query(&reader, "number")), [""; 0]);
}

#[test]
fn redaction_reaches_all_rooms_of_a_message() {
    let mut fixture = Fixture::new();
    heard(&mut fixture.store, "letschat/tea", "bob", "oops", now());
    fixture.copy();
    let reader = fixture.reader();
    let id = reader.search(&query(&reader, "oops")).expect("searches").lines[0].line.id;
    assert_eq!(redact_line(&mut fixture.archive, id), 2);
    assert_eq!(found(&reader, &query(&reader, "oops")), [""; 0]);
}

#[test]
fn person_can_be_taken_out() {
    let mut fixture = Fixture::new();
    for number in 0..450 {
        let time = at("2020-01-01T00:00:00Z") + SignedDuration::from_mins(number);
        let author = if number % 2 == 0 { "gwendolyn" } else { "bob" };
        fixture.import(author, &format!("words {number:05}"), time);
    }
    let person = fixture.archive.people_named("Gwendolyn").expect("reads").remove(0);
    let (redaction, planned) = fixture.archive.plan_person(person.id, &order()).expect("reads");
    let count = fixture.archive.redact_person(person.id, &redaction).expect("works");
    assert_eq!((count, planned), (225, 225));
    // The ledger still knows them.
    let nick =
        |name: &str| PersonMark::Nick { network: "office".to_owned(), nick: name.to_owned() };
    let marks = PersonMarks { sure: Vec::new(), likely: vec![nick("gwendolyn")] };
    fixture.archive.batch(|batch| batch.know(&marks, "gwendolyn")).expect("works");
    assert!(!contains(fixture.directory.path(), "gwendolyn"), "the name is still in the file");
    let reader = fixture.reader();
    assert_eq!(found(&reader, &query(&reader, "00100")), [""; 0]);
    assert_eq!(found(&reader, &query(&reader, "00101")), ["words 00101"]);
    assert_eq!(fixture.archive.people_named("gwendolyn").expect("reads"), []);
    let time = at("2021-01-01T00:00:00Z");
    assert_eq!(fixture.import("Gwendolyn", "from another log", time), LineOutcome::Refused);
    let later = now() + SignedDuration::from_hours(1);
    assert_eq!(fixture.import("gwendolyn", "I am back", later), LineOutcome::Added);
}

#[test]
fn old_lines_are_forgotten() {
    let mut fixture = Fixture::new();
    for number in 0..30 {
        let time = at("2020-01-01T00:00:00Z") + SignedDuration::from_hours(24 * number);
        fixture.import("ann", &format!("tea {number:05}"), time);
    }
    let before = at("2020-01-21T00:00:00Z");
    let mut forgotten = Vec::new();
    while forgotten.last() != Some(&0) {
        forgotten.push(fixture.archive.forget_before(before, 15).expect("works"));
    }
    assert_eq!(forgotten, [15, 5, 0]);
    let reader = fixture.reader();
    let room = reader.rooms().expect("reads")[0].clone();
    assert_eq!((room.lines, room.first), (10, Some(before)));
    assert_eq!(found(&reader, &query(&reader, "00019")), [""; 0]);
    assert_eq!(found(&reader, &query(&reader, "00020")), ["tea 00020"]);
    let days = reader.days(room.id, date(2020, 1, 1), date(2020, 12, 31), &TimeZone::UTC);
    assert_eq!(days.expect("reads").len(), 10);
}

#[test]
fn damaged_missing_and_removed_files_are_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join(ARCHIVE_FILE);
    assert!(matches!(ArchiveReader::open(directory.path()), Err(ArchiveError::Missing(_))));
    assert!(matches!(Archive::open(directory.path()), Err(ArchiveError::Missing(_))));
    for content in [Vec::new(), b"hello".to_vec(), vec![7; 9000]] {
        fs::write(&path, &content).expect("works");
        for error in [
            Archive::open_or_make(directory.path()).expect_err("is damaged"),
            ArchiveReader::open(directory.path()).map(drop).expect_err("is damaged"),
        ] {
            assert!(error.to_string().contains("archive.sqlite3 is damaged"), "{error}");
        }
        assert_eq!(fs::read(&path).expect("is there"), content, "it is left alone");
    }
    fs::remove_file(&path).expect("works");
    let archive = Archive::open_or_make(directory.path()).expect("is made");
    archive.check_still_there().expect("is there");
    fs::rename(&path, directory.path().join("elsewhere")).expect("works");
    let error = archive.check_still_there().expect_err("is gone");
    assert!(error.to_string().contains("removed or replaced"), "{error}");
}

#[test]
fn many_rooms_can_be_searched() {
    let mut fixture = Fixture::new();
    fixture
        .archive
        .batch(|batch| {
            for number in 0..1_200u64 {
                let room = batch.room(&format!("room{number}"), None)?;
                let id = ArchiveLineId::new(now(), number);
                batch.add(&NewArchiveLine { room, ..log_line("ann", "tea", id) })?;
            }
            Ok(())
        })
        .expect("works");
    let reader = fixture.reader();
    let mut most = query(&reader, "tea");
    most.limit = 1_000;
    most.rooms.truncate(900);
    assert_eq!(reader.search(&most).expect("searches").lines.len(), 900);
}
