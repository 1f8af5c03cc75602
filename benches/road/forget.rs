//! What it costs to forget, in a ledger of many messages: the program does so much of it at once every
//! few seconds, and nothing else meanwhile.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use letsbridge::store::Store;

use crate::ledger::{fill, remote_id};

const WHOLE: usize = 1_000_000;
const QUICK: usize = 20_000;

/// How many the program forgets at once.
const AT_ONCE: u32 = 500;

/// How often it is measured.
const TIMES: usize = 30;

/// Measures, and prints.
pub(crate) fn run(quick: bool) {
    let messages = if quick { QUICK } else { WHOLE };
    let directory = tempfile::Builder::new().prefix("letsbridge-").tempdir().unwrap();
    let mut store = Store::open(directory.path()).unwrap();
    let said = Timestamp::now() - SignedDuration::from_hours(24 * 60);
    let from = fill(&mut store, messages, said);

    let mut pauses: Vec<Duration> = (0..TIMES).map(|_| pause(&mut store)).collect();
    pauses.sort_unstable();
    let left = (0..messages).filter(|at| store.contains(from, &remote_id(*at)).unwrap()).count();
    assert_eq!(left, messages - TIMES * AT_ONCE as usize);
    println!("A ledger of {messages} old messages, {AT_ONCE} of which are forgotten at once.\n");
    println!("pause, p50 {:>34.2} ms", pauses[TIMES / 2].as_secs_f64() * 1e3);
    println!("pause, the longest {:>26.2} ms", pauses[TIMES - 1].as_secs_f64() * 1e3);
}

/// How long it takes once.
fn pause(store: &mut Store) -> Duration {
    let began = Instant::now();
    store.prune(Timestamp::now(), AT_ONCE).unwrap();
    store.commit().unwrap();
    began.elapsed()
}
