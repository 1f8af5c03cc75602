//! Lines that both sources have, beyond doubt: those that each has once, in the same order, and whose times differ as the
//! clocks do.

use std::collections::HashMap;

use super::normal::KeyedEntry;
use super::skew::Skew;
use crate::domain::LogEvent;

/// How far two clocks may differ, in milliseconds. A wrong zone moves them by hours. What is repeated daily, such as the
/// words of a program, is a day apart.
pub(super) const MAX_SKEW: i64 = 20 * 3_600_000;

/// How far the times of one line may differ beyond what the clocks do: a telling line may have been on its way for long.
const TELLING_DELAY: i64 = 5 * 60_000;

/// The same for a line that may be said twice by chance.
const SHORT_DELAY: i64 = 5_000;

/// How far the times of several lines may differ if they show how far the clocks do.
const SAME_OFFSET: i64 = 10_000;

/// How much it takes to show how far the clocks differ: a telling line counts 2, others 1.
const EVIDENCE: u32 = 3;

/// How much it takes, and over how many milliseconds, if both sources have something else beside those lines: the same
/// page of help may be shown twice.
const STRONG_EVIDENCE: (u32, i64) = (6, 10 * 60_000);

/// An entry of each source that are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    /// Which one of the first source's entries.
    pub(super) a: usize,
    /// Which one of the second source's entries.
    pub(super) b: usize,
    /// How much later it is by the first one's clock, in milliseconds.
    pub(super) offset: i64,
    /// Whether both have seconds.
    has_seconds: bool,
    /// How much less and how much more than `offset` it can be, because times have no seconds.
    less: i64,
    more: i64,
}

impl Match {
    pub(super) fn new(first: &[KeyedEntry], second: &[KeyedEntry], (a, b): (usize, usize)) -> Self {
        let (one, other) = (&first[a], &second[b]);
        let has_seconds = one.has_seconds() && other.has_seconds();
        let (less, more) = (
            one.may_be_earlier() + other.may_be_later(),
            one.may_be_later() + other.may_be_earlier(),
        );
        Self { a, b, offset: one.time - other.time, has_seconds, less, more }
    }

    /// How far the times differ beyond what clocks do that differ by `skew`. Where that is known to seconds, a time without them
    /// is at most a minute early, and not late.
    pub(super) fn is_off_by(&self, skew: Skew) -> i64 {
        if skew.has_seconds {
            let (least, most) = (self.offset - self.less, self.offset + self.more);
            (least - skew.offset).max(skew.offset - most).max(0)
        } else {
            (skew.differs(self.offset) - self.slack().max(skew.slack())).max(0)
        }
    }

    /// By how much the clocks differ, as it shows.
    pub(super) fn skew(&self) -> Skew {
        Skew { offset: self.offset, has_seconds: self.has_seconds }
    }

    /// How far the times differ because one of them has no seconds.
    pub(super) fn slack(&self) -> i64 {
        self.skew().slack()
    }
}

/// What [`find`] finds.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    /// In the order of both sources.
    pub(super) chain: Vec<Match>,
    /// Telling lines that the sources have in different orders.
    pub(super) crossing: Vec<Match>,
}

/// Finds the anchors of two sources, when their clocks have differed by `usual` so far.
pub(super) fn find(first: &[KeyedEntry], second: &[KeyedEntry], usual: Skew) -> Anchors {
    let mut candidates = unique_in_both(first, second);
    candidates.retain(|it| usual.differs(it.offset) <= MAX_SKEW);
    let weight = |it: &Match| if first[it.a].is_telling { 2 } else { 1 };
    let supported = supported(&candidates, weight);
    let accepted: Vec<Match> = candidates
        .iter()
        .zip(supported)
        .filter(|(it, is_supported)| {
            let delay = if first[it.a].is_telling { TELLING_DELAY } else { SHORT_DELAY };
            *is_supported || it.is_off_by(usual) <= delay
        })
        .map(|(it, _)| *it)
        .collect();
    let mut chain = longest_rising(&accepted);
    drop_doubtful_runs(&mut chain, first, second, usual.offset);
    let mut in_chain = chain.iter().peekable();
    let mut crossing = accepted;
    crossing.retain(|it| {
        let is_in_chain = in_chain.next_if(|link| link.a == it.a).is_some();
        !is_in_chain && first[it.a].is_telling
    });
    Anchors { chain, crossing }
}

/// The entries that each source has exactly once, in the order of the first.
fn unique_in_both(first: &[KeyedEntry], second: &[KeyedEntry]) -> Vec<Match> {
    let mut found = unique_by(first, second, KeyedEntry::key);
    let is_found = |it: &Match| {
        let place = found.binary_search_by_key(&it.a, |found| found.a);
        place.is_ok() || !first[it.a].is_like(&second[it.b])
    };
    let mut vague = unique_by(first, second, KeyedEntry::coarse_key);
    vague.retain(|it| !is_found(it));
    found.append(&mut vague);
    found.sort_unstable_by_key(|it| it.a);
    found
}

