//! What the whole road costs: the program itself between two servers of ours, its store on disk.
//!
//! `cargo bench --bench road` prints each figure beside its goal, and whether it is met; `-- --quick` takes few messages,
//! to show that it works. `BEFORE` may name another `letsbridge`, an older one for instance: it is measured first, for all
//! the same. Other words print something else instead: `-- backlog` what the backlog of one place does to
//! the latency of another, `-- accounts` what people's own accounts cost, `-- archive` what the archive does to all,
//! `-- away` what it takes to mirror what was said meanwhile, `-- backup` what a backup costs beside it, `-- forget` how
//! long the program pauses when it forgets what is old, `-- postgres` what a store in PostgreSQL costs, which must be
//! installed, `-- peers` the same work by matterbridge, whose program `MATTERBRIDGE` names. It fails where a message is
//! lost, repeated or out of order, or where the program exits, and never on time.
#![allow(clippy::unwrap_used)]

mod accounts;
mod archive;
mod away;
mod backlog;
mod backup;
mod burst;
mod forget;
mod ledger;
mod measure;
mod peers;
mod postgres;
mod process;
mod program;
mod report;
mod restart;
mod single;
mod stage;
mod table;

#[tokio::main]
async fn main() {
    let asked = |word: &str| std::env::args().any(|argument| argument == word);
    let quick = asked("--quick");
    if asked("forget") {
        return forget::run(quick);
    }
    if let Some(before) = std::env::var_os("BEFORE") {
        println!("Before:");
        program::measure(Some(before.into()));
        measure(asked, quick).await;
        println!("\nNow:");
    }
    program::measure(None);
    measure(asked, quick).await;
}

async fn measure(asked: impl Fn(&str) -> bool, quick: bool) {
    if asked("backlog") {
        backlog::run(quick).await;
    } else if asked("away") {
        away::run(quick).await;
    } else if asked("accounts") {
        accounts::run(quick).await;
    } else if asked("archive") {
        archive::run(quick).await;
    } else if asked("backup") {
        backup::run(quick);
    } else if asked("postgres") {
        postgres::run(quick).await;
    } else if asked("peers") {
        peers::run(quick).await;
    } else {
        table::run(quick).await;
    }
}
