//! Whom somebody means who names nobody.
//!
//! They mean whom they spoke with last, unless somebody else has written to them since: then nobody can
//! tell, and they are asked. Better to ask once too often than to tell a secret to the wrong one.

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use crate::domain::EndpointId;

/// How long a talk goes on after its last word.
pub(super) const TALK: SignedDuration = SignedDuration::from_hours(24);

/// How long it goes on before whoever names nobody is told again whom they are talking to.
const REMINDED: SignedDuration = SignedDuration::from_mins(10);

/// How many people's talks are remembered. Beyond that, the older half are forgotten.
const MOST: usize = 4_000;

/// How many who have written to somebody are remembered: who names nobody is asked whom they mean from two on.
const MOST_WRITERS: usize = 8;

/// Somebody at the other end of a talk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Partner {
    /// Whoever has this number.
    Here(EndpointId),
    /// Whoever was called so. They cannot be told from others any more, and nobody else is meant.
    Gone(String),
}

/// Whom somebody means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// Nobody: they are in no talk.
    Nobody,
    /// This one.
    One(Partner),
    /// One of these.
    Several(Vec<Partner>),
}

/// Who talks with whom.
#[derive(Debug, Default)]
pub(super) struct Partners {
    talks: HashMap<EndpointId, Talks>,
    /// In whose talks each is.
    of: HashMap<EndpointId, BTreeSet<EndpointId>>,
}

/// The talks of one person.
#[derive(Debug, Default)]
struct Talks {
    /// Whom they wrote to last, and when a word was last exchanged.
    current: Option<(Partner, Timestamp)>,
    /// Who has written to them since.
    writers: Vec<(Partner, Timestamp)>,
    /// When they last learnt whom they are talking to without a name.
    told: Option<(Partner, Timestamp)>,
}

impl Talks {
    fn last(&self) -> Option<Timestamp> {
        let writers = self.writers.iter().map(|(_, at)| *at);
        writers.chain(self.current.iter().map(|(_, at)| *at)).max()
    }

    fn partners(&mut self) -> impl Iterator<Item = &mut Partner> {
        let current = self.current.iter_mut().chain(&mut self.told).map(|(partner, _)| partner);
        current.chain(self.writers.iter_mut().map(|(partner, _)| partner))
    }

    /// The numbers of those who are in it.
    fn numbers(&mut self) -> BTreeSet<EndpointId> {
        let number = |partner: &mut Partner| match partner {
            Partner::Here(place) => Some(*place),
            Partner::Gone(_) => None,
        };
        self.partners().filter_map(number).collect()
    }
}

impl Partners {
    /// `from` writes to `to`.
    pub(super) fn writes(&mut self, from: EndpointId, to: EndpointId, now: Timestamp) {
        self.turns_to(from, Partner::Here(to), now);
        self.hears_from(to, Partner::Here(from), now);
    }

    /// `who` has written to `partner`.
    pub(super) fn turns_to(&mut self, who: EndpointId, partner: Partner, now: Timestamp) {
        self.edit(who, |talks| {
            talks.writers.clear();
            talks.current = Some((partner, now));
        });
    }

    /// `partner` has written to `who`.
    pub(super) fn hears_from(&mut self, who: EndpointId, partner: Partner, now: Timestamp) {
        self.edit(who, |talks| {
            if let Some((current, at)) = &mut talks.current
                && *current == partner
            {
                *at = now;
                return;
            }
            talks.writers.retain(|(writer, _)| *writer != partner);
            talks.writers.push((partner, now));
            if talks.writers.len() > MOST_WRITERS {
                talks.writers.remove(0);
            }
        });
    }

    /// Whom `who` means without naming anybody.
    pub(super) fn meant(&self, who: EndpointId, now: Timestamp) -> Meant {
        let Some(talks) = self.talks.get(&who) else { return Meant::Nobody };
        let lately = |(_, at): &&(Partner, Timestamp)| now.duration_since(*at) < TALK;
        let all = talks.current.iter().chain(&talks.writers).filter(lately);
        let mut all: Vec<Partner> = all.map(|(partner, _)| partner.clone()).collect();
        match all.len() {
            0 => Meant::Nobody,
            1 => Meant::One(all.remove(0)),
            _ => Meant::Several(all),
        }
    }

    /// `who` means `partner`, and names nobody. Says whether they are to be told whom that reaches.
    pub(super) fn is_news(&mut self, who: EndpointId, partner: EndpointId, now: Timestamp) -> bool {
        let mut known = false;
        self.edit(who, |talks| {
            known = talks.told.as_ref().is_some_and(|(known, at)| {
                *known == Partner::Here(partner) && now.duration_since(*at) < REMINDED
            });
            talks.told = Some((Partner::Here(partner), now));
        });
        !known
    }

    /// `who` is known by another number from now on.
    pub(super) fn moves(&mut self, who: EndpointId, now: EndpointId) {
        if let Some(talks) = self.drop_talks(who) {
            self.edit(now, |theirs| *theirs = talks);
        }
        self.replace(who, &Partner::Here(now));
    }

    /// Nobody can tell who `who` was, called `name`: their talks are over, and nobody else is meant by
    /// those who talked with them.
    pub(super) fn leaves(&mut self, who: EndpointId, name: &str) {
        self.drop_talks(who);
        self.replace(who, &Partner::Gone(name.to_owned()));
    }

    fn replace(&mut self, who: EndpointId, by: &Partner) {
        for other in self.of.get(&who).cloned().unwrap_or_default() {
            self.edit(other, |talks| {
                let theirs = talks.partners().filter(|it| **it == Partner::Here(who));
                theirs.for_each(|it| *it = by.clone());
            });
        }
    }

