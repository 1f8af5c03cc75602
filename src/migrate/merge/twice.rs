//! The hour that comes twice: if a log does not tell which one its lines are of, another log may that has them, since its
//! writer's clock is in a zone without such an hour, or since somebody spoke in both of them.
//!
//! The lines in question are those of one run. As times do not fall, there is one place in it before which all lines are
//! of the first hour, and behind which all are of the second. The lines that the other log has, too, vote for that place.

use std::collections::HashMap;
use std::ops::Range;

use super::alignment::skew_around;
use super::anchors;
use super::normal::KeyedEntry;
use super::skew::Skew;

/// How far the times of one line may differ beyond what the clocks do, in milliseconds.
const DELAY: i64 = 2 * 60_000;

/// How far times may fall within a log, in milliseconds: programs write lines out of order by a second or two.
const OUT_OF_ORDER: i64 = 30_000;

/// Moves the entries of both sources into the second hour that are surely of it. The clocks have differed by `usual` so far.
pub(super) fn decide(first: &mut [KeyedEntry], second: &mut [KeyedEntry], usual: Skew) {
    if first.iter().chain(second.iter()).all(|entry| entry.later.is_none()) {
        return;
    }
    let mut sure = anchors::find(first, second, usual).chain;
    sure.retain(|it| first[it.a].later.is_none() && second[it.b].later.is_none());
    for run in runs(first) {
        let near = sure.partition_point(|it| it.a < run.start);
        split(first, run, second, skew_around(&sure, near, usual));
    }
    for run in runs(second) {
        let near = sure.partition_point(|it| it.b < run.start);
        split(second, run, first, skew_around(&sure, near, usual).reversed());
    }
}

/// The entries side by side that may be an hour later: each run is of one night.
fn runs(entries: &[KeyedEntry]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let Some(later) = entry.later else { continue };
        let goes_on = |run: &&mut Range<usize>| {
            let begin = &entries[run.start];
            run.end == at && begin.later == Some(later) && entry.time < begin.time + later
        };
        match runs.last_mut().filter(goes_on) {
            Some(run) => run.end = at + 1,
            None => runs.push(at..at + 1),
        }
    }
    runs
}

/// Decides about a run of `own` by what `other` has, whose clock differs from its own by `skew`.
fn split(own: &mut [KeyedEntry], run: Range<usize>, other: &[KeyedEntry], skew: Skew) {
    let (begin, end) = (own[run.start].time, own[run.end - 1].time);
    let Some(later) = own[run.start].later else { return };
    // The clock went back right behind the run, or something stands behind it that is sure.
    let next = own.get(run.end).map_or(i64::MAX, |next| next.time);
    let is_first = next < end + later - OUT_OF_ORDER;
    let votes: Vec<i64> = if is_first {
        vec![1; run.len()]
    } else {
        let reach = 2 * DELAY;
        let near = begin - skew.offset - reach..end + later - skew.offset + reach;
        let witnesses = Witnesses::of(other.iter().filter(|it| near.contains(&it.time)));
        own[run.clone()].iter().map(|entry| witnesses.vote(entry, later, skew)).collect()
    };
    let second = place(&votes);
    let first = votes[..second].iter().rposition(|vote| *vote > 0).map_or(0, |at| at + 1);
    let (own_first, own_second) = own[run].split_at_mut(second);
    for entry in &mut own_first[..first] {
        entry.later = None;
    }
    for entry in own_second {
        entry.move_to(entry.time + later);
        entry.later = None;
    }
}

/// Where the second hour begins: where most votes for the first one stand before it, and most votes for the second one, which
/// count less than 0, behind it. Among equal places, the last one.
fn place(votes: &[i64]) -> usize {
    let mut best = (0, 0);
    let mut sum = 0;
    for (at, vote) in (1..).zip(votes) {
        sum += vote;
        if sum >= best.1 {
            best = (at, sum);
        }
    }
    best.0
}

/// Entries of the other source whose time is sure.
struct Witnesses<'a>(HashMap<u64, Vec<&'a KeyedEntry>>);

impl<'a> Witnesses<'a> {
    fn of(entries: impl Iterator<Item = &'a KeyedEntry>) -> Self {
        let mut by_key: HashMap<u64, Vec<&KeyedEntry>> = HashMap::new();
        for entry in entries.filter(|it| it.later.is_none() && !it.is_absorbed) {
            by_key.entry(entry.coarse_key()).or_default().push(entry);
        }
        Self(by_key)
    }

