//! What the archive does to the road: latency, throughput and processor time with `[archive]` on, beside the same without,
//! turn by turn. It fails where a message is lost, repeated or out of order, or where a line is archived twice or not at
//! all, and never on time.

use std::time::Duration;

use crate::measure::{latency, throughput};
use crate::report::{each, micros, millis, row};
use crate::stage::{Plan, Stage, Way};

/// How many messages one at a time, and at once.
const WHOLE: (usize, usize) = (3_000, 40_000);
const QUICK: (usize, usize) = (200, 2_000);

/// How many links where all is said at once.
const LINKS: usize = 100;

/// How often each is measured; the medians are printed.
const ROUNDS: usize = 3;

/// What one round has found.
#[derive(Default)]
struct Found {
    p50: Vec<Duration>,
    p99: Vec<Duration>,
    /// For all messages at once.
    time: Vec<Duration>,
    cpu: Vec<Duration>,
}

/// Measures, and prints.
pub(crate) async fn run(quick: bool) {
    let (single, many) = if quick { QUICK } else { WHOLE };
    println!("With and without [archive], medians of {ROUNDS} rounds.\n");
    let mut without = Found::default();
    let mut with = Found::default();
    for _ in 0..ROUNDS {
        measure(&mut without, false, single, many).await;
        measure(&mut with, true, single, many).await;
    }
    let [without, with] = [without, with].map(Found::medians);
    let compare = |name, at: usize, written: fn(Duration) -> String, goal| {
        let change = with[at].as_secs_f64() / without[at].as_secs_f64();
        let found = format!("{} / {}, {change:.2} x", written(without[at]), written(with[at]));
        row(name, &found, goal);
    };
    compare("latency, IRC to Let's Chat, p50", 0, millis, "< 1.10 x");
    compare("latency, IRC to Let's Chat, p99", 1, millis, "");
    compare("time for many messages, 100 links", 2, millis, "< 1.10 x");
    compare("processor time of a message, archived", 3, micros, "");
}

async fn measure(found: &mut Found, archive: bool, single: usize, many: usize) {
    let state = &std::env::temp_dir();
    let stage = Stage::planned(Plan { archive, ..Plan::new(1, state) }).await;
    let (p50, p99) = latency(&stage, (Way::FromIrc, 0), single, Duration::ZERO).await;
    drop(stage);
    let stage = Stage::planned(Plan { archive, ..Plan::new(LINKS, state) }).await;
    let before = stage.program().cpu();
    let load = throughput(&stage, Way::FromIrc, many).await;
    if archive {
        stage.archived(many).await;
    }
    found.p50.push(p50);
    found.p99.push(p99);
    found.time.push(load.time);
    // Also of what is archived later.
    found.cpu.push((stage.program().cpu() - before) / each(many));
}

impl Found {
    fn medians(self) -> [Duration; 4] {
        [self.p50, self.p99, self.time, self.cpu].map(|mut times| {
            times.sort_unstable();
            times[times.len() / 2]
        })
    }
}
