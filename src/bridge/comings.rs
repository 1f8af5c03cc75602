//! Who comes and goes in one place is told in the others, as far as each wants to know.
//!
//! What happens is held for a moment, so that a netsplit is one line, and who is back at once is not
//! told of. Where it cannot be told then, it never is: nobody wants to read in an hour who came now.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::{Bridge, Spot, Turn};
use crate::domain::EndpointId;
use crate::protocol::irc::LeaveReason;
use crate::store::StoreError;
use crate::translate;
use crate::translate::{StatusChange, StatusEvent};

/// How long nothing more must have happened before it is told, and how long that is waited for.
const HOLD: SignedDuration = SignedDuration::from_secs(3);
const LONGEST: SignedDuration = SignedDuration::from_secs(15);

/// Who has said something within this time has done so lately.
const LATELY: SignedDuration = SignedDuration::from_mins(30);

/// How much is held, and how many who spoke are remembered, in one place.
const MOST: usize = 20_000;

/// How long what is to be told waits for those who talk. Later, nobody wants to read it.
const WAITS: SignedDuration = SignedDuration::from_secs(60);

/// What has happened lately in each place.
#[derive(Debug, Default)]
pub(super) struct Goings {
    places: HashMap<EndpointId, Lately>,
    /// What waits to be told, from where to where: nobody's talk waits for it.
    waiting: BTreeMap<(EndpointId, EndpointId), Due>,
}

/// What is to be told in one place of another.
#[derive(Debug)]
struct Due {
    comings: Vec<StatusEvent>,
    since: Timestamp,
    /// One of them is about to say something.
    hurry: bool,
}

/// What has happened lately in one place.
#[derive(Debug, Default)]
struct Lately {
    /// Not told yet, the first thing first.
    untold: Vec<StatusEvent>,
    /// When the first and the last of it happened.
    span: Option<(Timestamp, Timestamp)>,
    /// Who spoke when, by name in lower case. It outlives their leaving.
    spoke: HashMap<String, Timestamp>,
}

impl Goings {
    /// Somebody says something.
    fn speak(&mut self, place: EndpointId, name: &str, now: Timestamp) {
        let lately = self.places.entry(place).or_default();
        if lately.spoke.len() >= MOST {
            lately.spoke.retain(|_, at| now.duration_since(*at) < LATELY);
        }
        if lately.spoke.len() < MOST {
            lately.spoke.insert(name.to_lowercase(), now);
        }
    }

    /// Something happened to somebody.
    pub(super) fn note(
        &mut self,
        place: EndpointId,
        who: &str,
        what: StatusChange,
        now: Timestamp,
    ) {
        let lately = self.places.entry(place).or_default();
        if lately.untold.len() >= MOST {
            return;
        }
        let names = [Some(who), named(&what)];
        let spoke = names.into_iter().flatten().any(|name| {
            let at = lately.spoke.get(&name.to_lowercase());
            at.is_some_and(|at| now.duration_since(*at) < LATELY)
        });
        if let StatusChange::NickChanged(name) = &what
            && let Some(at) = lately.spoke.remove(&who.to_lowercase())
        {
            lately.spoke.insert(name.to_lowercase(), at);
        }
        lately.untold.push(StatusEvent {
            who: who.to_owned(),
            spoke_recently: spoke,
            change: what,
        });
        lately.span = Some((lately.span.map_or(now, |(first, _)| first), now));
    }

    /// Whatever happened there is not told: we are out of it ourselves.
    pub(super) fn forget(&mut self, place: EndpointId) {
        if let Some(lately) = self.places.get_mut(&place) {
            (lately.untold, lately.span) = (Vec::new(), None);
        }
    }

    /// `name` says something: that they came is to be told before it, not behind.
    fn hurry(&mut self, place: EndpointId, name: &str) -> bool {
        let Some(lately) = self.places.get_mut(&place) else { return false };
        let came = |it: &StatusEvent| {
            it.who == name
                && matches!(it.change, StatusChange::Joined | StatusChange::NetsplitRejoin)
        };
        let hurry = lately.untold.iter().any(came);
        if hurry {
            lately.span = Some((Timestamp::MIN, Timestamp::MIN));
        }
        hurry
    }

    /// `comings` of the one place are to be told in the other, behind what waits already.
    fn wait(
        &mut self,
        way: (EndpointId, EndpointId),
        comings: &[StatusEvent],
        hurry: bool,
        now: Timestamp,
    ) {
        let nothing = || Due { comings: Vec::new(), since: now, hurry: false };
        let due = self.waiting.entry(way).or_insert_with(nothing);
        due.hurry |= hurry;
        let room = MOST.saturating_sub(due.comings.len());
        due.comings.extend(comings.iter().take(room).cloned());
    }

    /// What is to be told by now, and whether that is in a hurry.
    fn due(&mut self, now: Timestamp) -> Vec<(EndpointId, Vec<StatusEvent>, bool)> {
        let due = |lately: &Lately| {
            lately.span.is_some_and(|(first, last)| {
                now.duration_since(last) >= HOLD || now.duration_since(first) >= LONGEST
            })
        };
        let places = self.places.iter_mut().filter(|(_, lately)| due(lately));
        places
            .map(|(place, lately)| {
                let hurry = lately.span.take().is_some_and(|(first, _)| first == Timestamp::MIN);
                (*place, std::mem::take(&mut lately.untold), hurry)
            })
            .collect()
    }
}

