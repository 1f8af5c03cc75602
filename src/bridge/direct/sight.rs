//! Who is in sight, and who could be meant by a name.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::bridge::{Bridge, Spot};
use crate::domain::{AccountId, Casemapping, Member, Network, Party, Person, Place, PlaceId};

/// Somebody whom a name may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) party: Party,
    /// As they spell it.
    pub(super) name: String,
}

impl Bridge {
    /// Our channels on `network` in which somebody goes by `nick`, and as whom they are known there.
    fn sighted<'b>(
        &'b self,
        network: &Network,
        nick: &str,
    ) -> impl Iterator<Item = (PlaceId, &'b Spot, &'b Member)> {
        let channels =
            self.spots.iter().filter(move |(_, spot)| spot.place.network() == Some(network));
        channels.filter_map(move |(place, spot)| Some((*place, spot, spot.roster.get(nick)?)))
    }

    /// Who goes by `nick` on `network`, if they are in sight.
    pub(super) fn who_is(&self, network: &Network, nick: &str) -> Option<Found> {
        let (_, spot, member) = self.sighted(network, nick).min_by_key(|(place, ..)| *place)?;
        Some(found(network, &member.person, spot.roster.casemapping()))
    }

    /// Whoever on a network is `party`; who wrote last comes first where they are there under several nicks.
    pub(super) fn person(&self, party: &Party) -> Option<&Arc<Person>> {
        let on =
            |network| self.spots.values().filter(move |spot| spot.place.network() == Some(network));
        match party {
            Party::User(_) => None,
            Party::Nick(network, nick) => {
                on(network).find_map(|spot| Some(&spot.roster.get(nick)?.person))
            }
            Party::Account(network, account) => {
                let members = on(network).flat_map(|spot| spot.roster.with_account(account));
                let last = self.direct.parties.place(party).map(|place| self.direct.name(place));
                let order = |member: &&Member| {
                    (last != Some(member.person.nick.as_str()), member.person.nick.clone())
                };
                members.min_by_key(order).map(|member| &member.person)
            }
        }
    }

    /// Whether whoever has this account on Let's Chat is in one of our rooms, and sees what they are
    /// told.
    pub(super) fn is_present(&self, account: &AccountId) -> bool {
        !self.places_of(&Party::User(account.clone())).is_empty()
    }

    /// Our places in which `party` is in sight.
    pub(super) fn places_of(&self, party: &Party) -> Vec<PlaceId> {
        let is_in = |spot: &Spot| match party {
            Party::User(account) => {
                spot.place.network().is_none()
                    && spot.lane.is_open()
                    && spot.guests.is_present(&account.0) == Some(true)
            }
            Party::Nick(network, nick) => {
                spot.place.network() == Some(network) && spot.roster.get(nick).is_some()
            }
            Party::Account(network, account) => {
                spot.place.network() == Some(network)
                    && spot.roster.with_account(account).next().is_some()
            }
        };
        let places = self.spots.iter().filter(|(_, spot)| is_in(spot));
        places.map(|(place, _)| *place).collect()
    }

    /// Where the two see each other: a place of `from`, and one that is linked with it, of `to`.
    pub(super) fn meetings(&self, from: &Party, to: &Party) -> Vec<(PlaceId, PlaceId)> {
        let theirs = self.places_of(to);
        let here = self.places_of(from).into_iter();
        let mirrored = |here: PlaceId| {
            let mirrors = self.spots.get(&here).map(|spot| spot.mirrors.clone());
            let met = mirrors.iter().flat_map(|it| it.iter().copied()).collect::<Vec<_>>();
            met.into_iter()
                .filter(|it| theirs.contains(it))
                .map(move |there| (here, there))
                .collect()
        };
        here.flat_map::<Vec<_>, _>(mirrored).collect()
    }

    /// Whom `writer` can mean by `name` on the other side: `bob`, `ann`, `office/ann`.
    pub(super) fn called_so(&self, writer: &Party, name: &str) -> Vec<Found> {
        self.across(writer, |spot| match &spot.place {
            Place::Room(_) => {
                let same = |(_, it): &(&str, &str)| it.to_lowercase() == name.to_lowercase();
                spot.guests.accounts().filter(same).map(user).collect()
            }
            Place::Channel { network, .. } => {
                let nick = match name.split_once('/') {
                    Some((on, nick)) if on.eq_ignore_ascii_case(network.as_str()) => nick,
                    _ => name,
                };
                let member = spot.roster.get(nick).into_iter();
                member.filter_map(|it| self.somebody(network, spot, it)).collect()
            }
        })
    }

    /// Everybody on the other side whom `writer` can write to, by name.
    pub(super) fn others(&self, writer: &Party) -> Vec<Found> {
        self.across(writer, |spot| match &spot.place {
            Place::Room(_) => spot.guests.accounts().map(user).collect(),
            Place::Channel { network, .. } => {
                spot.roster.iter().filter_map(|it| self.somebody(network, spot, it)).collect()
            }
        })
    }

    /// Those whom `who` finds in each place on the other side that `writer` can write to.
    fn across(&self, writer: &Party, who: impl Fn(&Spot) -> Vec<Found>) -> Vec<Found> {
        let mut seen = BTreeSet::new();
        for here in self.places_of(writer) {
            seen.extend(self.spots.get(&here).iter().flat_map(|spot| spot.mirrors.iter().copied()));
        }
        let spots = seen.iter().filter_map(|place| self.spots.get(place));
        let is_across = |spot: &&Spot| match (&spot.place, writer.network()) {
            (Place::Room(_), Some(_)) => spot.lane.is_open(),
            (Place::Channel { network, .. }, None) => self.direct.is_on(network),
            _ => false,
        };
        let mut all: Vec<Found> = spots.filter(is_across).flat_map(who).collect();
        all.sort_by(|one, other| (&one.name, &one.party).cmp(&(&other.name, &other.party)));
        all.dedup();
        all
    }

    /// A member of the channel, if it is somebody else than one of ours.
    fn somebody(&self, network: &Network, spot: &Spot, member: &Member) -> Option<Found> {
        let person = &member.person;
        let ours = self.voices.are_of_puppet(network, &person.nick);
        (!ours).then(|| found(network, person, spot.roster.casemapping()))
    }
}

fn user((account, name): (&str, &str)) -> Found {
    Found { party: Party::User(AccountId(account.into())), name: name.to_owned() }
}

fn found(network: &Network, person: &Person, casemapping: Casemapping) -> Found {
    Found { party: party(network, person, casemapping), name: person.nick.clone() }
}

/// As whom somebody is known.
pub(super) fn party(network: &Network, person: &Person, casemapping: Casemapping) -> Party {
    match &person.account {
        Some(account) => Party::Account(network.clone(), casemapping.fold(account).into()),
        None => Party::Nick(network.clone(), casemapping.fold(&person.nick).into()),
    }
}