    /// Which hour they say that `entry` is of: above 0 the first, below the second, 0 if they do not tell.
    fn vote(&self, entry: &KeyedEntry, later: i64, skew: Skew) -> i64 {
        let like = self.0.get(&entry.coarse_key()).into_iter().flatten();
        let like: Vec<_> = like.filter(|it| entry.is_like(it)).collect();
        let is_at = |time: i64| {
            like.iter().any(|it| {
                let has_seconds = entry.has_seconds() && it.has_seconds();
                let slack = if has_seconds { skew.slack() } else { 60_000 };
                skew.differs(time - it.time) <= DELAY + slack
            })
        };
        let weight = if entry.is_telling { 2 } else { 1 };
        match (is_at(entry.time), is_at(entry.time + later)) {
            (true, false) => weight,
            (false, true) => -weight,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use jiff::Timestamp;

    use super::*;
    use crate::domain::{LogEntry, LogEvent, LogPrecision, LogSpeaker, MessageKind};
    use crate::migrate::times::TimedEntry;

    /// `20 text` is said at that minute; `20? text` then or an hour later.
    fn source(lines: &str) -> Vec<KeyedEntry> {
        let read = |line: &str| {
            let (minute, text) = line.trim().split_once(' ').unwrap();
            let later = minute.ends_with('?').then(|| jiff::SignedDuration::from_hours(1));
            let minute: i64 = minute.trim_end_matches('?').parse().unwrap();
            let by = LogSpeaker { nick: "ann".into(), ..LogSpeaker::default() };
            let event = LogEvent::Message { by, kind: MessageKind::Text, text: text.to_owned() };
            let at = Timestamp::from_second(minute * 60).unwrap();
            let entry = LogEntry { at, precision: LogPrecision::Exact, event };
            KeyedEntry::new(TimedEntry { entry, later })
        };
        lines.split(',').map(read).collect()
    }

    fn told(entries: &[KeyedEntry]) -> String {
        let tell = |entry: &KeyedEntry| {
            let doubt = if entry.later.is_some() { "?" } else { "" };
            let LogEvent::Message { text, .. } = &entry.entry.event else { unreachable!() };
            assert_eq!(entry.entry.at.as_millisecond(), entry.time);
            format!("{}{doubt} {text}", entry.time / 60_000)
        };
        entries.iter().map(tell).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn another_log_tells_which_hour_it_was() {
        let cases = [
            // Nobody tells.
            ("0 a, 70? b, 90? c, 200 d", "0 x, 200 d", "0 a, 70? b, 90? c, 200 d"),
            // The other log has one of them: all behind it are of the second hour, too.
            ("0 a, 70? b, 90? c, 200 d", "0 a, 130 b, 200 d", "0 a, 130 b, 150 c, 200 d"),
            ("0 a, 70? b, 90? c, 200 d", "0 a, 150 c, 200 d", "0 a, 70? b, 150 c, 200 d"),
            // All before it are of the first hour, too.
            ("0 a, 70? b, 90? c, 200 d", "0 a, 90 c, 200 d", "0 a, 70 b, 90 c, 200 d"),
            ("0 a, 70? b, 90? c, 200 d", "0 a, 70 b, 200 d", "0 a, 70 b, 90? c, 200 d"),
            ("0 a, 70? b, 90? c, 200 d", "0 a, 70 b, 150 c", "0 a, 70 b, 150 c, 200 d"),
            // One line by chance in the wrong hour, against others.
            (
                "0 a, 61? ok, 70? b, 90? c, 110? ok, 200 d",
                "0 a, 70 b, 90 c, 121 ok, 170 ok",
                "0 a, 61 ok, 70 b, 90 c, 170 ok, 200 d",
            ),
            // The same words in both hours tell nothing.
            ("0 a, 70? ok, 200 d", "0 a, 70 ok, 130 ok, 200 d", "0 a, 70? ok, 200 d"),
            // The clock went back behind them: they are of the first hour, whatever anybody has.
            ("0 a, 90? b, 125 c", "0 a, 150 b", "0 a, 90 b, 125 c"),
            // A clock that is 7 minutes ahead.
            (
                "0 this is one, 10 this is another, 20 this is a third, 70? b, 200 d",
                "7 this is one, 17 this is another, 27 this is a third, 137 b",
                "0 this is one, 10 this is another, 20 this is a third, 130 b, 200 d",
            ),
            // Two nights.
            ("70? b, 9000? c, 9200 d", "130 b, 9000 c", "130 b, 9000 c, 9200 d"),
            // The other one does not tell either.
            ("0 a, 70? b, 200 d", "0 a, 70? b, 200 d", "0 a, 70? b, 200 d"),
        ];
        for (own, other, expected) in cases {
            let (mut one, mut two) = (source(own), source(other));
            decide(&mut one, &mut two, Skew::NONE);
            assert_eq!(told(&one), expected, "{own} by {other}");
            let (mut two, mut one) = (source(other), source(own));
            decide(&mut two, &mut one, Skew::NONE);
            assert_eq!(told(&one), expected, "{own} by {other}, as the second one");
        }
    }
}
