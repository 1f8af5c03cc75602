//! Whose nick it was, at any time.

use std::collections::HashMap;

use jiff::Timestamp;

use super::PlannedNick;
use crate::domain::Casemapping;

/// Of each nick on each network, folded: from when until before when it was whose.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims(HashMap<(String, String), Vec<Claim>>);

#[derive(Debug, Clone, Copy)]
struct Claim {
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    person: usize,
}

impl Claim {
    fn overlaps(&self, other: &Self) -> bool {
        let begins_before_end = |left: &Self, right: &Self| match (left.from, right.until) {
            (Some(from), Some(until)) => from < until,
            _ => true,
        };
        begins_before_end(self, other) && begins_before_end(other, self)
    }
}

impl Claims {
    /// The nick is this person's. If it is somebody's already at that time, the number of that person is returned.
    pub(super) fn add(&mut self, nick: &PlannedNick, person: usize) -> Option<usize> {
        let claim = Claim { from: nick.from, until: nick.until, person };
        let claims = self.0.entry(key_of(&nick.network, &nick.nick)).or_default();
        let other = claims.iter().find(|other| other.overlaps(&claim)).map(|other| other.person);
        if other.is_none() {
            claims.push(claim);
            claims.sort_by_key(|claim| claim.from);
        }
        other
    }

    /// Whose it was then.
    pub(super) fn find(&self, network: &str, nick: &str, at: Timestamp) -> Option<usize> {
        let claims = self.0.get(&key_of(network, nick))?;
        // Those that begin later are not it, and of the others only the last can be.
        let later = claims.partition_point(|claim| claim.from.is_none_or(|from| from <= at));
        let claim = claims[..later].last()?;
        claim.until.is_none_or(|until| at < until).then_some(claim.person)
    }
}

/// A nick or a channel on a network, folded.
pub(super) fn key_of(network: &str, nick: &str) -> (String, String) {
    (Casemapping::Ascii.fold(network), Casemapping::Rfc1459.fold(nick))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn nick(nick: &str, from: Option<i64>, until: Option<i64>) -> PlannedNick {
        PlannedNick {
            network: "libera".to_owned(),
            nick: nick.to_owned(),
            from: from.map(at),
            until: until.map(at),
        }
    }

    #[test]
    fn a_nick_is_one_persons_at_a_time() {
        let mut claims = Claims::default();
        assert_eq!(claims.add(&nick("guest", None, Some(10)), 1), None);
        assert_eq!(claims.add(&nick("guest", Some(30), None), 1), None);
        assert_eq!(claims.add(&nick("Guest", Some(10), Some(20)), 2), None);
        assert_eq!(claims.add(&nick("guest", Some(15), Some(25)), 3), Some(2));
        assert_eq!(claims.add(&nick("guest", None, None), 3), Some(1));
        assert_eq!(claims.add(&nick("ann[m]", None, None), 4), None);
        for (name, second, person) in [
            ("guest", 0, Some(1)),
            ("GUEST", 9, Some(1)),
            ("guest", 10, Some(2)),
            ("guest", 19, Some(2)),
            ("guest", 20, None),
            ("guest", 30, Some(1)),
            ("Ann{M}", 5, Some(4)),
            ("bob", 5, None),
        ] {
            assert_eq!(claims.find("Libera", name, at(second)), person, "{name} {second}");
            assert_eq!(claims.find("oftc", name, at(second)), None);
        }
    }
}
