//! What an attack has cost.

use std::fmt;
use std::time::Duration;

use super::victim::SETTLE;

/// The most memory that it may take, in bytes.
pub(crate) const MEMORY: u64 = 100_000_000;

/// How late another channel may be.
const LATE: Duration = Duration::from_millis(250);

/// How much longer than it waits for confirmations it may take to stop.
const STOP: Duration = Duration::from_secs(2);

/// How much it may log.
const LOG: u64 = 1_000_000;

#[derive(Clone, Debug)]
pub(crate) struct Figures {
    pub(crate) attack: String,
    /// The most memory, in bytes.
    pub(crate) peak: u64,
    /// The longest time that a message elsewhere took.
    pub(crate) worst: Duration,
    /// From SIGTERM to the end.
    pub(crate) stop: Duration,
    /// How much was logged, in bytes.
    pub(crate) log: u64,
    /// How much of the attack was taken, in bytes, where that was counted.
    pub(crate) said: u64,
    /// What must not be at all: that it ends by itself, or does not when it is asked to.
    pub(crate) fault: Option<String>,
}

impl fmt::Display for Figures {
    /// A line of the table; a figure beyond its goal is marked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = |beyond| if beyond { '!' } else { ' ' };
        write!(
            f,
            "{:<58} {:>6.1} MB{} {:>6} ms{} {:>6.2} s{} {:>8} kB{} {:>6.1} MB {}",
            self.attack,
            self.peak as f64 / 1e6,
            mark(self.peak >= MEMORY),
            self.worst.as_millis(),
            mark(self.worst > LATE),
            self.stop.as_secs_f64(),
            mark(self.stop > SETTLE + STOP),
            self.log / 1000,
            mark(self.log > LOG),
            self.said as f64 / 1e6,
            self.fault.as_deref().unwrap_or_default(),
        )
    }
}

/// What stands over the table.
pub(crate) fn heading() -> String {
    format!(
        "{:<58} {:>9}  {:>9}  {:>8}  {:>11} {:>9}\n{:<58} {:>9}  {:>9}  {:>8}  {:>11}",
        "attack",
        "peak",
        "late",
        "stops",
        "log",
        "heard",
        "the goal",
        format!("< {} MB", MEMORY / 1_000_000),
        format!("{} ms", LATE.as_millis()),
        format!("{} s", (SETTLE + STOP).as_secs()),
        format!("{} kB", LOG / 1000),
    )
}
