//! Several people's logs of one channel become one.
//!
//! What several logs have is matched by author, text and order, not by time: clocks differ by minutes, or by a whole zone
//! that was named wrongly. Lines that each log has once are the anchors; several of them that are apart by the same time
//! show how the clocks differ. Between two anchors, short and repeated lines are matched in their order. What only one
//! log has keeps its place in the order. Of what several have, the best time and the richest event are taken.
//!
//! Where a log does not tell which hour it was that comes twice, another one does that has its lines.
//!
//! No more than a window of each source is held in memory. So two sources whose clocks differ by hours are matched only
//! if the window reaches that far; see [`WINDOWS`].

mod alignment;
mod anchors;
mod gaps;
mod normal;
mod richest;
mod skew;
#[cfg(test)]
mod tests;
mod twice;
mod two;

use normal::KeyedEntry;
use two::TwoSources;

use crate::domain::LogEntry;
use crate::migrate::times::TimedEntry;

/// How many entries all windows hold, at most. Each source but the first adds two windows.
pub const WINDOWS: usize = 1 << 16;

/// How many entries a window holds at least, and at most.
const WINDOW: std::ops::RangeInclusive<usize> = 512..=1 << 14;

/// Merges the logs of one channel. Each source is in its own order, with times that do not fall. Where clocks differ, the one
/// of an earlier source counts: name those first whose zone is sure. The times of the result are not unique, and fall
/// where a source has no seconds; [`crate::migrate::times::Rising`] mends that.
pub fn merge<I>(sources: Vec<I>) -> Box<dyn Iterator<Item = LogEntry> + Send>
where
    I: Iterator<Item = TimedEntry> + Send + 'static,
{
    let windows = 2 * sources.len().saturating_sub(1).max(1);
    let window = (WINDOWS / windows).clamp(*WINDOW.start(), *WINDOW.end());
    merge_in(sources, window)
}

fn merge_in<I>(sources: Vec<I>, window: usize) -> Box<dyn Iterator<Item = LogEntry> + Send>
where
    I: Iterator<Item = TimedEntry> + Send + 'static,
{
    let mut sources = sources.into_iter();
    let Some(first) = sources.next() else { return Box::new(std::iter::empty()) };
    let Some(second) = sources.next() else { return Box::new(first.map(|it| it.entry)) };
    let keyed = |source: I| source.map(KeyedEntry::new);
    let mut merged: Box<dyn Iterator<Item = KeyedEntry> + Send> =
        Box::new(TwoSources::new(keyed(first), keyed(second), window));
    for source in sources {
        merged = Box::new(TwoSources::new(merged, keyed(source), window));
    }
    Box::new(merged.map(|entry| entry.entry))
}
