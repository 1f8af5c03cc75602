//! Whom somebody means who names nobody.
//!
//! They mean whom they spoke with last, unless somebody else has written to them since: then nobody can
//! tell, and they are asked. Better to ask once too often than to tell a secret to the wrong one.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::PlaceId;

/// How long a talk goes on after its last word.
pub(super) const TALK: SignedDuration = SignedDuration::from_hours(24);

/// How long it goes on before whoever names nobody is told again whom they are talking to.
const REMINDED: SignedDuration = SignedDuration::from_mins(10);

/// How many talks are remembered before old ones are forgotten.
const MANY: usize = 1_000;

/// Somebody at the other end of a talk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Partner {
    /// Whoever has this number.
    Here(PlaceId),
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
pub(super) struct Partners(HashMap<PlaceId, Talks>);

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
}

impl Partners {
    /// `from` writes to `to`.
    pub(super) fn writes(&mut self, from: PlaceId, to: PlaceId, now: Timestamp) {
        self.turns_to(from, Partner::Here(to), now);
        self.hears_from(to, Partner::Here(from), now);
    }

    /// `who` has written to `partner`.
    pub(super) fn turns_to(&mut self, who: PlaceId, partner: Partner, now: Timestamp) {
        self.forget(now);
        let talks = self.0.entry(who).or_default();
        talks.writers.clear();
        talks.current = Some((partner, now));
    }

    /// `partner` has written to `who`.
    pub(super) fn hears_from(&mut self, who: PlaceId, partner: Partner, now: Timestamp) {
        let talks = self.0.entry(who).or_default();
        if let Some((current, at)) = &mut talks.current
            && *current == partner
        {
            *at = now;
            return;
        }
        talks.writers.retain(|(writer, _)| *writer != partner);
        talks.writers.push((partner, now));
    }

    /// Whom `who` means without naming anybody.
    pub(super) fn meant(&self, who: PlaceId, now: Timestamp) -> Meant {
        let Some(talks) = self.0.get(&who) else { return Meant::Nobody };
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
    pub(super) fn is_news(&mut self, who: PlaceId, partner: PlaceId, now: Timestamp) -> bool {
        let told = &mut self.0.entry(who).or_default().told;
        let known = told.as_ref().is_some_and(|(known, at)| {
            *known == Partner::Here(partner) && now.duration_since(*at) < REMINDED
        });
        *told = Some((Partner::Here(partner), now));
        !known
    }

    /// `who` is known by another number from now on.
    pub(super) fn moves(&mut self, who: PlaceId, now: PlaceId) {
        if let Some(talks) = self.0.remove(&who) {
            self.0.insert(now, talks);
        }
        self.replace(who, &Partner::Here(now));
    }

    /// Nobody can tell who `who` was, called `name`: their talks are over, and nobody else is meant by
    /// those who talked with them.
    pub(super) fn leaves(&mut self, who: PlaceId, name: &str) {
        self.0.remove(&who);
        self.replace(who, &Partner::Gone(name.to_owned()));
    }

    fn replace(&mut self, who: PlaceId, by: &Partner) {
        let theirs = self.0.values_mut().flat_map(Talks::partners);
        theirs.filter(|it| **it == Partner::Here(who)).for_each(|it| *it = by.clone());
    }

    fn forget(&mut self, now: Timestamp) {
        if self.0.len() > MANY {
            let lately = |at| now.duration_since(at) < TALK;
            self.0.retain(|_, talks| talks.last().is_some_and(lately));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: PlaceId = PlaceId(1);
    const BOB: PlaceId = PlaceId(2);
    const CARL: PlaceId = PlaceId(3);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn talks(written: &[(PlaceId, PlaceId)]) -> Partners {
        let mut partners = Partners::default();
        for (from, to) in written {
            partners.writes(*from, *to, at(0));
        }
        partners
    }

    #[track_caller]
    fn check(written: &[(PlaceId, PlaceId)], meant: &[PlaceId]) {
        let here = |place: &PlaceId| Partner::Here(*place);
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
