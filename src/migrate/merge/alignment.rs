//! Two sources side by side: which of their entries are one, and in which order all of them stand.

use std::ops::Range;

use super::anchors::{self, Match};
use super::gaps::AnchorGap;
use super::normal::KeyedEntry;
use super::skew::Skew;

/// How far the times of a telling line may differ if the sources have it in different orders.
const MAX_CROSSING: i64 = 60_000;

/// From how many anchors around a place the difference of the clocks is taken: the one in the middle.
const NEIGHBOURS: usize = 5;

/// What stands next in the merged order.
#[derive(Debug, Clone, Copy)]
pub(super) struct MergeStep {
    /// The entry of the first source, if it has it.
    pub(super) a: Option<usize>,
    /// The entry of the second source, if it has it.
    pub(super) b: Option<usize>,
    /// Its time by the first one's clock, in milliseconds.
    pub(super) time: i64,
    /// By how much the clocks differ there.
    pub(super) skew: Skew,
    /// Whether all that comes before it in each source surely comes before it in both.
    pub(super) is_anchor: bool,
}

/// What [`align`] finds.
#[derive(Debug)]
pub(super) struct Alignment {
    /// All entries of both.
    pub(super) steps: Vec<MergeStep>,
    /// Entries that are one although the sources have them in different orders.
    pub(super) crossing: Vec<(usize, usize)>,
}

/// Aligns two sources whose clocks have differed by `usual` so far, and by `before` at the last anchor, if there was one not long
/// ago.
pub(super) fn align(
    first: &[KeyedEntry],
    second: &[KeyedEntry],
    usual: Skew,
    before: Option<Skew>,
) -> Alignment {
    let anchors = anchors::find(first, second, usual);
    let chain = &anchors.chain;
    let mut alignment =
        Alignment { steps: Vec::with_capacity(first.len() + second.len()), crossing: Vec::new() };
    let mut is_matched = vec![false; first.len()];
    let mut is_matched_too = vec![false; second.len()];
    let (mut a, mut b) = (0, 0);
    for at in 0..=chain.len() {
        let behind = chain.get(at);
        let skew = skew_around(chain, at, usual);
        let gap = AnchorGap {
            first,
            second,
            before: at.checked_sub(1).map_or(before, |at| Some(chain[at].skew())),
            behind: behind.map(Match::skew),
            around: skew,
        };
        let (a_end, b_end) = behind.map_or((first.len(), second.len()), |it| (it.a, it.b));
        let mut matches = gap.matches(a..a_end, b..b_end);
        matches.extend(behind);
        for (index, it) in matches.iter().enumerate() {
            let is_anchor = behind.is_some() && index + 1 == matches.len();
            interleave(&mut alignment.steps, (first, second), (a..it.a, b..it.b), skew);
            alignment.steps.push(matched(first, second, it, skew, is_anchor));
            is_matched[it.a] = true;
            is_matched_too[it.b] = true;
            (a, b) = (it.a + 1, it.b + 1);
        }
    }
    let skew = skew_around(chain, chain.len(), usual);
    interleave(&mut alignment.steps, (first, second), (a..first.len(), b..second.len()), skew);
    let is_crossing = |it: &&Match| {
        let near = chain.partition_point(|link| link.a < it.a);
        let skew = skew_around(chain, near, usual);
        !is_matched[it.a] && !is_matched_too[it.b] && it.is_off_by(skew) <= MAX_CROSSING
    };
    alignment.crossing =
        anchors.crossing.iter().filter(is_crossing).map(|it| (it.a, it.b)).collect();
    keep_before_next(&mut alignment.steps, second);
    alignment
}

/// By how much the clocks differ around the gap before the anchor number `at`.
pub(super) fn skew_around(chain: &[Match], at: usize, usual: Skew) -> Skew {
    let last = chain.len().saturating_sub(NEIGHBOURS);
    let begin = at.saturating_sub(NEIGHBOURS.div_ceil(2)).min(last);
    let near = &chain[begin..chain.len().min(begin + NEIGHBOURS)];
    Skew::of(near.iter().map(Match::skew), usual)
}

fn matched(
    first: &[KeyedEntry],
    second: &[KeyedEntry],
    it: &Match,
    skew: Skew,
    is_anchor: bool,
) -> MergeStep {
    let (one, other) = (&first[it.a], &second[it.b]);
    let time = if one.entry.precision <= other.entry.precision {
        one.time
    } else {
        other.time + skew.correction()
    };
    MergeStep { a: Some(it.a), b: Some(it.b), time, skew, is_anchor }
}

/// Adds what only one of them has, by time.
fn interleave(
    steps: &mut Vec<MergeStep>,
    (first, second): (&[KeyedEntry], &[KeyedEntry]),
    (mut a, mut b): (Range<usize>, Range<usize>),
    skew: Skew,
) {
    let corrected = |at: usize| second[at].time + skew.correction();
    loop {
        let is_second = match (a.is_empty(), b.is_empty()) {
            (true, true) => return,
            (true, false) => true,
            (false, true) => false,
            (false, false) => corrected(b.start) < first[a.start].time,
        };
        let (a, b, time) = if is_second {
            let Some(at) = b.next() else { return };
            (None, Some(at), corrected(at))
        } else {
            let Some(at) = a.next() else { return };
            (Some(at), None, first[at].time)
        };
        steps.push(MergeStep { a, b, time, skew, is_anchor: false });
    }
}

/// Moves what only the second source has before the time of the next entry that both have, if its own clock says later.
fn keep_before_next(steps: &mut [MergeStep], second: &[KeyedEntry]) {
    let mut limit = i64::MAX;
    for step in steps.iter_mut().rev() {
        match (step.a, step.b) {
            (Some(_), Some(_)) => limit = step.time,
            (None, Some(at)) if second[at].has_seconds() => step.time = step.time.min(limit - 1),
            _ => {}
        }
    }
}
