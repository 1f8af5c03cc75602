//! When somebody was there, and whether two were there at the same time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How many seconds two may be there together, and still be one: clocks of logs differ, and minutes are rounded.
const TOLERANCE: u32 = 60;

/// Seconds since 1970: until 2106, which is enough for what has been said already.
type Second = u32;

/// The periods in which somebody was there. Bounded: beyond a number of periods, the shortest pauses between them
/// count as presence, so that no two people become one by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Second>", into = "Vec<Second>")]
pub(super) struct Presence {
    /// In order and apart from each other, but for the last [`Self::unsorted`].
    periods: Vec<(Second, Second)>,
    /// How many periods at the end have not been sorted in.
    unsorted: usize,
}

impl Presence {
    /// Adds a period, both ends included; keeps at most `most` periods.
    pub(super) fn add(&mut self, from: Timestamp, until: Timestamp, most: usize) {
        let from = second(from);
        self.periods.push((from, second(until).max(from)));
        self.unsorted += 1;
        if self.unsorted > most.max(16) {
            self.settle(most);
        }
    }

    /// Adds all periods of `other`; keeps at most `most`.
    pub(super) fn add_all(&mut self, other: &Self, most: usize) {
        self.periods.extend_from_slice(&other.periods);
        self.settle(most);
    }

    /// Adds all periods of `other`.
    pub(super) fn merge(&mut self, other: &Self) {
        self.periods.extend_from_slice(&other.periods);
        self.settle(usize::MAX);
    }

    /// Sorts the periods, and keeps at most `most`.
    pub(super) fn settle(&mut self, most: usize) {
        self.unsorted = 0;
        // Two sorted runs are merged in linear time.
        self.periods.sort();
        self.periods.dedup_by(|next, kept| {
            let touches = next.0 <= kept.1;
            if touches {
                kept.1 = kept.1.max(next.1);
            }
            touches
        });
        if self.periods.len() > most {
            self.close_shortest_pauses(most / 2 + 1);
        }
    }

    fn close_shortest_pauses(&mut self, wanted: usize) {
        let mut pauses: Vec<Second> =
            self.periods.windows(2).map(|pair| pair[1].0 - pair[0].1).collect();
        let too_many = self.periods.len().saturating_sub(wanted);
        if too_many == 0 || pauses.is_empty() {
            return;
        }
        let at = too_many.min(pauses.len()) - 1;
        let limit = *pauses.select_nth_unstable(at).1;
        self.periods.dedup_by(|next, kept| {
            let is_short = next.0 - kept.1 <= limit;
            if is_short {
                kept.1 = next.1;
            }
            is_short
        });
    }

    /// When both were there at the same time, first, if they were. Both must be settled.
    pub(super) fn first_clash(&self, other: &Self) -> Option<Timestamp> {
        let (mut ours, mut theirs) =
            (self.periods.iter().peekable(), other.periods.iter().peekable());
        while let (Some(our), Some(their)) = (ours.peek(), theirs.peek()) {
            if our.0.saturating_add(TOLERANCE) < their.1
                && their.0.saturating_add(TOLERANCE) < our.1
            {
                return Timestamp::from_second(i64::from(our.0.max(their.0))).ok();
            }
            if our.1 <= their.1 {
                ours.next()
            } else {
                theirs.next()
            };
        }
        None
    }

    /// The periods, in order, in seconds since 1970. Must be settled.
    pub(super) fn periods(&self) -> &[(Second, Second)] {
        &self.periods
    }

    /// How many periods are kept.
    pub(super) fn len(&self) -> usize {
        self.periods.len()
    }

    /// How long nobody was there between the two: from the end of the one to the beginning of the other, in days. `None`
    /// if they alternate.
    pub(super) fn days_between(&self, other: &Self) -> Option<i64> {
        let ends = |it: &Self| Some((it.periods.first()?.0, it.periods.last()?.1));
        let ((first, last), (start, end)) = (ends(self)?, ends(other)?);
        let pause = if last <= start {
            start - last
        } else if end <= first {
            first - end
        } else {
            return None;
        };
        Some(i64::from(pause) / 86_400)
    }
}

/// The lengths of pauses and periods by turns, beginning with the pause since 1970.
impl From<Presence> for Vec<Second> {
    fn from(mut presence: Presence) -> Self {
        presence.settle(usize::MAX);
        let ends = std::iter::once(0).chain(presence.periods.iter().map(|it| it.1));
        let lengths = ends.zip(&presence.periods).map(|(end, it)| [it.0 - end, it.1 - it.0]);
        lengths.flatten().collect()
    }
}