/// The entries whose `key` each source has exactly once, in the order of the first.
fn unique_by(
    first: &[KeyedEntry],
    second: &[KeyedEntry],
    key: impl Fn(&KeyedEntry) -> u64,
) -> Vec<Match> {
    /// Where an entry is, and whether there are several.
    type Place = Option<(usize, bool)>;
    let mut places: HashMap<u64, (Place, Place)> = HashMap::with_capacity(second.len());
    let add = |place: &mut Place, at| *place = Some((at, place.is_some()));
    for (at, entry) in second.iter().enumerate().filter(|(_, entry)| !entry.is_absorbed) {
        add(&mut places.entry(key(entry)).or_default().1, at);
    }
    for (at, entry) in first.iter().enumerate() {
        if let Some(place) = places.get_mut(&key(entry)) {
            add(&mut place.0, at);
        }
    }
    let mut found: Vec<_> = places
        .into_values()
        .filter_map(|place| match place {
            (Some((a, false)), Some((b, false))) => Some(Match::new(first, second, (a, b))),
            _ => None,
        })
        .collect();
    found.sort_unstable_by_key(|it| it.a);
    found
}

/// For each candidate, whether others show the same difference of the clocks.
fn supported(candidates: &[Match], weight: impl Fn(&Match) -> u32) -> Vec<bool> {
    let mut by_offset: Vec<usize> = (0..candidates.len()).collect();
    by_offset.sort_unstable_by_key(|at| candidates[*at].offset);
    let mut supported = vec![false; candidates.len()];
    let (mut begin, mut end, mut sum) = (0, 0, 0);
    for at in &by_offset {
        let middle = &candidates[*at];
        let reach = SAME_OFFSET + middle.slack();
        while let Some(next) = by_offset.get(end).map(|next| &candidates[*next])
            && next.offset <= middle.offset + reach
        {
            sum += weight(next);
            end += 1;
        }
        while candidates[by_offset[begin]].offset < middle.offset - reach {
            sum -= weight(&candidates[by_offset[begin]]);
            begin += 1;
        }
        supported[*at] = sum >= EVIDENCE;
    }
    supported
}

/// The longest part of `candidates`, which are in the order of the first source, that is in the order of the second.
fn longest_rising(candidates: &[Match]) -> Vec<Match> {
    // For each length, the candidate at which such a part ends earliest.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(candidates.len());
    for (at, candidate) in candidates.iter().enumerate() {
        let length = ends.partition_point(|end| candidates[*end].b < candidate.b);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut chain = Vec::with_capacity(ends.len());
    let mut next = ends.last().copied();
    while let Some(at) = next {
        chain.push(candidates[at]);
        next = before[at];
    }
    chain.reverse();
    chain
}

/// Takes out of the chain what claims that the clocks differ in another way than before, and is not sure enough.
fn drop_doubtful_runs(
    chain: &mut Vec<Match>,
    first: &[KeyedEntry],
    second: &[KeyedEntry],
    usual: i64,
) {
    let said = |entry: &&KeyedEntry| matches!(entry.entry.event, LogEvent::Message { .. });
    // Whether both sources say something right beside the run, and not the same: then one of them has lost something, or it
    // is another time.
    let differ = |one: Option<&KeyedEntry>, other: Option<&KeyedEntry>| {
        one.zip(other).is_some_and(|(one, other)| !one.is_like(other))
    };
    let differ_before = |from: Option<&Match>, to: &Match| {
        let (a, b) = from.map_or((0, 0), |from| (from.a + 1, from.b + 1));
        differ(first[a..to.a].iter().rfind(said), second[b..to.b].iter().rfind(said))
    };
    let differ_behind = |from: &Match, to: Option<&Match>| {
        let (a, b) = to.map_or((first.len(), second.len()), |to| (to.a, to.b));
        differ(first[from.a + 1..a].iter().find(said), second[from.b + 1..b].iter().find(said))
    };
    let is_same = |one: &Match, other: &Match| {
        (one.offset - other.offset).abs() <= SAME_OFFSET + one.slack().max(other.slack())
    };
    let mut kept: Vec<Match> = Vec::with_capacity(chain.len());
    let mut runs = chain.chunk_by(is_same).peekable();
    while let Some(run) = runs.next() {
        let next = runs.peek().and_then(|run| run.first());
        let [begin, .., end] = run else {
            let is_usual = (run[0].offset - usual).abs() <= TELLING_DELAY + 60_000;
            kept.extend(run.iter().filter(|_| is_usual));
            continue;
        };
        let is_usual = (begin.offset - usual).abs() <= TELLING_DELAY + 60_000;
        let doubtful = || differ_before(kept.last(), begin) || differ_behind(end, next);
        let weight: u32 = run.iter().map(|it| if first[it.a].is_telling { 2 } else { 1 }).sum();
        let span = first[end.a].time - first[begin.a].time;
        let is_strong = weight >= STRONG_EVIDENCE.0 && span >= STRONG_EVIDENCE.1;
        if is_usual || is_strong || (weight >= EVIDENCE && !doubtful()) {
            kept.extend(run);
        }
    }
    *chain = kept;
}
