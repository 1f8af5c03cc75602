//! What lies between two anchors: short lines, those that are said again and again, and those that a client destroyed.

use std::collections::HashSet;
use std::ops::Range;

use super::anchors::Match;
use super::normal::KeyedEntry;
use super::skew::Skew;

/// How far the times of one line may differ beyond what the clocks do, in milliseconds, where both sources were there.
const DELAY_BETWEEN: i64 = 2 * 60_000;

/// The same where one of them may have come or gone.
const DELAY_AT_EDGE: i64 = 5_000;

/// How far the times may differ of what surely is at the same moment.
const SAME_MOMENT: i64 = 2_000;

/// Up to how many pairs of lines are compared to find the best matches. Beyond that, each line takes the first that fits.
const MAX_COMPARED: usize = 1 << 18;

/// What one line matched counts against its delay.
const MATCHED: i64 = 1 << 40;

/// Two sources, and how their clocks differ around a gap.
pub(super) struct AnchorGap<'a> {
    pub(super) first: &'a [KeyedEntry],
    pub(super) second: &'a [KeyedEntry],
    /// By how much the clocks differ at the anchor before the gap, if there is one.
    pub(super) before: Option<Skew>,
    /// By how much the clocks differ at the anchor behind the gap, if there is one.
    pub(super) behind: Option<Skew>,
    /// By how much the clocks differ on the whole.
    pub(super) around: Skew,
}

impl AnchorGap<'_> {
    /// The matches in the gap, which is `a` in the first source and `b` in the second, in the order of both.
    pub(super) fn matches(&self, mut a: Range<usize>, mut b: Range<usize>) -> Vec<Match> {
        let mut found = Vec::new();
        // What goes on right behind an anchor, or up to the next one, needs no search.
        while self.before.is_some() && self.goes_on(&a, &b, a.start, b.start) {
            found.push(self.matched(a.start, b.start));
            (a.start, b.start) = (a.start + 1, b.start + 1);
        }
        let mut ending = Vec::new();
        while self.behind.is_some()
            && self.goes_on(&a, &b, a.end.wrapping_sub(1), b.end.wrapping_sub(1))
        {
            ending.push(self.matched(a.end - 1, b.end - 1));
            (a.end, b.end) = (a.end - 1, b.end - 1);
        }
        if !a.is_empty() && !b.is_empty() {
            let limit = self.limit();
            let (rows, columns) = self.comparable(a, b);
            if rows.len() * columns.len() <= MAX_COMPARED {
                self.match_best(&rows, &columns, limit, &mut found);
            } else {
                self.match_first(&rows, &columns, limit, &mut found);
            }
        }
        found.extend(ending.into_iter().rev());
        found
    }

    fn matched(&self, a: usize, b: usize) -> Match {
        Match::new(self.first, self.second, (a, b))
    }

    fn goes_on(&self, a: &Range<usize>, b: &Range<usize>, at: usize, other: usize) -> bool {
        a.contains(&at)
            && b.contains(&other)
            && self.first[at].is_like(&self.second[other])
            && !self.second[other].is_absorbed
            && self.matched(at, other).is_off_by(self.around) <= SAME_MOMENT
    }

    /// How far the delay may be in the gap.
    fn limit(&self) -> i64 {
        if self.before.is_none() || self.behind.is_none() { DELAY_AT_EDGE } else { DELAY_BETWEEN }
    }

    /// What matching these two is worth; nothing if they do not match.
    fn worth(&self, a: usize, b: usize, limit: i64) -> Option<i64> {
        let (one, other) = (&self.first[a], &self.second[b]);
        if other.is_absorbed || !one.is_like(other) {
            return None;
        }
        let it = self.matched(a, b);
        let off = it.is_off_by(self.around);
        let beside = self.before.into_iter().chain(self.behind);
        let least = beside.map(|skew| it.is_off_by(skew)).fold(off, i64::min);
        // Among equal lines, the one at the same moment.
        (least <= limit).then_some(MATCHED - off)
    }

    /// The lines that have one like them on the other side.
    fn comparable(&self, a: Range<usize>, b: Range<usize>) -> (Vec<usize>, Vec<usize>) {
        let keys = |entries: &[KeyedEntry]| -> HashSet<u64> {
            entries.iter().map(KeyedEntry::coarse_key).collect()
        };
        let (in_first, in_second) = (keys(&self.first[a.clone()]), keys(&self.second[b.clone()]));
        let rows = a.filter(|at| in_second.contains(&self.first[*at].coarse_key())).collect();
        let columns = b.filter(|at| in_first.contains(&self.second[*at].coarse_key())).collect();
        (rows, columns)
    }

    /// The most matches, and among those the ones of least delay: the longest common subsequence, weighted.
    fn match_best(&self, rows: &[usize], columns: &[usize], limit: i64, found: &mut Vec<Match>) {
        let width = columns.len() + 1;
        // best[row][column]: what the lines from there on are worth.
        let mut best = vec![0_i64; (rows.len() + 1) * width];
        for (row, a) in rows.iter().enumerate().rev() {
            for (column, b) in columns.iter().enumerate().rev() {
                let at = row * width + column;
                let matched =
                    self.worth(*a, *b, limit).map_or(0, |worth| worth + best[at + width + 1]);
                best[at] = matched.max(best[at + 1]).max(best[at + width]);
            }
        }
        let (mut row, mut column) = (0, 0);
        while row < rows.len() && column < columns.len() {
            let at = row * width + column;
            if best[at] == best[at + 1] {
                column += 1;
            } else if best[at] == best[at + width] {
                row += 1;
            } else {
                found.push(self.matched(rows[row], columns[column]));
                (row, column) = (row + 1, column + 1);
            }
        }
    }

    /// Matches each line with the first one that fits, in time linear but for lines of the same moment.
    fn match_first(&self, rows: &[usize], columns: &[usize], limit: i64, found: &mut Vec<Match>) {
        let offset = self.around.offset;
        let reach = limit + 2 * 60_000;
        let mut next = 0;
        for a in rows {
            let time = self.first[*a].time - offset;
            while columns.get(next).is_some_and(|b| self.second[*b].time < time - reach) {
                next += 1;
            }
            let near = columns[next..].iter().take_while(|b| self.second[**b].time <= time + reach);
            let fits =
                near.take(MAX_COMPARED.isqrt()).position(|b| self.worth(*a, *b, limit).is_some());
            if let Some(skipped) = fits {
                found.push(self.matched(*a, columns[next + skipped]));
                next += skipped + 1;
            }
        }
    }
}
