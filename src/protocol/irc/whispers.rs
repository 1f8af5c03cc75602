//! Whom we are saying something to alone, and whether they are still who we mean.
//!
//! A nick is not a person: who has it now may be somebody else a moment later. So whoever is meant is
//! given as they were known when it was decided, and what has not left by then is taken back as soon as
//! the nick is out of sight, or is somebody else's.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::{Casemapping, Person, PlaceId};

/// Numerics by which a server says that somebody was not told: ERR_NOSUCHNICK, ERR_CANNOTSENDTOCHAN
/// ("nick/channel"), ERR_TOOMANYTARGETS, ERR_NEEDREGGEDNICK, ERR_NONONREG, ERR_NOCTCP (a noise to who is
/// spoken to), ERR_CANTSENDTOUSER, ERR_TARGUMODEG.
const UNHEARD: &[&str] = &["401", "404", "407", "477", "486", "492", "531", "716"];

/// Those that we are saying something to, by what stands for each.
#[derive(Debug, Default)]
pub(super) struct Whispers(HashMap<PlaceId, Arc<Person>>);

impl Whispers {
    /// What is said to `place` from here on is for `whom`.
    pub(super) fn begin(&mut self, place: PlaceId, whom: Arc<Person>) {
        self.0.insert(place, whom);
    }

    /// Nothing more is to be said to `place`.
    pub(super) fn end(&mut self, place: PlaceId) {
        self.0.remove(&place);
    }

    /// What stands for whoever goes by `nick`, if something is being said to them.
    pub(super) fn place(&self, nick: &str, casemapping: Casemapping) -> Option<PlaceId> {
        let mut whispers = self.0.iter();
        whispers.find(|(_, whom)| casemapping.same(&whom.nick, nick)).map(|(place, _)| *place)
    }

    /// Whether the numeric `code` says that somebody was not told.
    pub(super) fn are_unheard(code: &str) -> bool {
        UNHEARD.contains(&code)
    }

    /// Those whose nick is nobody's now, or somebody else's: `known` says whose.
    pub(super) fn lost<'p>(&self, known: impl Fn(&str) -> Option<&'p Arc<Person>>) -> Vec<PlaceId> {
        let is_lost = |whom: &Person| known(&whom.nick).is_none_or(|now| !is_same(whom, now));
        self.0.iter().filter(|(_, whom)| is_lost(whom)).map(|(place, _)| *place).collect()
    }
}

/// Whether whoever goes by the nick of `whom` is still the same, as far as the server tells: the account
/// is a person's own; without one, the address is what is left.
pub(super) fn is_same(whom: &Person, now: &Person) -> bool {
    match (&whom.account, &now.account) {
        (Some(account), now) => now.as_ref() == Some(account),
        (None, _) => {
            let known = whom.address.as_ref().zip(now.address.as_ref());
            known.is_none_or(|(before, now)| before == now)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(address: Option<&str>, account: Option<&str>) -> Person {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Person { address: owned(address), account: owned(account), ..Person::named("ann") }
    }

    #[test]
    fn who_has_a_nick_may_be_somebody_else() {
        let host = Some("a@host");
        for (whom, now, same) in [
            (person(host, None), person(host, None), true),
            (person(host, None), person(host, Some("ann")), true),
            (person(None, None), person(host, None), true),
            (person(host, None), person(Some("e@elsewhere"), None), false),
            (person(host, Some("ann")), person(Some("a@home"), Some("ann")), true),
            (person(host, Some("ann")), person(host, Some("eve")), false),
            (person(host, Some("ann")), person(host, None), false),
        ] {
            assert_eq!(is_same(&whom, &now), same, "{whom:?} {now:?}");
        }
    }

    #[test]
    fn who_is_out_of_sight_is_lost() {
        let mut whispers = Whispers::default();
        whispers.begin(PlaceId(1), Arc::new(person(None, None)));
        assert_eq!(whispers.place("ANN", Casemapping::Ascii), Some(PlaceId(1)));
        let now = Arc::new(person(None, None));
        assert_eq!(whispers.lost(|_| Some(&now)), []);
        assert_eq!(whispers.lost(|_| None), [PlaceId(1)]);
        whispers.end(PlaceId(1));
        assert_eq!(whispers.lost(|_| None), []);
    }
}
