//! The times of a channel, each later than the one before.

use std::iter::Peekable;

use jiff::Timestamp;

use crate::domain::{LogEntry, LogPrecision};

const MINUTE: i64 = 60_000;

/// How far an exact time may be moved, in milliseconds, and still be called exact.
const NEGLIGIBLE: i64 = 2_000;

/// How many lines of one minute are spread in it. If there are more, they follow each other by a millisecond.
const MAX_SPREAD: usize = 1_024;

/// Gives entries, in the order in which they come, times in whole milliseconds that rise. An exact time is kept, or moved
/// to one millisecond after the one before. Lines of one minute without seconds are spread evenly between the lines around
/// them that have seconds, as far as that minute reaches. The same entries have the same times each time.
pub struct Rising<I: Iterator<Item = LogEntry>> {
    source: Peekable<I>,
    /// Lines of one minute, the next one last.
    spread: Vec<LogEntry>,
    last: i64,
}

impl<I: Iterator<Item = LogEntry>> Rising<I> {
    /// Before the first entry of `source`.
    pub fn new(source: I) -> Self {
        Self { source: source.peekable(), spread: Vec::new(), last: i64::MIN }
    }

    /// The earliest time that the next entry may have.
    fn earliest(&self) -> i64 {
        self.last.saturating_add(1)
    }

    fn place(&mut self, entry: &mut LogEntry, at: i64) {
        let own = entry.at.as_millisecond();
        let at = at.max(self.earliest());
        // What lies outside of the countable cannot be reached by steps of a millisecond.
        entry.at = Timestamp::from_millisecond(at).unwrap_or(Timestamp::MAX);
        let known = if entry.precision == LogPrecision::Minute { MINUTE } else { 0 };
        if at - own > known + NEGLIGIBLE {
            entry.precision = LogPrecision::Guessed;
        }
        self.last = at;
    }

    /// Takes the lines of the minute that `first` begins, and spreads them.
    fn spread(&mut self, first: LogEntry) {
        let minute = first.at;
        let is_same =
            |entry: &LogEntry| entry.precision == LogPrecision::Minute && entry.at == minute;
        let mut lines = vec![first];
        while lines.len() < MAX_SPREAD
            && let Some(entry) = self.source.next_if(is_same)
        {
            lines.push(entry);
        }
        let next = self.source.peek();
        let is_cut = next.is_some_and(is_same);
        let minute = minute.as_millisecond();
        let end = next.map_or(i64::MAX, |next| next.at.as_millisecond()).min(minute + MINUTE);
        let begin = self.earliest().max(minute);
        let room = (end - begin).max(0);
        let count = i64::try_from(lines.len()).unwrap_or(i64::MAX);
        for (at, entry) in (0i64..).zip(&mut lines) {
            let step = if is_cut || room < count { at } else { room * at / count };
            self.place(entry, begin + step);
        }
        lines.reverse();
        self.spread = lines;
    }
}

impl<I: Iterator<Item = LogEntry>> Iterator for Rising<I> {
    type Item = LogEntry;

    fn next(&mut self) -> Option<LogEntry> {
        if let Some(entry) = self.spread.pop() {
            return Some(entry);
        }
        let mut entry = self.source.next()?;
        if entry.precision == LogPrecision::Minute {
            self.spread(entry);
            return self.spread.pop();
        }
        let own = entry.at.as_millisecond();
        self.place(&mut entry, own);
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::LogEvent;
    use LogPrecision::{Exact, Guessed, Minute};

    fn entry((at, precision): (i64, LogPrecision)) -> LogEntry {
        let at = Timestamp::from_millisecond(at).unwrap();
        LogEntry { at, precision, event: LogEvent::Client(String::new()) }
    }

    #[test]
    fn times_rise() {
        let cases: [(&[(i64, LogPrecision)], &[(i64, LogPrecision)]); 9] = [
            (&[(5, Exact), (5, Exact), (9, Exact)], &[(5, Exact), (6, Exact), (9, Exact)]),
            (&[(5, Exact), (5, Exact), (5, Exact)], &[(5, Exact), (6, Exact), (7, Exact)]),
            // A clock that was set back.
            (&[(9_000, Exact), (5_000, Exact)], &[(9_000, Exact), (9_001, Guessed)]),
            (&[(9_000, Exact), (8_000, Exact)], &[(9_000, Exact), (9_001, Exact)]),
            (
                &[(0, Minute), (0, Minute), (0, Minute)],
                &[(0, Minute), (20_000, Minute), (40_000, Minute)],
            ),
            (&[(0, Minute), (60_000, Minute)], &[(0, Minute), (60_000, Minute)]),
            // Between lines with seconds.
            (
                &[(10_000, Exact), (0, Minute), (0, Minute), (30_001, Exact)],
                &[(10_000, Exact), (10_001, Minute), (20_001, Minute), (30_001, Exact)],
            ),
            // Without room between them.
            (
                &[(10, Exact), (0, Minute), (0, Minute), (11, Exact)],
                &[(10, Exact), (11, Minute), (12, Minute), (13, Exact)],
            ),
            (&[(90_000, Exact), (0, Minute)], &[(90_000, Exact), (90_001, Guessed)]),
        ];
        for (given, expected) in cases {
            let rising = Rising::new(given.iter().copied().map(entry));
            let found: Vec<_> = rising.map(|it| (it.at.as_millisecond(), it.precision)).collect();
            assert_eq!(found, expected, "{given:?}");
        }
    }

    #[test]
    fn a_minute_of_many_lines_costs_no_memory_and_ends() {
        let given = std::iter::repeat_n(entry((0, Minute)), 5_000);
        let found: Vec<_> = Rising::new(given).map(|it| it.at.as_millisecond()).collect();
        assert_eq!(found.len(), 5_000);
        assert!(found.is_sorted_by(|a, b| a < b));
        assert!(*found.last().unwrap() < 60_000, "{:?}", found.last());
    }
}
