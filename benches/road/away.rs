//! What was said while the program was away: how long it takes to mirror it, and how much memory. It
//! fails where a message is lost, repeated or out of order, never on time.

use std::time::Instant;

use crate::measure::{arrived, arrives, say, texts};
use crate::stage::{Plan, Stage, Way};

const WHOLE: usize = 100_000;
const QUICK: usize = 2_000;

/// Measures, and prints.
pub(crate) async fn run(quick: bool) {
    let said = if quick { QUICK } else { WHOLE };
    println!("Back again, with {said} messages of one place to mirror.\n");
    println!("{:<34} {:>10} {:>12} {:>12}", "", "time", "memory", "at most");
    measure("said in a room", Way::FromLetsChat, said).await;
    measure("said in a channel that is kept", Way::FromIrc, said).await;
}

async fn measure(name: &str, way: Way, said: usize) {
    let state = &std::env::temp_dir();
    let mut stage = Stage::planned(Plan { kept: 2 * said, ..Plan::new(1, state) }).await;
    // Where it goes on from.
    say(&stage, way, 0, "the last before");
    arrives(&stage, way, 0, 1).await;
    let memory = stage.program().memory();
    let began = Instant::now();
    stage.away(|stage| (0..said).for_each(|at| say(stage, way, 0, &format!("late {at}")))).await;
    arrives(&stage, way, 0, 1 + said).await;
    let time = began.elapsed();
    assert_eq!(arrived(&stage, way, 0), 1 + said, "{name}");
    for (at, text) in texts(&stage, way, 0).iter().skip(1).enumerate() {
        assert!(text.ends_with(&format!(" late {at}")), "{name}: {text:?} as number {at}");
    }
    println!(
        "{name:<34} {:>8.1} s {:>9.1} MB {:>9.1} MB",
        time.as_secs_f64(),
        memory as f64 / 1024.0,
        stage.program().peak() as f64 / 1024.0,
    );
}
