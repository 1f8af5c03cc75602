//! When each of several people had one nick.

use jiff::Timestamp;

use super::presence::Presence;

/// How often a nick may go from one to another; beyond, it is given to the one who said most by it.
const MAX_TURNS: usize = 40;

/// A time when somebody had a nick: from, until before.
pub type NickSpan = (Option<Timestamp>, Option<Timestamp>);

/// Divides the time of a nick between its users: of each user, a number, when they were there under it, and how many
/// lines they said. Every moment belongs to one of them. A user may get none.
pub(super) fn divide(users: &[(usize, &Presence, u64)]) -> Vec<(usize, NickSpan)> {
    let mut turns: Vec<(u32, usize)> = Vec::new();
    let mut periods: Vec<(u32, usize)> = users
        .iter()
        .flat_map(|(user, presence, _)| presence.periods().iter().map(|period| (period.0, *user)))
        .collect();
    periods.sort_unstable();
    for (from, user) in periods {
        if turns.last().is_none_or(|(_, last)| *last != user) {
            turns.push((from, user));
        }
    }
    if turns.len() > MAX_TURNS {
        let most = users.iter().max_by_key(|(user, _, lines)| (*lines, std::cmp::Reverse(*user)));
        return most.map(|(user, ..)| (*user, (None, None))).into_iter().collect();
    }
    let time = |second: u32| Timestamp::from_second(i64::from(second)).ok();
    let span = |(index, (from, user)): (usize, &(u32, usize))| {
        let from = if index == 0 { None } else { time(*from) };
        let until = turns.get(index + 1).and_then(|(next, _)| time(*next));
        (*user, (from, until))
    };
    turns.iter().enumerate().map(span).collect()
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
    fn every_moment_is_somebodys() {
        let (ann, bob) = (presence(&[(0, 10), (20, 30), (90, 99)]), presence(&[(50, 60)]));
        assert_eq!(
            divide(&[(7, &ann, 3), (9, &bob, 1)]),
            [
                (7, (None, Some(at(50)))),
                (9, (Some(at(50)), Some(at(90)))),
                (7, (Some(at(90)), None))
            ]
        );
        assert_eq!(divide(&[(7, &ann, 3)]), [(7, (None, None))]);
        assert_eq!(divide(&[]), []);
    }

    #[test]
    fn a_nick_that_goes_to_and_fro_is_given_to_one() {
        let times = |start: i64| {
            (0..50).map(|n| (start + n * 100, start + n * 100 + 10)).collect::<Vec<_>>()
        };
        let (ann, bob) = (presence(&times(0)), presence(&times(50)));
        assert_eq!(divide(&[(1, &ann, 3), (2, &bob, 4)]), [(2, (None, None))]);
    }
}
