//! What the environment says of a run, and what holds otherwise.

use std::time::Duration;

use super::faults::Pauses;

/// How many times the program is killed on each kind of server, unless the environment says otherwise; with the
/// runs with accounts, more than 200 times in all.
const CRASHES: usize = 60;

/// The same where people speak by accounts, and where the store is in PostgreSQL, on either kind of server.
const FEW_CRASHES: usize = 25;

/// The longest pause, in seconds, unless the environment says otherwise.
const LONGEST_PAUSE: f64 = 3.0;

/// How often something restarts or stands still in a run without kills, and the longest time in seconds
/// between two such, unless the environment says otherwise.
const ROUNDS: usize = 7;
const CALM: f64 = 1.0;

/// How often the program is replaced in a run without kills, unless the environment says otherwise.
const UPGRADES: usize = 6;

/// How often something happens to two nodes on each kind of server, and the longest pause of one in seconds, unless the
/// environment says otherwise.
const TROUBLES: usize = 20;
const LONGEST_NODE_PAUSE: f64 = 9.0;

/// How often something happens to two nodes.
pub(crate) fn troubles() -> usize {
    from_environment("LETSBRIDGE_TROUBLES").unwrap_or(TROUBLES)
}

/// The longest pause of a node.
pub(crate) fn node_pauses() -> Pauses {
    pauses_of(LONGEST_NODE_PAUSE)
}

/// How often the program is replaced.
pub(crate) fn upgrades() -> usize {
    from_environment("LETSBRIDGE_UPGRADES").unwrap_or(UPGRADES)
}

/// The dice.
pub(crate) fn seed() -> u64 {
    from_environment("LETSBRIDGE_SEED").unwrap_or_else(|| fastrand::u64(..))
}

/// How many times the program is killed; `are_few` where others are killed, too.
pub(crate) fn crashes(are_few: bool) -> usize {
    let usual = if are_few { FEW_CRASHES } else { CRASHES };
    from_environment("LETSBRIDGE_CRASHES").unwrap_or(usual)
}

/// How often something restarts or stands still.
pub(crate) fn rounds() -> usize {
    from_environment("LETSBRIDGE_ROUNDS").unwrap_or(ROUNDS)
}

/// The longest time between two such.
pub(crate) fn calm() -> Duration {
    Duration::from_secs_f64(from_environment("LETSBRIDGE_CALM").unwrap_or(CALM))
}

fn from_environment<T: std::str::FromStr>(name: &str) -> Option<T> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is not a number")))
}

/// The longest pause in a run.
pub(crate) fn pauses() -> Pauses {
    pauses_of(LONGEST_PAUSE)
}

fn pauses_of(usual: f64) -> Pauses {
    let longest = from_environment("LETSBRIDGE_LONGEST_PAUSE").unwrap_or(usual);
    Pauses { longest: Duration::from_secs_f64(longest) }
}
