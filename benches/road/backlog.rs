//! Whether a place with a long backlog delays another: one link with tens of thousands of messages
//! waiting, another on which people talk. It fails where the backlog ends before the measurement, never
//! on time.

use std::time::Duration;

use crate::measure::{arrived, latency, say};
use crate::stage::{Plan, Stage, Way};

/// The link with the backlog, and the one beside it.
const LONG: usize = 0;
const SHORT: usize = 1;

/// How long people wait between two messages where the program must be paced: a message costs two
/// lines there, its own and what is asked behind it, and they are to use less than half of a line a
/// second.
const PAUSE: Duration = Duration::from_secs(6);

/// How much is said.
struct Size {
    backlog: usize,
    /// One at a time, beside it.
    single: usize,
    /// The same, with pauses.
    paced: usize,
}

const WHOLE: Size = Size { backlog: 50_000, single: 2_000, paced: 20 };
const QUICK: Size = Size { backlog: 20_000, single: 100, paced: 3 };

/// One way of making and measuring a backlog.
struct Case {
    name: &'static str,
    way: Way,
    pace: &'static str,
    messages: usize,
    pause: Duration,
}

/// Measures, and prints.
pub(crate) async fn run(quick: bool) {
    let size = if quick { QUICK } else { WHOLE };
    println!("A backlog of {} messages on one link, and the latency on another.\n", size.backlog);
    println!(
        "{:<34} {:>17} {:>19}   {:<14} goal",
        "", "idle p50, p99", "beside it p50, p99", "times"
    );
    let case =
        |name, way| Case { name, way, pace: "off", messages: size.single, pause: Duration::ZERO };
    measure(&case("to Let's Chat", Way::FromIrc), &size).await;
    measure(&case("to an IRC server that trusts us", Way::FromLetsChat), &size).await;
    let paced = Case {
        pace: "standard",
        messages: size.paced,
        pause: PAUSE,
        ..case("to an IRC server, a line a second", Way::FromLetsChat)
    };
    measure(&paced, &size).await;
}

async fn measure(case: &Case, size: &Size) {
    let state = &std::env::temp_dir();
    let stage = Stage::planned(Plan { pace: case.pace, ..Plan::new(2, state) }).await;
    let way = (case.way, SHORT);
    let idle = latency(&stage, way, case.messages, case.pause).await;
    let before = arrived(&stage, case.way, LONG);
    (0..size.backlog).for_each(|at| say(&stage, case.way, LONG, &format!("backlog {at}")));
    let beside = latency(&stage, way, case.messages, case.pause).await;
    let left = size.backlog + before - arrived(&stage, case.way, LONG);
    assert!(left > 0, "{}: the backlog was over before the measurement", case.name);
    let times = |beside: Duration, idle: Duration| beside.as_secs_f64() / idle.as_secs_f64();
    println!(
        "{:<34} {:>17} {:>19}   {:<14} < 2 x   ({left} left)",
        case.name,
        both(idle),
        both(beside),
        format!("{:.1} x, {:.1} x", times(beside.0, idle.0), times(beside.1, idle.1)),
    );
}

fn both((half, most): (Duration, Duration)) -> String {
    format!("{:.2}, {:.2} ms", half.as_secs_f64() * 1e3, most.as_secs_f64() * 1e3)
}
