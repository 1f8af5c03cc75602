//! The same with the store in PostgreSQL, on this machine: what two nodes cost.

use std::path::Path;
use std::time::Duration;

use letsbridge_testkit::postgres::PostgresServer;

use crate::measure::{latency, throughput};
use crate::report::Goal::{AtLeast, AtMost};
use crate::report::{against, in_ms, written_ms, written_rate};
use crate::stage::{Plan, Stage, Way};

const WHOLE: (usize, usize) = (3_000, 40_000);
const QUICK: (usize, usize) = (200, 2_000);

/// Measures, and prints. The server writes to the disk as it does by default.
pub(crate) async fn run(quick: bool) {
    let (single, many) = if quick { QUICK } else { WHOLE };
    let state = &std::env::temp_dir();
    let server = PostgresServer::start_durable();
    println!(
        "The store is in a PostgreSQL of its own, on this machine, and in {}.\n",
        state.display()
    );
    added_latency(&server, state, single).await;
    let database = server.url(&server.create_database());
    let stage = Stage::planned(in_postgres(100, state, &database)).await;
    for way in Way::BOTH {
        let load = throughput(&stage, way, many).await;
        let rate = load.messages as f64 / load.time.as_secs_f64();
        against(&format!("messages a second, 100 links, {way}"), written_rate, rate, AtLeast(10e3));
    }
}

/// One message at a time, with the store in SQLite and then in PostgreSQL: less than twice the time.
async fn added_latency(server: &PostgresServer, state: &Path, messages: usize) {
    let alone = Stage::set(1, state).await;
    let sqlite = both_ways(&alone, messages).await;
    drop(alone);
    let database = server.url(&server.create_database());
    let stage = Stage::planned(in_postgres(1, state, &database)).await;
    let postgres = both_ways(&stage, messages).await;
    for ((way, sqlite), postgres) in Way::BOTH.iter().zip(sqlite).zip(postgres) {
        let what = format!("added latency, one at a time, {way}, p50");
        against(&what, written_ms, in_ms(postgres), AtMost(2.0 * in_ms(sqlite)));
    }
}

async fn both_ways(stage: &Stage, messages: usize) -> [Duration; 2] {
    let from_irc = latency(stage, (Way::FromIrc, 0), messages, Duration::ZERO).await.0;
    [from_irc, latency(stage, (Way::FromLetsChat, 0), messages, Duration::ZERO).await.0]
}

fn in_postgres<'a>(links: usize, state: &'a Path, database: &'a str) -> Plan<'a> {
    Plan { database: Some(database), ..Plan::new(links, state) }
}
