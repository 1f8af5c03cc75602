//! Databases of Quassel, soju and The Lounge, with any bytes changed, and any values in their rows.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::{env, fs, process};

use arbitrary::Arbitrary;
use letsbridge::store::ForeignLog;
use libfuzzer_sys::fuzz_target;
use rusqlite::Connection;

/// What is done to a database.
#[derive(Debug, Arbitrary)]
struct Harm<'a> {
    program: u8,
    /// A text, or any bytes, and a number of the first row.
    text: Option<&'a str>,
    bytes: Option<&'a [u8]>,
    number: i64,
    /// Where bytes are overwritten, and by which.
    changes: Vec<(u16, u8)>,
    /// By how much it is cut.
    cut: u8,
}

/// The tables and a row of each program; `?1` is a text, `?2` a number.
const PROGRAMS: [(&str, &str); 3] = [
    (
        "CREATE TABLE quasseluser (userid INTEGER PRIMARY KEY, username TEXT);
         CREATE TABLE sender (senderid INTEGER PRIMARY KEY, sender TEXT);
         CREATE TABLE network (networkid INTEGER PRIMARY KEY, networkname TEXT);
         CREATE TABLE buffer (bufferid INTEGER PRIMARY KEY, userid, networkid, buffername, buffertype);
         CREATE TABLE backlog (messageid INTEGER PRIMARY KEY, time INTEGER, bufferid INTEGER, type INTEGER,
            flags INTEGER, senderid INTEGER, message TEXT);
         CREATE INDEX backlog_buffer_time_idx ON backlog (bufferid, time);
         INSERT INTO quasseluser VALUES (1, 'ann'); INSERT INTO network VALUES (1, 'Libera');
         INSERT INTO buffer VALUES (1, 1, 1, '#tea', 2); INSERT INTO sender VALUES (1, 'bob!b@host');
         INSERT INTO backlog VALUES (1, 1614834367, 1, 1, 0, 1, 'tea?');",
        "INSERT INTO backlog VALUES (2, ?2, 1, ?2 & 3, ?2 >> 60, 1, ?1)",
    ),
    (
        "CREATE TABLE User (id INTEGER PRIMARY KEY, username TEXT);
         CREATE TABLE Network (id INTEGER PRIMARY KEY, name TEXT, user INTEGER, addr TEXT);
         CREATE TABLE MessageTarget (id INTEGER PRIMARY KEY, network INTEGER, target TEXT);
         CREATE TABLE Message (id INTEGER PRIMARY KEY, target INTEGER, raw TEXT, time TEXT);
         CREATE INDEX MessageIndex ON Message (target, time);
         INSERT INTO User VALUES (1, 'ann'); INSERT INTO Network VALUES (1, 'libera', 1, '');
         INSERT INTO MessageTarget VALUES (1, 1, '#tea');
         INSERT INTO Message VALUES (1, 1, ':ann!a@host PRIVMSG #tea :tea?', '2021-03-04T05:06:07.089Z');",
        "INSERT INTO Message VALUES (?2, 1, ?1, '2021-03-04T05:06:07.089Z')",
    ),
    (
        "CREATE TABLE messages (id INTEGER PRIMARY KEY, network TEXT, channel TEXT, time INTEGER, type TEXT, msg TEXT);
         CREATE INDEX network_channel ON messages (network, channel);
         INSERT INTO messages VALUES (1, '6a1f', '#tea', 1614834367089, 'message', '{\"from\":{\"nick\":\"ann\"}}');",
        "INSERT INTO messages VALUES (2, '6a1f', '#tea', ?2, 'message', ?1)",
    ),
];

fuzz_target!(|harm: Harm<'_>| {
    static PATH: LazyLock<PathBuf> = LazyLock::new(|| {
        // In memory, where the machine has a place for that.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { memory.to_owned() } else { env::temp_dir() };
        folder.join(format!("letsbridge-fuzz-{}.sqlite", process::id()))
    });
    let _ = fs::remove_file(&*PATH);
    write(&PATH, &harm);
    let mut bytes = fs::read(&*PATH).expect("was written");
    for (at, byte) in &harm.changes {
        let at = usize::from(*at) % bytes.len();
        bytes[at] = *byte;
    }
    bytes.truncate(bytes.len() - 512 * usize::from(harm.cut % 4));
    fs::write(&*PATH, &bytes).expect("can be written");
    read(&PATH);
    assert_eq!(fs::read(&*PATH).expect("is there"), bytes, "it is never written");
});

fn write(path: &Path, harm: &Harm<'_>) {
    let (tables, row) = PROGRAMS[usize::from(harm.program) % PROGRAMS.len()];
    let database = Connection::open(path).expect("opens");
    database.execute_batch("PRAGMA page_size = 512; PRAGMA synchronous = OFF;").expect("works");
    database.execute_batch(tables).expect("works");
    let _ = match harm.bytes {
        Some(bytes) => database.execute(row, (bytes, harm.number)),
        None => database.execute(row, (harm.text, harm.number)),
    };
}

/// Reads all of it, and from the middle once more.
fn read(path: &Path) {
    let Ok(log) = ForeignLog::open(path) else { return };
    let Ok(channels) = log.channels() else { return };
    for channel in channels {
        let Ok(entries) = log.entries(&channel, None) else { continue };
        let entries: Vec<_> = entries.collect();
        assert!(
            entries.iter().flatten().map(|(row, at, _)| (at, row)).is_sorted(),
            "in order: {entries:?}"
        );
        if entries.iter().any(|entry| matches!(entry, Err(error) if !error.is_of_one_row())) {
            continue;
        }
        let Some((row, ..)) = entries.iter().flatten().next() else { continue };
        let after = log.entries(&channel, Some(*row)).expect("the row is there");
        assert!(after.flatten().all(|(other, ..)| other != *row), "it goes on after {row}");
    }
}