/// Who else is concerned by it: the one to whom the modes are given.
fn named(what: &StatusChange) -> Option<&str> {
    match what {
        StatusChange::ModesChanged(change) => change.split(' ').nth(1),
        _ => None,
    }
}

/// How somebody left, in the words that it is told in.
pub(super) fn parting(how: LeaveReason) -> StatusChange {
    match how {
        LeaveReason::Part { reason: why } | LeaveReason::Quit { reason: why } => {
            StatusChange::Left(why)
        }
        LeaveReason::Kick { by, reason: why } => StatusChange::Kicked { by, reason: why },
        LeaveReason::Netsplit { servers } => StatusChange::Netsplit(servers),
    }
}

impl Bridge {
    /// `name` is about to say something in `place`.
    pub(super) fn speaks(
        &mut self,
        place: EndpointId,
        name: &str,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if self.goings.hurry(place, name) {
            self.tell_comings(turn)?;
        }
        self.goings.speak(place, name, turn.now);
        Ok(())
    }

    /// Tells what has happened a moment ago, where it is wanted and can be told now, and nobody's talk
    /// would wait for it.
    pub(super) fn tell_comings(&mut self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        for (place, comings, hurry) in self.goings.due(turn.now) {
            let mirrors = self.spots.get(&place).map(|spot| spot.mirrors.clone());
            for to in mirrors.iter().flat_map(|mirrors| mirrors.iter().copied()) {
                if self.spots.get(&to).is_some_and(|spot| spot.lane.is_open()) {
                    self.goings.wait((place, to), &comings, hurry, turn.now);
                }
            }
        }
        let ways: Vec<_> = self.goings.waiting.keys().copied().collect();
        for (place, to) in ways {
            let Some(due) = self.goings.waiting.get(&(place, to)) else { continue };
            let late = turn.now.duration_since(due.since) > WAITS;
            if !late && !self.is_quiet(to, due.hurry) {
                continue;
            }
            let due = self.goings.waiting.remove(&(place, to)).filter(|_| !late);
            let words = due.and_then(|due| self.words_of(place, to, &due.comings));
            if let Some(words) = words {
                self.remark(place, &[to], words, turn)?;
            }
        }
        Ok(())
    }

    /// Whether nothing waits to be said in `to` nor, but in a hurry, on its network, where one line
    /// holds up another.
    fn is_quiet(&self, to: EndpointId, hurry: bool) -> bool {
        let Some(Spot { place, lane, .. }) = self.spots.get(&to) else { return true };
        let on = place.network().filter(|_| !hurry);
        lane.first().is_none()
            && on.is_none_or(|network| {
                let others = self.spots.values();
                let mut others = others.filter(|spot| spot.place.network() == Some(network));
                others.all(|spot| !spot.lane.is_open() || spot.lane.first().is_none())
            })
    }

    /// What is told in `to` of what happened in `place`, if anything is. Nobody who sits there, too, is
    /// called by it.
    fn words_of(
        &self,
        place: EndpointId,
        to: EndpointId,
        comings: &[StatusEvent],
    ) -> Option<String> {
        let manners = self.ways.manners(place, to);
        let spot = self.spots.get(&to).filter(|spot| spot.lane.is_open())?;
        let quiet = spot.place.network().is_some() && manners.channel.anti_ping;
        manners.status_notices.summarize(comings, |name| match spot.roster.get(name) {
            Some(_) if quiet => translate::defuse_ping(&translate::called(name)),
            _ => translate::called(name).into_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEA: EndpointId = EndpointId(1);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).expect("a time")
    }

    fn told(goings: &mut Goings, now: i64) -> Vec<(String, bool)> {
        let due = goings.due(at(now)).into_iter().flat_map(|(_, comings, _)| comings);
        due.map(|coming| (coming.who, coming.spoke_recently)).collect()
    }

    #[test]
    fn what_happens_is_told_when_nothing_more_does() {
        let mut goings = Goings::default();
        goings.note(TEA, "ann", StatusChange::Joined, at(0));
        assert_eq!(told(&mut goings, 2), []);
        goings.note(TEA, "bob", StatusChange::Joined, at(2));
        assert_eq!(told(&mut goings, 4), []);
        let both = [("ann".to_owned(), false), ("bob".to_owned(), false)];
        assert_eq!(told(&mut goings, 5), both);
        assert_eq!(told(&mut goings, 9), []);
    }

    #[test]
    fn what_goes_on_and_on_is_told_all_the_same() {
        let mut goings = Goings::default();
        for second in 0..=15 {
            goings.note(TEA, &second.to_string(), StatusChange::Joined, at(second));
        }
        assert_eq!(told(&mut goings, 15).len(), 16);
    }

    #[test]
    fn who_spoke_lately_is_known_under_every_name_and_after_leaving() {
        let mut goings = Goings::default();
        goings.speak(TEA, "Ann", at(0));
        goings.note(TEA, "ann", StatusChange::NickChanged("anna".to_owned()), at(1));
        goings.note(TEA, "anna", StatusChange::Left(None), at(2));
        goings.note(TEA, "op", StatusChange::ModesChanged("+o anna".to_owned()), at(3));
        goings.note(TEA, "ann", StatusChange::Joined, at(4));
        goings.note(TEA, "anna", StatusChange::Joined, at(1_800));
        let spoke: Vec<bool> =
            told(&mut goings, 1_900).into_iter().map(|(_, spoke)| spoke).collect();
        assert_eq!(spoke, [true, true, true, false, false]);
    }
}