    /// Changes the talks of `who`, and what is known of who is in them.
    fn edit(&mut self, who: EndpointId, change: impl FnOnce(&mut Talks)) {
        if self.talks.len() >= MOST && !self.talks.contains_key(&who) {
            self.forget();
        }
        let talks = self.talks.entry(who).or_default();
        let before = talks.numbers();
        change(talks);
        let now = talks.numbers();
        before.difference(&now).for_each(|partner| self.is_out(who, *partner));
        for partner in now.difference(&before) {
            self.of.entry(*partner).or_default().insert(who);
        }
    }

    fn drop_talks(&mut self, who: EndpointId) -> Option<Talks> {
        let mut talks = self.talks.remove(&who)?;
        talks.numbers().into_iter().for_each(|partner| self.is_out(who, partner));
        Some(talks)
    }

    /// `partner` is in the talks of `who` no more.
    fn is_out(&mut self, who: EndpointId, partner: EndpointId) {
        if let Some(of) = self.of.get_mut(&partner) {
            of.remove(&who);
            if of.is_empty() {
                self.of.remove(&partner);
            }
        }
    }

    /// Forgets the older half.
    fn forget(&mut self) {
        let mut all: Vec<_> = self.talks.iter().map(|(who, talks)| (talks.last(), *who)).collect();
        all.sort_unstable();
        for (_, who) in all.into_iter().take(MOST / 2) {
            self.drop_talks(who);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: EndpointId = EndpointId(1);
    const BOB: EndpointId = EndpointId(2);
    const CARL: EndpointId = EndpointId(3);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn talks(written: &[(EndpointId, EndpointId)]) -> Partners {
        let mut partners = Partners::default();
        for (from, to) in written {
            partners.writes(*from, *to, at(0));
        }
        partners
    }

    #[track_caller]
    fn check(written: &[(EndpointId, EndpointId)], meant: &[EndpointId]) {
        let here = |place: &EndpointId| Partner::Here(*place);
        let meant = match meant {
            [] => Meant::Nobody,
            [one] => Meant::One(here(one)),
            several => Meant::Several(several.iter().map(here).collect()),
        };
        assert_eq!(talks(written).meant(ANN, at(1)), meant, "{written:?}");
    }

    #[test]
    fn whoever_one_spoke_with_last_is_meant_unless_somebody_else_has_written_since() {
        check(&[], &[]);
        check(&[(BOB, ANN)], &[BOB]);
        check(&[(BOB, ANN), (BOB, ANN)], &[BOB]);
        check(&[(ANN, BOB)], &[BOB]);
        check(&[(ANN, BOB), (BOB, ANN)], &[BOB]);
        check(&[(BOB, ANN), (CARL, ANN)], &[BOB, CARL]);
        check(&[(ANN, BOB), (CARL, ANN)], &[BOB, CARL]);
        check(&[(BOB, ANN), (CARL, ANN), (ANN, CARL)], &[CARL]);
        check(&[(ANN, BOB), (CARL, ANN), (ANN, CARL), (CARL, ANN)], &[CARL]);
    }

    #[test]
    fn whoever_is_gone_is_nobody_else() {
        let mut partners = talks(&[(ANN, BOB), (BOB, ANN)]);
        partners.leaves(BOB, "bob");
        assert_eq!(partners.meant(ANN, at(1)), Meant::One(Partner::Gone("bob".to_owned())));
        assert_eq!(partners.meant(BOB, at(1)), Meant::Nobody);
        partners.writes(CARL, ANN, at(2));
        let both = vec![Partner::Gone("bob".to_owned()), Partner::Here(CARL)];
        assert_eq!(partners.meant(ANN, at(3)), Meant::Several(both));
    }

    #[test]
    fn whoever_is_known_otherwise_is_the_same() {
        let mut partners = talks(&[(ANN, BOB), (BOB, ANN)]);
        partners.moves(BOB, CARL);
        assert_eq!(partners.meant(ANN, at(1)), Meant::One(Partner::Here(CARL)));
        assert_eq!(partners.meant(CARL, at(1)), Meant::One(Partner::Here(ANN)));
    }

    #[test]
    fn it_is_bounded_however_many_write_and_whatever_they_are_called() {
        let mut partners = Partners::default();
        for n in 0..i64::try_from(3 * MOST).expect("small") {
            partners.writes(EndpointId(10 + n), ANN, at(n));
            partners.moves(EndpointId(10 + n), EndpointId(1_000_000 + n));
        }
        assert!(partners.talks.len() <= MOST, "{}", partners.talks.len());
        assert!(partners.of.len() <= MOST + MOST_WRITERS, "{}", partners.of.len());
        assert!(partners.of.values().map(BTreeSet::len).sum::<usize>() <= 3 * MOST);
        assert!(partners.talks.values().all(|talks| talks.writers.len() <= MOST_WRITERS));
        (1_000_000..1_100_000).for_each(|n| partners.leaves(EndpointId(n), "somebody"));
        partners.drop_talks(ANN);
        assert_eq!((partners.talks.len(), partners.of.len()), (0, 0));
    }

    #[test]
    fn a_talk_is_over_after_a_day() {
        let partners = talks(&[(BOB, ANN)]);
        assert_eq!(partners.meant(ANN, at(86_400)), Meant::Nobody);
    }

    #[test]
    fn whom_one_talks_to_is_told_once_in_a_while() {
        let mut partners = talks(&[(BOB, ANN)]);
        let mut is_news = |who, second| partners.is_news(ANN, who, at(second));
        assert!(is_news(BOB, 0) && !is_news(BOB, 500) && !is_news(BOB, 1_000));
        assert!(is_news(BOB, 1_600) && is_news(CARL, 1_601));
    }
}
