//! What a backup costs beside a bridge that goes on writing: its time and size, and how long the bridge's commits take
//! meanwhile.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use letsbridge::domain::{Author, EndpointId, Message, MessageKind};
use letsbridge::store::Store;

use crate::ledger;
use crate::program;

const WHOLE: usize = 1_000_000;
const QUICK: usize = 20_000;

/// How often a bridge under load commits.
const PACE: Duration = Duration::from_millis(10);

/// Measures, and prints.
pub(crate) fn run(quick: bool) {
    let messages = if quick { QUICK } else { WHOLE };
    let directory = tempfile::Builder::new().prefix("letsbridge-").tempdir().unwrap();
    let state = directory.path().join("state");
    let mut store = Store::open(&state).unwrap();
    let said = Timestamp::now() - SignedDuration::from_hours(24 * 60);
    let from = ledger::fill(&mut store, messages, said);
    let toml = format!(
        "state_dir = {state:?}\n[irc.net]\nservers = [\"127.0.0.1:1\"]\ntls = false\nnick = \"b\"\n\
         [letschat]\nurl = \"http://127.0.0.1:1\"\ntoken = \"NWIwMDAwMDAwMDAwMDAwMDAwMDAwMDAxOjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg==\"\n\
         [[link]]\nchannel = \"net/#room0\"\nroom = \"room0\"\n"
    );
    std::fs::write(directory.path().join("bridge.toml"), toml).unwrap();
    let alone: Vec<Duration> = (0..100).map(|at| commit(&mut store, from, at)).collect();

    let file = directory.path().join("state.backup");
    let began = Instant::now();
    let mut backup = Command::new(program::measured())
        .args(["backup", "--config"])
        .arg(directory.path().join("bridge.toml"))
        .arg(&file)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut beside = Vec::new();
    let status = loop {
        beside.push(commit(&mut store, from, 100 + beside.len()));
        if let Some(status) = backup.try_wait().unwrap() {
            break status;
        }
    };
    let took = began.elapsed();
    assert!(status.success(), "{status}");
    let size = |name: &std::path::Path| std::fs::metadata(name).unwrap().len() as f64 / 1e6;
    println!("A backup of a ledger of {messages} messages, beside 100 commits a second.\n");
    println!("time {:>41.1} s", took.as_secs_f64());
    println!("size of the database {:>25.1} MB", size(&state.join("letsbridge.sqlite3")));
    println!("size of the backup {:>27.1} MB", size(&file));
    for (what, mut times) in [("alone", alone), ("beside the backup", beside)] {
        times.sort_unstable();
        let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
        println!(
            "a commit {what}: p50 {:.2} ms, p99 {:.2} ms, the longest {:.2} ms",
            at(50),
            at(99),
            at(100)
        );
    }
}

/// How long one commit takes.
fn commit(store: &mut Store, from: EndpointId, at: usize) -> Duration {
    std::thread::sleep(PACE);
    let message = Message {
        source: from,
        author: Author::named("ann"),
        kind: MessageKind::Text,
        body: format!("meanwhile {at}"),
        sent_at: Timestamp::now(),
    };
    let began = Instant::now();
    store.record(&message, Some(&format!("meanwhile {at}"))).unwrap().unwrap();
    store.commit().unwrap();
    began.elapsed()
}
