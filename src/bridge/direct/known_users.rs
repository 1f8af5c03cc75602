//! The users of direct messages: their endpoint ids and names.
//!
//! The number remembered per side is limited; beyond it, the least recently active are forgotten.

use std::collections::{BTreeMap, HashMap};

use crate::domain::{EndpointId, Network, UserRef};

/// Maximum number of users per side.
const MOST: usize = 2_000;

/// Maximum length of a name in bytes.
const LONGEST: usize = 128;

/// Known users.
#[derive(Debug, Default)]
pub(super) struct KnownUsers {
    endpoints: HashMap<UserRef, EndpointId>,
    known: HashMap<EndpointId, Known>,
    /// The users of each side, the least recently active first.
    sides: HashMap<Option<Network>, BTreeMap<u64, EndpointId>>,
    /// Counts activity.
    met: u64,
}

#[derive(Debug)]
struct Known {
    user: UserRef,
    name: String,
    met: u64,
}

impl KnownUsers {
    pub(super) fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }

    pub(super) fn endpoint(&self, user: &UserRef) -> Option<EndpointId> {
        self.endpoints.get(user).copied()
    }

    pub(super) fn user(&self, endpoint: EndpointId) -> Option<&UserRef> {
        self.known.get(&endpoint).map(|known| &known.user)
    }

    /// The name of this user.
    pub(super) fn name(&self, endpoint: EndpointId) -> Option<&str> {
        self.known.get(&endpoint).map(|known| known.name.as_str())
    }

    /// All names, in no particular order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.known.values().map(|known| known.name.as_str())
    }

    /// The users on `network`, in no particular order.
    pub(super) fn on(&self, network: &Network) -> impl Iterator<Item = (&UserRef, EndpointId)> {
        let side = self.sides.get(&Some(network.clone()));
        let endpoints = side.into_iter().flat_map(BTreeMap::values).copied();
        endpoints.filter_map(|endpoint| Some((self.user(endpoint)?, endpoint)))
    }

    /// Records the user, with name and endpoint id, as just active.
    pub(super) fn touch(&mut self, user: &UserRef, endpoint: EndpointId, name: &str) {
        self.forget(endpoint);
        if let Some(before) = self.endpoint(user) {
            self.forget(before);
        }
        self.met += 1;
        let name = name[..name.floor_char_boundary(LONGEST)].to_owned();
        self.endpoints.insert(user.clone(), endpoint);
        self.known.insert(endpoint, Known { user: user.clone(), name, met: self.met });
        self.sides.entry(user.network().cloned()).or_default().insert(self.met, endpoint);
    }

    /// Forgets the user with this endpoint id.
    pub(super) fn forget(&mut self, endpoint: EndpointId) {
        let Some(Known { user, met, .. }) = self.known.remove(&endpoint) else { return };
        self.endpoints.remove(&user);
        if let Some(side) = self.sides.get_mut(&user.network().cloned()) {
            side.remove(&met);
        }
    }

    /// A user to forget on this side if there are too many: the least recently active that nobody `needs`.
    pub(super) fn too_many(
        &self,
        user: &UserRef,
        needs: impl Fn(EndpointId) -> bool,
    ) -> Option<(EndpointId, String)> {
        let side = self.sides.get(&user.network().cloned())?;
        if side.len() <= MOST {
            return None;
        }
        let endpoint = side.values().copied().find(|endpoint| !needs(*endpoint))?;
        Some((endpoint, self.name(endpoint)?.to_owned()))
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
        let mut parties = KnownUsers::default();
        for n in 0..10 * MOST {
            parties.touch(&nick(n), place(n), "somebody");
            parties.touch(&nick(0), place(0), "ann");
            let forgotten = parties.too_many(&nick(n), |it| it == place(1));
            forgotten.into_iter().for_each(|(it, _)| parties.forget(it));
        }
        assert_eq!(parties.on(&Network::new("office")).count(), MOST);
        assert_eq!((parties.known.len(), parties.endpoints.len()), (MOST, MOST));
        assert_eq!(parties.name(place(0)), Some("ann"));
        assert_eq!(parties.endpoint(&nick(1)), Some(place(1)));
        assert_eq!(parties.endpoint(&nick(2)), None);
    }

    #[test]
    fn who_goes_by_many_names_takes_the_room_of_one() {
        let mut parties = KnownUsers::default();
        for n in 0..1_000 {
            parties.touch(&nick(n), place(7), &"x".repeat(10_000));
        }
        assert_eq!(parties.known.len() + parties.endpoints.len(), 2);
        assert_eq!(parties.user(place(7)), Some(&nick(999)));
        assert_eq!(parties.name(place(7)).map(str::len), Some(LONGEST));
    }
}
