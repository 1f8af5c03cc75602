//! What the whole road costs: the program itself between two servers of ours, its store on disk.
//!
//! `cargo bench --bench road` prints each figure beside its goal; `-- --quick` takes few messages, to
//! show that it works. `-- backlog` prints instead what the backlog of one place does to the latency of
//! another, `-- accounts` what people's own accounts cost, `-- archive` what the archive does to all, `-- away` what it takes to mirror what was said meanwhile, `-- backup` what a backup costs beside it, `-- forget` how
//! long the program pauses when it forgets what is old. It fails where a message is lost, repeated or out of order,
//! or where the program exits, and never on time.
#![allow(clippy::unwrap_used)]

mod accounts;
mod archive;
mod away;
mod backlog;
mod backup;
mod forget;
mod measure;
mod stage;

use std::path::{Path, PathBuf};
use std::time::Duration;

use measure::{Load, latency, throughput};
use stage::{Stage, Way};

/// How much is said.
#[derive(Clone, Copy)]
struct Size {
    /// One at a time.
    single: usize,
    /// All at once.
    many: usize,
    /// Links, where many are meant.
    links: usize,
}

const WHOLE: Size = Size { single: 3_000, many: 40_000, links: 1_000 };
const QUICK: Size = Size { single: 200, many: 2_000, links: 100 };

#[tokio::main]
async fn main() {
    let asked = |word| std::env::args().any(|argument| argument == word);
    let quick = asked("--quick");
    if !asked("forget") {
        stage::print_program();
    }
    if asked("backlog") {
        return backlog::run(quick).await;
    }
    if asked("away") {
        return away::run(quick).await;
    }
    if asked("accounts") {
        return accounts::run(quick).await;
    }
    if asked("archive") {
        return archive::run(quick).await;
    }
    if asked("backup") {
        return backup::run(quick);
    }
    if asked("forget") {
        return forget::run(quick);
    }
    let size = if quick { QUICK } else { WHOLE };
    let disk = std::env::temp_dir();
    println!(
        "The store is in {}, synchronous=FULL. Goals are for one machine of 2 cores.\n",
        disk.display()
    );

    let one = Stage::set(1, &disk).await;
    let [from_irc, from_letschat] = both_latencies(&one, size).await;
    let idle = one.memory();
    drop(one);
    row("added latency, IRC to Let's Chat, p50", &millis(from_irc.0), "< 2 ms");
    row("added latency, IRC to Let's Chat, p99", &millis(from_irc.1), "< 10 ms");
    row("added latency, Let's Chat to IRC, p50", &millis(from_letschat.0), "< 2 ms");
    row("added latency, Let's Chat to IRC, p99", &millis(from_letschat.1), "< 10 ms");

    let hundred = Stage::set(100, &disk).await;
    let from_irc_many = throughput(&hundred, Way::FromIrc, size.many).await;
    let from_letschat_many = throughput(&hundred, Way::FromLetsChat, size.many).await;
    drop(hundred);
    row("throughput, 100 links, IRC to Let's Chat", &per_second(&from_irc_many), "> 5,000/s");
    row("throughput, 100 links, Let's Chat to IRC", &per_second(&from_letschat_many), "> 5,000/s");

    row("resident memory, 1 link", &megabytes(idle), "< 25 MB");
    let few = cost(10, size.many, &disk).await;
    let many = cost(size.links, size.many, &disk).await;
    row(&format!("resident memory, {} links", size.links), &megabytes(many.memory), "< 60 MB");
    let ratio = many.cpu.as_secs_f64() / few.cpu.as_secs_f64();
    row(
        &format!("cost of a message, {} links to 10", size.links),
        &format!("{ratio:.2} x"),
        "< 1.3 x",
    );
    row("processor time of a message, 10 links", &micros(few.cpu / each(size.many)), "");

    if let Some(memory) = memory_file_system() {
        let stage = Stage::set(1, &memory).await;
        let [without, _] = both_latencies(&stage, size).await;
        let stage = Stage::set(100, &memory).await;
        let many_without = throughput(&stage, Way::FromIrc, size.many).await;
        println!("\nWhat the disk costs (the same with the store in {}):", memory.display());
        row("latency with the disk, p50", &ratio_of(from_irc.0, without.0), "");
        row(
            "time for many messages with the disk",
            &ratio_of(from_irc_many.time, many_without.time),
            "",
        );
    }
    println!(
        "\nFor orientation: matterbridge, IRC to IRC on such a machine: p50 1.6 ms, p99 8 ms, 255/s, 84 MB."
    );
}

/// The p50 and p99 of each way.
async fn both_latencies(stage: &Stage, size: Size) -> [(Duration, Duration); 2] {
    let from_irc = latency(stage, (Way::FromIrc, 0), size.single, Duration::ZERO).await;
    [from_irc, latency(stage, (Way::FromLetsChat, 0), size.single, Duration::ZERO).await]
}

async fn cost(links: usize, messages: usize, state: &Path) -> Load {
    throughput(&Stage::set(links, state).await, Way::FromIrc, messages).await
}

fn memory_file_system() -> Option<PathBuf> {
    Some(PathBuf::from("/dev/shm")).filter(|path| path.is_dir())
}

fn row(what: &str, measured: &str, goal: &str) {
    println!("{what:<44} {measured:>12}   {goal}");
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn micros(time: Duration) -> String {
    format!("{:.0} µs", time.as_secs_f64() * 1e6)
}

fn per_second(load: &Load) -> String {
    format!("{:.0}/s", load.messages as f64 / load.time.as_secs_f64())
}

fn megabytes(kilobytes: u64) -> String {
    format!("{:.1} MB", kilobytes as f64 / 1024.0)
}

fn ratio_of(with: Duration, without: Duration) -> String {
    format!("{:.2} x", with.as_secs_f64() / without.as_secs_f64())
}

fn each(messages: usize) -> u32 {
    u32::try_from(messages).expect("not that many")
}
