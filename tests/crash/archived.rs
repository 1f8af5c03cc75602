//! The archive of a bridge that was killed often holds each message of its ledger once, and nothing else.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::time::{sleep, timeout};

/// What was said: where, by whom, what; how often.
type Said = BTreeMap<(String, String, String), usize>;

/// What people have said, by the ledger. Nobody's words are the bridge's own notices.
const LEDGER: &str = "SELECT e.name, m.author, m.body FROM message m JOIN endpoint e ON e.id = m.endpoint \
                      WHERE m.author <> '' AND e.name NOT LIKE '%spare'";

/// What the archive has.
const ARCHIVE: &str = "SELECT p.name, s.name, l.text FROM line l JOIN place p ON p.id = l.place \
                       JOIN speaker s ON s.id = l.speaker";

/// How long the archive may take to get all that the ledger has.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often it is looked whether it has.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Waits until the archive of a running bridge has all that its ledger has: what a stop leaves is archived after the next start.
pub(crate) async fn is_complete(state: &Path) {
    let count = |file: &str, query: &str| {
        let database = open(&state.join(file)).ok()?;
        let query = format!("SELECT COUNT(*) FROM ({query})");
        database.query_row(&query, [], |row| row.get::<_, i64>(0)).ok()
    };
    let complete = async {
        loop {
            let kept = count("archive.sqlite3", ARCHIVE);
            if kept.is_some() && kept >= count("letsbridge.sqlite3", LEDGER) {
                return;
            }
            sleep(LOOK_INTERVAL).await;
        }
    };
    // What is missing after that is told by `judge`.
    let _ = timeout(PATIENCE, complete).await;
}

/// Compares the archive of a stopped bridge with its ledger. Gives what is wrong.
pub(crate) fn judge(state: &Path) -> Vec<String> {
    let said = read(&state.join("letsbridge.sqlite3"), LEDGER);
    let kept = read(&state.join("archive.sqlite3"), ARCHIVE);
    println!("the archive has {} lines", kept.values().sum::<usize>());
    let everything = said.keys().chain(kept.keys().filter(|it| !said.contains_key(*it)));
    let complaint = |it: &(String, String, String)| {
        let count = |of: &Said| of.get(it).copied().unwrap_or_default();
        let (said, kept) = (count(&said), count(&kept));
        (said != kept)
            .then(|| format!("{it:?} was said {said} times, the archive has it {kept} times"))
    };
    let mut complaints: Vec<String> = everything.filter_map(complaint).collect();
    if kept.is_empty() {
        complaints.push("the archive is empty".to_owned());
    }
    complaints
}

fn read(path: &Path, query: &str) -> Said {
    let database = open(path).unwrap();
    let mut statement = database.prepare(query).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    let mut said = Said::new();
    for row in rows {
        *said.entry(row.unwrap()).or_default() += 1;
    }
    said
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}
