//! Messages one at a time: how long each takes, and what it costs.

use std::time::Duration;

use crate::measure::latency;
use crate::report::Goal::AtMost;
use crate::report::{
    against, each, in_ms, in_us, written_count, written_kb, written_ms, written_us,
};
use crate::stage::{Stage, Way};

/// How long people wait between two messages where the cost is measured.
const PAUSE: Duration = Duration::from_millis(20);

/// One as soon as the one before has arrived.
pub(crate) async fn added_latency(stage: &Stage, way: Way, messages: usize) {
    let (half, most) = latency(stage, (way, 0), messages, Duration::ZERO).await;
    let row = |what, time, goal| {
        let what = format!("added latency, one at a time, {way}, {what}");
        against(&what, written_ms, in_ms(time), AtMost(goal));
    };
    row("p50", half, 0.35);
    row("p99", most, 1.0);
}

/// 50 a second: what each costs the processor and the disk.
pub(crate) async fn cost(stage: &Stage, way: Way, messages: usize) {
    let (cpu, written) = (stage.program().cpu(), stage.program().written());
    let syncs = stage.counter(SYNCS).await;
    latency(stage, (way, 0), messages, PAUSE).await;
    let syncs = stage.counter(SYNCS).await.zip(syncs).map(|(after, before)| after - before);
    let cpu = (stage.program().cpu() - cpu) / each(messages);
    let after = stage.program().written();
    let share = |bytes: u64| bytes as f64 / messages as f64;
    let row = |what, unit, figure, goal| {
        against(&format!("{what} a message, 50/s, {way}"), unit, figure, AtMost(goal));
    };
    // Version 0.1 does not count them. The few that the bridge needs by itself meanwhile are no message's.
    if let Some(syncs) = syncs {
        row("fsyncs", written_count, (10.0 * syncs / messages as f64).round() / 10.0, 1.0);
    }
    row("processor", written_us, in_us(cpu), 300.0);
    row("bytes written", written_kb, share(after.by_calls - written.by_calls), 10e3);
    row("bytes to disk", written_kb, share(after.to_disk - written.to_disk), 10e3);
}

/// How often the store had the disk take what it has written.
const SYNCS: &str = "letsbridge_store_syncs_total";