impl From<Vec<Second>> for Presence {
    fn from(lengths: Vec<Second>) -> Self {
        let mut end: Second = 0;
        let period = |lengths: &[Second]| {
            let from = end.saturating_add(lengths[0]);
            end = from.saturating_add(lengths[1]);
            (from, end)
        };
        Self { periods: lengths.chunks_exact(2).map(period).collect(), unsorted: 0 }
    }
}

fn second(time: Timestamp) -> Second {
    u32::try_from(time.as_second().max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn presence(periods: &[(i64, i64)]) -> Presence {
        let mut presence = Presence::default();
        periods.iter().for_each(|(from, until)| presence.add(at(*from), at(*until), 1_000));
        presence.settle(1_000);
        presence
    }

    #[test]
    fn two_clash_if_both_are_there() {
        for (left, right, clash) in [
            (&[(0, 600)][..], &[(600, 900)][..], None),
            // A clock that is off by half a minute.
            (&[(0, 630)], &[(600, 900)], None),
            (&[(0, 700)], &[(600, 900)], Some(600)),
            // Somebody who says one line while the other is there.
            (&[(0, 600)], &[(300, 300)], Some(300)),
            (&[(0, 600)], &[(590, 590)], None),
            (&[(300, 300)], &[(300, 300)], None),
            (&[(0, 10), (1_000, 2_000)], &[(20, 990), (1_500, 3_000)], Some(1_500)),
            (&[(0, 10), (1_000, 2_000)], &[(20, 990), (2_010, 3_000)], None),
            (&[], &[(0, 100)], None),
        ] {
            let (left, right) = (presence(left), presence(right));
            assert_eq!(left.first_clash(&right), clash.map(at), "{left:?} {right:?}");
            assert_eq!(right.first_clash(&left), clash.map(at), "{left:?} {right:?}");
        }
    }

    #[test]
    fn periods_are_sorted_and_joined() {
        let presence = presence(&[(50, 60), (0, 10), (5, 20), (20, 30)]);
        assert_eq!(presence.periods(), [(0, 30), (50, 60)]);
    }

    #[test]
    fn periods_are_kept_as_lengths() {
        for (periods, lengths) in [
            (&[][..], &[][..]),
            (&[(0, 10)], &[0, 10]),
            (&[(100, 130), (130, 140), (200, 200)], &[100, 40, 60, 0]),
            (&[(u32::MAX.into(), u32::MAX.into())], &[u32::MAX, 0]),
        ] {
            let presence = presence(periods);
            assert_eq!(Vec::from(presence.clone()), lengths, "{periods:?}");
            assert_eq!(Presence::from(lengths.to_vec()), presence, "{periods:?}");
        }
        let damaged = Presence::from(vec![5, u32::MAX, u32::MAX, 7, 9]);
        assert_eq!(damaged.periods(), [(5, u32::MAX), (u32::MAX, u32::MAX)], "no panic");
    }

    #[test]
    fn too_many_periods_lose_their_shortest_pauses() {
        let mut many = Presence::default();
        for n in 0..1_000_i64 {
            // Every hundredth pause is long.
            let from = n * 100 + n / 100 * 50_000;
            many.add(at(from), at(from + 10), 20);
        }
        many.settle(20);
        assert!(many.len() <= 20 && many.len() >= 10, "{}", many.len());
        assert_eq!(many.periods().first().map(|it| it.0), Some(0));
        assert_eq!(many.periods().last().map(|it| it.1), Some(999 * 100 + 9 * 50_000 + 10));
        let one = presence(&[(60_150, 60_150)]);
        assert!(many.first_clash(&one).is_some(), "a pause that was closed counts as presence");
    }

    #[test]
    fn days_between_are_those_of_a_pause() {
        let day = 86_400;
        for (left, right, days) in [
            (&[(0, day)][..], &[(11 * day, 12 * day)][..], Some(10)),
            (&[(0, day), (20 * day, 21 * day)], &[(11 * day, 12 * day)], None),
            (&[], &[(0, 1)], None),
        ] {
            assert_eq!(presence(left).days_between(&presence(right)), days);
            assert_eq!(presence(right).days_between(&presence(left)), days);
        }
    }
}
