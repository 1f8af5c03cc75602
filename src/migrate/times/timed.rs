//! An entry of one log, with its time.

use jiff::SignedDuration;

use crate::domain::LogEntry;

/// An entry of one log. Its time may be that of the hour before, in the night in which clocks go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedEntry {
    /// The entry, at the earlier of the two times at which the writer's clock showed this.
    pub entry: LogEntry,
    /// How much later the other time is. Nothing if the log tells which one it was.
    pub later: Option<SignedDuration>,
}

impl From<LogEntry> for TimedEntry {
    /// An entry whose time is sure.
    fn from(entry: LogEntry) -> Self {
        Self { entry, later: None }
    }
}
