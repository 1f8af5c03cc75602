//! What the archive costs: adding lines, searching, pages, memory, disk.
//!
//! `cargo bench --bench archive` writes 200,000 lines into a new archive and prints each figure beside its goal;
//! `-- --quick` takes 20,000, to show that it works; `-- 10000000` takes so many. The archive is made in the directory for
//! temporary files (`TMPDIR`) and removed afterwards. It fails where a line is missing, and never on time.
#![allow(clippy::unwrap_used)]

mod history;

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;
use letsbridge::store::archive::{
    Archive, ArchiveQuery, ArchiveReader, ArchiveResults, ArchiveRoom, ArchiveRoomId, LineOutcome,
};

use history::History;

const USUAL: u64 = 200_000;
const QUICK: u64 = 20_000;

/// As an import does.
const LINES_PER_BATCH: usize = 5_000;

fn main() {
    let asked = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let is_quick = std::env::args().any(|argument| argument == "--quick");
    let lines = asked.unwrap_or(if is_quick { QUICK } else { USUAL });
    let directory = tempfile::tempdir().unwrap();
    println!(
        "{lines} lines in {}. Goals are for 10,000,000 on one machine of 2 cores.\n",
        directory.path().display()
    );
    fill(directory.path(), lines);
    let size = std::fs::metadata(directory.path().join("archive.sqlite3")).unwrap().len();
    row("size of the file", &format!("{} MB, {} bytes a line", size >> 20, size / lines), "");
    let reader = ArchiveReader::open(directory.path()).unwrap();
    let rooms = reader.rooms().unwrap();
    assert_eq!(rooms.iter().map(|room| room.lines).sum::<u64>(), lines);
    searches(&reader, &rooms);
    pages(&reader, &rooms);
    row("memory", &format!("{} MB", resident() >> 10), "flat");
}

/// Writes the lines, as an import of one room after the other does.
fn fill(directory: &Path, lines: u64) {
    let mut archive = Archive::open_or_make(directory).unwrap();
    let mut history = History::new(lines);
    let began = Instant::now();
    let mut written = 0;
    let mut slowest = Duration::ZERO;
    loop {
        let batch: Vec<_> = history.by_ref().take(LINES_PER_BATCH).collect();
        if batch.is_empty() {
            break;
        }
        let one = Instant::now();
        archive
            .batch(|writing| {
                for (room, mut line) in batch {
                    line.room = writing.room(&room, Some(&format!("id of {room}")))?;
                    assert_eq!(writing.add(&line)?, LineOutcome::Added);
                    written += 1;
                }
                Ok(())
            })
            .unwrap();
        slowest = slowest.max(one.elapsed());
        if written % 1_000_000 < LINES_PER_BATCH as u64 {
            eprintln!(
                "  {written} after {:.0} s, {} MB",
                began.elapsed().as_secs_f64(),
                resident() >> 10
            );
        }
    }
    assert_eq!(written, lines);
    let rate = lines as f64 / began.elapsed().as_secs_f64();
    row("adding lines", &format!("{rate:.0} a second"), "> 50,000");
    row("slowest transaction", &millis(slowest), "< 1000 ms");
}

