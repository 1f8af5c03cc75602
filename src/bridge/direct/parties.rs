//! Those who talk in private: their numbers, and what they are called.
//!
//! So many are remembered on each side, and no more: beyond that, those are forgotten who have said and heard
//! nothing for longest.

use std::collections::{BTreeMap, HashMap};

use crate::domain::{EndpointId, Network, UserRef};

/// How many are remembered on one side.
const MOST: usize = 2_000;

/// How many bytes of a name are.
const LONGEST: usize = 128;

/// Those who talk.
#[derive(Debug, Default)]
pub(super) struct Parties {
    places: HashMap<UserRef, EndpointId>,
    known: HashMap<EndpointId, Known>,
    /// Those on each side, who was met longest ago first.
    sides: HashMap<Option<Network>, BTreeMap<u64, EndpointId>>,
    /// How often somebody was met.
    met: u64,
}

#[derive(Debug)]
struct Known {
    party: UserRef,
    name: String,
    met: u64,
}

impl Parties {
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(super) fn place(&self, party: &UserRef) -> Option<EndpointId> {
        self.places.get(party).copied()
    }

    pub(super) fn party(&self, place: EndpointId) -> Option<&UserRef> {
        self.known.get(&place).map(|known| &known.party)
    }

    /// What `place` is called.
    pub(super) fn name(&self, place: EndpointId) -> Option<&str> {
        self.known.get(&place).map(|known| known.name.as_str())
    }

    /// What they are called, in no order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.known.values().map(|known| known.name.as_str())
    }

    /// Those on `network`, in no order.
    pub(super) fn on(&self, network: &Network) -> impl Iterator<Item = (&UserRef, EndpointId)> {
        let side = self.sides.get(&Some(network.clone()));
        let places = side.into_iter().flat_map(BTreeMap::values).copied();
        places.filter_map(|place| Some((self.party(place)?, place)))
    }

    /// `party`, called `name`, has the number `place`, and is met now.
    pub(super) fn meet(&mut self, party: &UserRef, place: EndpointId, name: &str) {
        self.forget(place);
        if let Some(before) = self.place(party) {
            self.forget(before);
        }
        self.met += 1;
        let name = name[..name.floor_char_boundary(LONGEST)].to_owned();
        self.places.insert(party.clone(), place);
        self.known.insert(place, Known { party: party.clone(), name, met: self.met });
        self.sides.entry(party.network().cloned()).or_default().insert(self.met, place);
    }

    /// Who has this number is nobody from now on.
    pub(super) fn forget(&mut self, place: EndpointId) {
        let Some(Known { party, met, .. }) = self.known.remove(&place) else { return };
        self.places.remove(&party);
        if let Some(side) = self.sides.get_mut(&party.network().cloned()) {
            side.remove(&met);
        }
    }

    /// Who on the side of `party` is to be forgotten, if there are too many: the first whom nobody `needs`.
    pub(super) fn too_many(
        &self,
        party: &UserRef,
        needs: impl Fn(EndpointId) -> bool,
    ) -> Option<(EndpointId, String)> {
        let side = self.sides.get(&party.network().cloned())?;
        if side.len() <= MOST {
            return None;
        }
        let place = side.values().copied().find(|place| !needs(*place))?;
        Some((place, self.name(place)?.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nick(n: usize) -> UserRef {
        UserRef::Nick(Network::new("office"), format!("n{n}").into())
    }

    fn place(n: usize) -> EndpointId {
        EndpointId(i64::try_from(n).expect("small"))
    }

    #[test]
    fn who_was_not_met_for_longest_is_forgotten_first_and_nobody_who_is_needed() {
        let mut parties = Parties::default();
        for n in 0..10 * MOST {
            parties.meet(&nick(n), place(n), "somebody");
            parties.meet(&nick(0), place(0), "ann");
            let forgotten = parties.too_many(&nick(n), |it| it == place(1));
            forgotten.into_iter().for_each(|(it, _)| parties.forget(it));
        }
        assert_eq!(parties.on(&Network::new("office")).count(), MOST);
        assert_eq!((parties.known.len(), parties.places.len()), (MOST, MOST));
        assert_eq!(parties.name(place(0)), Some("ann"));
        assert_eq!(parties.place(&nick(1)), Some(place(1)));
        assert_eq!(parties.place(&nick(2)), None);
    }

    #[test]
    fn who_goes_by_many_names_takes_the_room_of_one() {
        let mut parties = Parties::default();
        for n in 0..1_000 {
            parties.meet(&nick(n), place(7), &"x".repeat(10_000));
        }
        assert_eq!(parties.known.len() + parties.places.len(), 2);
        assert_eq!(parties.party(place(7)), Some(&nick(999)));
        assert_eq!(parties.name(place(7)).map(str::len), Some(LONGEST));
    }
}
