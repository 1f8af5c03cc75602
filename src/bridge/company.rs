//! Who and what is where something was said and where it is told, for whoever translates it.

use std::collections::HashMap;

use super::{Bridge, Spot};
use crate::domain::{Casemapping, ChannelMember, Endpoint, EndpointId};
use crate::translate::Directory;

/// The places by their names: a channel's in lower case, a room's slug.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<String, Vec<EndpointId>>);

impl Names {
    pub(super) fn of(spots: &HashMap<EndpointId, Spot>) -> Self {
        let mut names: HashMap<String, Vec<EndpointId>> = HashMap::new();
        for (id, spot) in spots {
            names.entry(folded(name(&spot.place))).or_default().push(*id);
        }
        Self(names)
    }
}

/// What is around a message on its way from one place to another.
pub(super) struct Around<'b> {
    bridge: &'b Bridge,
    from: &'b Spot,
    to: &'b Spot,
}

impl Bridge {
    /// What is around a message that was said in `from` and is told in `to`.
    pub(super) fn around(&self, from: EndpointId, to: EndpointId) -> Option<Around<'_>> {
        Some(Around { bridge: self, from: self.spots.get(&from)?, to: self.spots.get(&to)? })
    }
}

impl<'b> Around<'b> {
    /// The channel that is told or, if that is a room, the one where it was said.
    fn channel(&self) -> &'b Spot {
        if self.to.place.network().is_some() { self.to } else { self.from }
    }

    fn room(&self) -> &'b Spot {
        if self.to.place.network().is_none() { self.to } else { self.from }
    }

    fn member(&self, nick: &str) -> Option<&'b ChannelMember> {
        self.channel().roster.get(nick)
    }

    /// The place called `called` that `is`, and the name of one of its conversation that `mirrors`.
    fn mirrored(
        &self,
        called: &str,
        is: impl Fn(&Endpoint) -> bool,
        mirrors: impl Fn(&Endpoint) -> bool,
    ) -> Option<&'b str> {
        let spots = &self.bridge.spots;
        let named = self.bridge.names.0.get(&folded(called))?;
        let spot = named.iter().filter_map(|id| spots.get(id)).find(|spot| is(&spot.place))?;
        let places = spot.mirrors.iter().filter_map(|id| Some(&spots.get(id)?.place));
        places.into_iter().find(|place| mirrors(place)).map(name)
    }
}

impl Directory for Around<'_> {
    fn source(&self) -> &Endpoint {
        &self.from.place
    }

    fn find_nick(&self, nick: &str) -> Option<&str> {
        self.member(nick).map(|member| member.user.nick.as_str())
    }

    fn nick_of_account(&self, account: &str) -> Option<&str> {
        let members = self.channel().roster.with_account(account);
        members.map(|member| member.user.nick.as_str()).min()
    }

    fn account_of_nick(&self, nick: &str) -> Option<&str> {
        self.member(nick)?.user.account.as_deref()
    }

    fn find_user(&self, name: &str) -> Option<&str> {
        self.room().guests.user(name)
    }

    fn room_id(&self) -> Option<&str> {
        self.room().room_id.as_deref()
    }

    fn channel_for_room(&self, slug: &str) -> Option<&str> {
        let network = self.to.place.network()?;
        let here = |place: &Endpoint| place.network() == Some(network);
        self.mirrored(slug, |place| place.network().is_none(), here)
    }

    fn room_for_channel(&self, channel: &str) -> Option<&str> {
        let network = self.from.place.network()?;
        let here = |place: &Endpoint| place.network() == Some(network);
        self.mirrored(channel, here, |place| place.network().is_none())
    }

    fn line(&self) -> Option<usize> {
        self.to.joined.map(|joined| joined.line)
    }
}

fn name(place: &Endpoint) -> &str {
    match place {
        Endpoint::Channel { name, .. } | Endpoint::Room(name) => name,
    }
}

fn folded(name: &str) -> String {
    Casemapping::Rfc1459.fold(name)
}
