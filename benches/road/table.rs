//! Everything that has a goal, row by row.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::measure::{Load, latency, throughput};
use crate::program;
use crate::report::Goal::{AtLeast, AtMost};
use crate::report::{
    against, each, in_us, ratio_of, row, written_mb, written_rate, written_times, written_us,
};
use crate::stage::{Plan, Stage, Way};
use crate::{burst, restart, single};

/// How much is said, and how often what is done.
#[derive(Clone, Copy)]
struct Size {
    /// Messages one at a time.
    single: usize,
    /// Messages one at a time, 50 a second.
    paced: usize,
    /// Messages all at once, each way.
    many: usize,
    /// Links, where many are meant, and where very many are.
    links: [usize; 2],
    /// Messages in the ledger of a bridge that has run for long.
    ledger: usize,
    /// Restarts, of which the median counts.
    restarts: usize,
}

const WHOLE: Size = Size {
    single: 3_000,
    paced: 500,
    many: 40_000,
    links: [1_000, 5_000],
    ledger: 1_000_000,
    restarts: 5,
};
const QUICK: Size =
    Size { single: 200, paced: 50, many: 2_000, links: [100, 200], ledger: 10_000, restarts: 3 };

/// Measures, and prints.
pub(crate) async fn run(quick: bool) {
    let size = if quick { QUICK } else { WHOLE };
    let disk = &std::env::temp_dir();
    println!("The store is in {}. Goals are for one machine of 2 cores.\n", disk.display());
    one_link(size, disk).await;
    let hundred = hundred_links(size, disk).await;
    many_links(size, disk).await;
    very_many_links(size, disk, &hundred).await;
    let mut stage = Stage::planned(Plan { ledger: size.ledger, ..Plan::new(1, disk) }).await;
    let what = format!("a ledger of {}", size.ledger);
    restart::ready(&mut stage, &what, size.restarts, 40.0).await;
    drop(stage);
    burst::run().await;
    let binary = std::fs::metadata(program::measured()).unwrap().len();
    against(
        "size of the binary",
        |size| format!("{:.1} MB", size / 1e6),
        binary as f64,
        AtMost(10e6),
    );
    without_disk(size, disk, &hundred[0]).await;
}

// Restarts are measured before much is said: what was said within the last minute is read again, which takes longer the
// more there was.

async fn one_link(size: Size, disk: &Path) {
    let mut stage = Stage::set(1, disk).await;
    restart::ready(&mut stage, "1 link", size.restarts, 10.0).await;
    for way in Way::BOTH {
        single::added_latency(&stage, way, size.single).await;
    }
    for way in Way::BOTH {
        single::cost(&stage, way, size.paced).await;
    }
    against("resident memory, 1 link", written_mb, resident(&stage), AtMost(9.0 * 1024.0));
}

async fn hundred_links(size: Size, disk: &Path) -> [Load; 2] {
    let stage = Stage::set(100, disk).await;
    let loads = both_ways(&stage, size.many).await;
    for (way, load) in Way::BOTH.iter().zip(&loads) {
        let rate = load.messages as f64 / load.time.as_secs_f64();
        against(&format!("messages a second, 100 links, {way}"), written_rate, rate, AtLeast(40e3));
        let cpu = in_us(load.cpu / each(load.messages));
        against(&format!("processor a message, 100 links, {way}"), written_us, cpu, AtMost(25.0));
    }
    loads
}

async fn many_links(size: Size, disk: &Path) {
    let links = size.links[0];
    let mut stage = Stage::set(links, disk).await;
    let what = format!("resident memory, {links} links ready");
    against(&what, written_mb, resident(&stage), AtMost(18.0 * 1024.0));
    restart::ready(&mut stage, &format!("{links} links"), size.restarts, 100.0).await;
    both_ways(&stage, size.many).await;
    let what = format!("resident memory, {links} links, {} messages later", 2 * size.many);
    against(&what, written_mb, resident(&stage), AtMost(25.0 * 1024.0));
}

async fn very_many_links(size: Size, disk: &Path, hundred: &[Load; 2]) {
    let links = size.links[1];
    let mut stage = Stage::set(links, disk).await;
    restart::ready(&mut stage, &format!("{links} links"), size.restarts, 600.0).await;
    let loads = both_ways(&stage, size.many).await;
    for ((way, load), few) in Way::BOTH.iter().zip(&loads).zip(hundred) {
        let ratio = load.cpu.as_secs_f64() / few.cpu.as_secs_f64();
        let what = format!("processor a message, {links} links to 100, {way}");
        against(&what, written_times, ratio, AtMost(1.1));
    }
}

/// What the same costs with the store in memory.
async fn without_disk(size: Size, disk: &Path, hundred: &Load) {
    let memory = PathBuf::from("/dev/shm");
    if !memory.is_dir() {
        return;
    }
    println!("\nWhat the disk costs (the same with the store in {}):", memory.display());
    let mut half = [Duration::ZERO; 2];
    for (half, state) in half.iter_mut().zip([disk, &memory]) {
        let stage = Stage::set(1, state).await;
        *half = latency(&stage, (Way::FromIrc, 0), size.single, Duration::ZERO).await.0;
    }
    row("latency with the disk, p50", &ratio_of(half[0], half[1]), "");
    let load = throughput(&Stage::set(100, &memory).await, Way::FromIrc, size.many).await;
    row("time for many messages with the disk", &ratio_of(hundred.time, load.time), "");
}

async fn both_ways(stage: &Stage, messages: usize) -> [Load; 2] {
    let from_irc = throughput(stage, Way::FromIrc, messages).await;
    [from_irc, throughput(stage, Way::FromLetsChat, messages).await]
}

fn resident(stage: &Stage) -> f64 {
    stage.program().memory() as f64
}
