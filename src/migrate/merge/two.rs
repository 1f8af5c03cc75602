//! Two sources become one, a window at a time.

use std::collections::VecDeque;
use std::iter::Fuse;

use super::alignment::{Alignment, MergeStep, align};
use super::anchors::MAX_SKEW;
use super::normal::KeyedEntry;
use super::richest::enrich;
use super::skew::Skew;
use super::twice;

/// How far before the end of a full window nothing is decided: what it matches with may not have been read.
const MARGIN: i64 = 5 * 60_000;

/// Two sources of one channel, merged. The first one's clock counts.
pub(super) struct TwoSources<A: Iterator, B: Iterator> {
    first: SourceWindow<A>,
    second: SourceWindow<B>,
    /// How many entries of each are looked at, at most.
    window: usize,
    /// By how much the clocks differed last.
    skew: Skew,
    /// By how much they differed at the anchor before the windows, if that was not long ago.
    before: Option<Skew>,
    ready: VecDeque<KeyedEntry>,
}

/// A source, and what has been read of it but not been merged.
struct SourceWindow<I: Iterator> {
    source: Fuse<I>,
    window: VecDeque<KeyedEntry>,
    is_ended: bool,
}

impl<I: Iterator<Item = KeyedEntry>> SourceWindow<I> {
    fn new(source: I) -> Self {
        Self { source: source.fuse(), window: VecDeque::new(), is_ended: false }
    }

    fn read(&mut self) {
        match self.source.next() {
            Some(entry) => self.window.push_back(entry),
            None => self.is_ended = true,
        }
    }

    /// The time of the first entry that has not been merged.
    fn front(&mut self) -> Option<i64> {
        if self.window.is_empty() && !self.is_ended {
            self.read();
        }
        self.window.front().map(|entry| entry.time)
    }

    /// Reads until there are so many entries, or one later than `until`.
    fn fill(&mut self, window: usize, until: i64) {
        while !self.is_ended
            && self.window.len() < window
            && self.window.back().is_none_or(|entry| entry.time <= until)
        {
            self.read();
        }
    }

    /// Up to when it is known what the other source's entries match with, by its own clock.
    fn is_known_until(&self, window: usize) -> i64 {
        let margin = if self.window.len() >= window { MARGIN } else { MAX_SKEW };
        match self.window.back() {
            Some(entry) if !self.is_ended => entry.time - margin,
            _ => i64::MAX / 2,
        }
    }
}

impl<A, B> TwoSources<A, B>
where
    A: Iterator<Item = KeyedEntry>,
    B: Iterator<Item = KeyedEntry>,
{
    /// Looks at `window` entries of each source at most.
    pub(super) fn new(first: A, second: B, window: usize) -> Self {
        let (first, second) = (SourceWindow::new(first), SourceWindow::new(second));
        Self {
            first,
            second,
            window: window.max(2),
            skew: Skew::NONE,
            before: None,
            ready: VecDeque::new(),
        }
    }

    /// Merges something more. Whether there was anything.
    fn advance(&mut self) -> bool {
        match (self.first.front(), self.second.front()) {
            (None, None) => return false,
            (Some(_), None) => self.pass_first(),
            (None, Some(_)) => self.pass_second(),
            (Some(a), Some(b)) if a + MAX_SKEW < b + self.skew.offset => self.pass_first(),
            (Some(a), Some(b)) if b + self.skew.offset + MAX_SKEW < a => self.pass_second(),
            (Some(a), Some(b)) => self.merge_window(a.min(b + self.skew.offset)),
        }
        true
    }

    fn pass_first(&mut self) {
        self.before = None;
        self.ready.extend(self.first.window.pop_front());
    }

    fn pass_second(&mut self) {
        self.before = None;
        if let Some(mut entry) = self.second.window.pop_front().filter(|entry| !entry.is_absorbed) {
            entry.move_to(entry.time + self.skew.correction());
            self.ready.push_back(entry);
        }
    }

    fn merge_window(&mut self, begin: i64) {
        let until = begin + 2 * MAX_SKEW;
        self.first.fill(self.window, until);
        self.second.fill(self.window, until - self.skew.offset);
        let first = self.first.window.make_contiguous();
        let second = self.second.window.make_contiguous();
        twice::decide(first, second, self.skew);
        let Alignment { steps, crossing } = align(first, second, self.skew, self.before);
        let decided = self.decided(&steps);
        let last =
            |pick: fn(&MergeStep) -> Option<usize>| steps[..decided].iter().rev().find_map(pick);
        let (a_last, b_last) = (last(|step| step.a), last(|step| step.b));
        for (a, b) in crossing {
            if Some(a) <= a_last || Some(b) <= b_last {
                let (one, other) = (&mut self.first.window[a], &mut self.second.window[b]);
                other.is_absorbed = true;
                enrich(&mut one.entry.event, other.entry.event.clone());
            }
        }
        for step in &steps[..decided] {
            self.emit(step);
        }
    }

    /// How many of the steps can be made: up to the last anchor, or to what is known of both sources.
    fn decided(&self, steps: &[MergeStep]) -> usize {
        if self.first.is_ended && self.second.is_ended {
            return steps.len();
        }
        let by_anchor = steps.iter().rposition(|step| step.is_anchor).map_or(0, |at| at + 1);
        let until = self
            .first
            .is_known_until(self.window)
            .min(self.second.is_known_until(self.window) + self.skew.offset);
        let by_time = steps.iter().take_while(|step| step.time <= until).count();
        match by_anchor.max(by_time) {
            // A window that shows nothing is left behind, too.
            0 => steps.len().div_ceil(8),
            decided => decided,
        }
    }

    fn emit(&mut self, step: &MergeStep) {
        let one = step.a.and_then(|_| self.first.window.pop_front());
        let other = step.b.and_then(|_| self.second.window.pop_front());
        if step.is_anchor {
            (self.skew, self.before) = (step.skew, Some(step.skew));
        }
        let entry = match (one, other) {
            (Some(mut one), Some(other)) => {
                one.entry.precision = one.entry.precision.min(other.entry.precision);
                one.move_to(step.time);
                one.absorb(other);
                Some(one)
            }
            (one, other) => one.or(other.filter(|other| !other.is_absorbed)).map(|mut entry| {
                entry.move_to(step.time);
                entry
            }),
        };
        self.ready.extend(entry);
    }
}

impl<A, B> Iterator for TwoSources<A, B>
where
    A: Iterator<Item = KeyedEntry>,
    B: Iterator<Item = KeyedEntry>,
{
    type Item = KeyedEntry;

    fn next(&mut self) -> Option<KeyedEntry> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Some(entry);
            }
            if !self.advance() {
                return None;
            }
        }
    }
}
