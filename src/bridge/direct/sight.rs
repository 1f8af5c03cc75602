//! Who is in sight, and who could be meant by a name.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::bridge::{Bridge, Spot};
use crate::domain::{
    Casemapping, ChannelMember, Endpoint, EndpointId, IrcUser, LetsChatUserId, Network, UserRef,
};

/// Somebody whom a name may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) party: UserRef,
    /// As they spell it.
    pub(super) name: String,
}

impl Bridge {
    /// Our channels on `network` in which somebody goes by `nick`, and as whom they are known there.
    fn sighted<'b>(
        &'b self,
        network: &Network,
        nick: &str,
    ) -> impl Iterator<Item = (EndpointId, &'b Spot, &'b ChannelMember)> {
        let channels =
            self.spots.iter().filter(move |(_, spot)| spot.place.network() == Some(network));
        channels.filter_map(move |(place, spot)| Some((*place, spot, spot.roster.get(nick)?)))
    }

    /// Who goes by `nick` on `network`, if they are in sight.
    pub(super) fn who_is(&self, network: &Network, nick: &str) -> Option<Found> {
        let (_, spot, member) = self.sighted(network, nick).min_by_key(|(place, ..)| *place)?;
        Some(found(network, &member.user, spot.roster.casemapping()))
    }

    /// Whoever on a network is `party`; who wrote last comes first where they are there under several nicks.
    pub(super) fn person(&self, party: &UserRef) -> Option<&Arc<IrcUser>> {
        let on =
            |network| self.spots.values().filter(move |spot| spot.place.network() == Some(network));
        match party {
            UserRef::LetsChat(_) => None,
            UserRef::Nick(network, nick) => {
                on(network).find_map(|spot| Some(&spot.roster.get(nick)?.user))
            }
            UserRef::Account(network, account) => {
                let members = on(network).flat_map(|spot| spot.roster.with_account(account));
                let last = self.direct.parties.place(party).map(|place| self.direct.name(place));
                let order = |member: &&ChannelMember| {
                    (last != Some(member.user.nick.as_str()), member.user.nick.clone())
                };
                members.min_by_key(order).map(|member| &member.user)
            }
        }
    }

    /// Whether whoever has this account on Let's Chat is in one of our rooms, and sees what they are
    /// told.
    pub(super) fn is_present(&self, account: &LetsChatUserId) -> bool {
        !self.places_of(&UserRef::LetsChat(account.clone())).is_empty()
    }

    /// Our places in which `party` is in sight.
    pub(super) fn places_of(&self, party: &UserRef) -> Vec<EndpointId> {
        let is_in = |spot: &Spot| match party {
            UserRef::LetsChat(account) => {
                spot.place.network().is_none()
                    && spot.lane.is_open()
                    && spot.guests.is_present(&account.0) == Some(true)
            }
            UserRef::Nick(network, nick) => {
                spot.place.network() == Some(network) && spot.roster.get(nick).is_some()
            }
            UserRef::Account(network, account) => {
                spot.place.network() == Some(network)
                    && spot.roster.with_account(account).next().is_some()
            }
        };
        let places = self.spots.iter().filter(|(_, spot)| is_in(spot));
        places.map(|(place, _)| *place).collect()
    }

    /// Where the two see each other: a place of `from`, and one that is linked with it, of `to`.
    pub(super) fn meetings(&self, from: &UserRef, to: &UserRef) -> Vec<(EndpointId, EndpointId)> {
        let theirs = self.places_of(to);
        let here = self.places_of(from).into_iter();
        let mirrored = |here: EndpointId| {
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
    pub(super) fn called_so(&self, writer: &UserRef, name: &str) -> Vec<Found> {
        self.across(writer, |spot| match &spot.place {
            Endpoint::Room(_) => {
                let same = |(_, it): &(&str, &str)| it.to_lowercase() == name.to_lowercase();
                spot.guests.accounts().filter(same).map(user).collect()
            }
            Endpoint::Channel { network, .. } => {
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
    pub(super) fn others(&self, writer: &UserRef) -> Vec<Found> {
        self.across(writer, |spot| match &spot.place {
            Endpoint::Room(_) => spot.guests.accounts().map(user).collect(),
            Endpoint::Channel { network, .. } => {
                spot.roster.iter().filter_map(|it| self.somebody(network, spot, it)).collect()
            }
        })
    }

    /// Those whom `who` finds in each place on the other side that `writer` can write to.
    fn across(&self, writer: &UserRef, who: impl Fn(&Spot) -> Vec<Found>) -> Vec<Found> {
        let mut seen = BTreeSet::new();
        for here in self.places_of(writer) {
            seen.extend(self.spots.get(&here).iter().flat_map(|spot| spot.mirrors.iter().copied()));
        }
        let spots = seen.iter().filter_map(|place| self.spots.get(place));
        let is_across = |spot: &&Spot| match (&spot.place, writer.network()) {
            (Endpoint::Room(_), Some(_)) => spot.lane.is_open(),
            (Endpoint::Channel { network, .. }, None) => self.direct.is_on(network),
            _ => false,
        };
        let mut all: Vec<Found> = spots.filter(is_across).flat_map(who).collect();
        all.sort_by(|one, other| (&one.name, &one.party).cmp(&(&other.name, &other.party)));
        all.dedup();
        all
    }

    /// A member of the channel, if it is somebody else than one of ours.
    fn somebody(&self, network: &Network, spot: &Spot, member: &ChannelMember) -> Option<Found> {
        let person = &member.user;
        let ours = self.voices.are_of_puppet(network, &person.nick);
        (!ours).then(|| found(network, person, spot.roster.casemapping()))
    }
}

fn user((account, name): (&str, &str)) -> Found {
    Found { party: UserRef::LetsChat(LetsChatUserId(account.into())), name: name.to_owned() }
}

fn found(network: &Network, person: &IrcUser, casemapping: Casemapping) -> Found {
    Found { party: party(network, person, casemapping), name: person.nick.clone() }
}

/// As whom somebody is known.
pub(super) fn party(network: &Network, person: &IrcUser, casemapping: Casemapping) -> UserRef {
    match &person.account {
        Some(account) => UserRef::Account(network.clone(), casemapping.fold(account).into()),
        None => UserRef::Nick(network.clone(), casemapping.fold(&person.nick).into()),
    }
}