fn searches(reader: &ArchiveReader, rooms: &[ArchiveRoom]) {
    let all: Vec<ArchiveRoomId> = rooms.iter().map(|room| room.id).collect();
    let rare = history::word(40_000);
    let common = history::word(3);
    let other = history::word(60);
    let middle = history::word(1_500);
    let small = vec![rooms.iter().min_by_key(|room| room.lines).unwrap().id];
    let some: Vec<ArchiveRoomId> = all.iter().copied().skip(1).collect();
    let people = reader.people(&all, "ann", 5).unwrap();
    let quiet = reader.people(&all, "quiet", 5).unwrap();
    let person = people.first().map(|person| person.id);
    let quiet = quiet.first().map(|person| person.id);
    let query = |rooms: &[ArchiveRoomId], words: &str| ArchiveQuery {
        rooms: rooms.to_vec(),
        words: words.to_owned(),
        person: None,
        from: None,
        to: None,
        before: None,
        limit: 50,
    };
    let year: Timestamp = "2014-06-01T00:00:00Z".parse().unwrap();
    let cases = [
        ("a common word", query(&all, &common)),
        ("a common word, not all rooms", query(&some, &common)),
        ("a common word in a small room", query(&small, &common)),
        ("a common word of a person", ArchiveQuery { person, ..query(&all, &common) }),
        (
            "a common word of a quiet person",
            ArchiveQuery { person: quiet, ..query(&some, &common) },
        ),
        ("two common words", query(&all, &format!("{common} {other}"))),
        ("a phrase of common words", query(&all, &format!("\"{common} {other}\""))),
        (
            "a phrase that nobody said",
            query(&all, &format!("\"{other} {common} {other} {middle} {common}\"")),
        ),
        ("a rare word", query(&all, &rare)),
        ("a rare and a common word", query(&all, &format!("{rare} {common}"))),
        ("beginning of 2 letters", query(&all, "ka*")),
        ("beginning of 4 letters", query(&all, &format!("{}*", &other[..4.min(other.len())]))),
        ("a beginning in a small room", query(&small, "ka*")),
        ("Chinese, two characters", query(&all, "茶会")),
        ("Chinese, one character", query(&all, "茶")),
        ("before a day ten years ago", ArchiveQuery { to: Some(year), ..query(&all, &common) }),
        ("all of a person", ArchiveQuery { person, ..query(&all, "") }),
        ("nothing to be found", query(&all, "nobodysaidthis")),
    ];
    let mut times = Vec::new();
    for (name, query) in cases {
        let mut own = Vec::new();
        let mut page = query;
        // Each page after the one before, as somebody who leafs.
        for _ in 0..20 {
            let began = Instant::now();
            let found: ArchiveResults = reader.search(&page).unwrap();
            own.push(began.elapsed());
            page.before = found.lines.last().map(|hit| hit.line.id).filter(|_| found.more);
        }
        own.sort_unstable();
        println!(
            "  {name:42} p50 {:>9}  longest {:>9}",
            millis(own[own.len() / 2]),
            millis(own[own.len() - 1])
        );
        times.extend(own);
    }
    times.sort_unstable();
    row("search, p50", &millis(times[times.len() / 2]), "< 50 ms");
    row("search, p99", &millis(times[times.len() * 99 / 100]), "< 300 ms");
}

fn pages(reader: &ArchiveReader, rooms: &[ArchiveRoom]) {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let mut times = Vec::new();
    let mut calendars = Vec::new();
    for room in rooms {
        let (Some(first), Some(last)) = (room.first, room.last) else { continue };
        for part in 0..10_i64 {
            let (from, to) = (first.as_millisecond(), last.as_millisecond());
            let at = Timestamp::from_millisecond(from + (to - from) / 10 * part).unwrap();
            let began = Instant::now();
            let lines = reader.from_time(room.id, at, 200).unwrap();
            let middle = lines.first().map(|line| line.id);
            if let Some(id) = middle {
                assert!(!reader.around(room.id, id, 50, 50).unwrap().is_empty());
            }
            times.push(began.elapsed());
            let began = Instant::now();
            let year = 2014 + i16::try_from(part).unwrap();
            reader.days(room.id, date(year, 1, 1), date(year, 12, 31), &zone).unwrap();
            calendars.push(began.elapsed());
        }
    }
    times.sort_unstable();
    calendars.sort_unstable();
    row("a page of 200 lines and a context, longest", &millis(times[times.len() - 1]), "< 50 ms");
    row("a calendar of a year, longest", &millis(calendars[calendars.len() - 1]), "< 50 ms");
    let began = Instant::now();
    assert_eq!(reader.rooms().unwrap().len(), rooms.len());
    row("the list of rooms", &millis(began.elapsed()), "< 50 ms");
}

fn row(what: &str, found: &str, goal: &str) {
    println!("{what:46} {found:>28}   {goal}");
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

/// The resident memory of this program, in kilobytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
