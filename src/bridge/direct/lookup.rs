//! Finds present users by name or identity.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::bridge::{Bridge, EndpointState};
use crate::domain::{
    Casemapping, ChannelMember, Endpoint, EndpointId, IrcUser, LetsChatUserId, Network, UserRef,
};

/// A user that a name may refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UserMatch {
    pub(super) user: UserRef,
    /// As the user spells it.
    pub(super) name: String,
}

impl Bridge {
    /// Our channels on `network` with a member of this nick, and the member.
    fn channels_with_nick<'b>(
        &'b self,
        network: &Network,
        nick: &str,
    ) -> impl Iterator<Item = (EndpointId, &'b EndpointState, &'b ChannelMember)> {
        let channels =
            self.endpoints.iter().filter(move |(_, spot)| spot.endpoint.network() == Some(network));
        channels.filter_map(move |(place, spot)| Some((*place, spot, spot.roster.get(nick)?)))
    }

    /// The user with this nick on `network`, if present.
    pub(super) fn find_by_nick(&self, network: &Network, nick: &str) -> Option<UserMatch> {
        let (_, spot, member) =
            self.channels_with_nick(network, nick).min_by_key(|(place, ..)| *place)?;
        Some(irc_match(network, &member.user, spot.roster.casemapping()))
    }

    /// The IRC user with this identity; of several nicks, the one that spoke last.
    pub(super) fn find_irc_user(&self, party: &UserRef) -> Option<&Arc<IrcUser>> {
        let on = |network| {
            self.endpoints.values().filter(move |spot| spot.endpoint.network() == Some(network))
        };
        match party {
            UserRef::LetsChat(_) => None,
            UserRef::Nick(network, nick) => {
                on(network).find_map(|spot| Some(&spot.roster.get(nick)?.user))
            }
            UserRef::Account(network, account) => {
                let members = on(network).flat_map(|spot| spot.roster.with_account(account));
                let last = self
                    .direct
                    .endpoints_by_user
                    .place(party)
                    .map(|place| self.direct.name_of(place));
                let order = |member: &&ChannelMember| {
                    (last != Some(member.user.nick.as_str()), member.user.nick.clone())
                };
                members.min_by_key(order).map(|member| &member.user)
            }
        }
    }

    /// Whether this Let's Chat user is in one of our rooms and would see messages.
    pub(super) fn is_user_present(&self, account: &LetsChatUserId) -> bool {
        !self.endpoints_of(&UserRef::LetsChat(account.clone())).is_empty()
    }

    /// Our endpoints where this user is present.
    pub(super) fn endpoints_of(&self, party: &UserRef) -> Vec<EndpointId> {
        let is_in = |spot: &EndpointState| match party {
            UserRef::LetsChat(account) => {
                spot.endpoint.network().is_none()
                    && spot.queue.is_open()
                    && spot.room_members.is_present(&account.0) == Some(true)
            }
            UserRef::Nick(network, nick) => {
                spot.endpoint.network() == Some(network) && spot.roster.get(nick).is_some()
            }
            UserRef::Account(network, account) => {
                spot.endpoint.network() == Some(network)
                    && spot.roster.with_account(account).next().is_some()
            }
        };
        let places = self.endpoints.iter().filter(|(_, spot)| is_in(spot));
        places.map(|(place, _)| *place).collect()
    }

    /// Where two users see each other: an endpoint of `from`, and a linked one of `to`.
    pub(super) fn shared_links(
        &self,
        from: &UserRef,
        to: &UserRef,
    ) -> Vec<(EndpointId, EndpointId)> {
        let theirs = self.endpoints_of(to);
        let here = self.endpoints_of(from).into_iter();
        let mirrored = |here: EndpointId| {
            let mirrors = self.endpoints.get(&here).map(|spot| spot.mirrors.clone());
            let met = mirrors.iter().flat_map(|it| it.iter().copied()).collect::<Vec<_>>();
            met.into_iter()
                .filter(|it| theirs.contains(it))
                .map(move |there| (here, there))
                .collect()
        };
        here.flat_map::<Vec<_>, _>(mirrored).collect()
    }

    /// The users on the other side that the sender can mean by `name`: `bob`, `ann`, `office/ann`.
    pub(super) fn find_by_name(&self, writer: &UserRef, name: &str) -> Vec<UserMatch> {
        self.collect_across(writer, |spot| match &spot.endpoint {
            Endpoint::Room(_) => {
                let same = |(_, it): &(&str, &str)| it.to_lowercase() == name.to_lowercase();
                spot.room_members.present_users().filter(same).map(letschat_match).collect()
            }
            Endpoint::Channel { network, .. } => {
                let nick = match name.split_once('/') {
                    Some((on, nick)) if on.eq_ignore_ascii_case(network.as_str()) => nick,
                    _ => name,
                };
                let member = spot.roster.get(nick).into_iter();
                member.filter_map(|it| self.match_member(network, spot, it)).collect()
            }
        })
    }

    /// All users on the other side that the sender can write to, by name.
    pub(super) fn reachable_users(&self, writer: &UserRef) -> Vec<UserMatch> {
        self.collect_across(writer, |spot| match &spot.endpoint {
            Endpoint::Room(_) => spot.room_members.present_users().map(letschat_match).collect(),
            Endpoint::Channel { network, .. } => {
                spot.roster.iter().filter_map(|it| self.match_member(network, spot, it)).collect()
            }
        })
    }

    /// The users that `who` finds in the endpoints that the sender can write to.
    fn collect_across(
        &self,
        writer: &UserRef,
        who: impl Fn(&EndpointState) -> Vec<UserMatch>,
    ) -> Vec<UserMatch> {
        let mut seen = BTreeSet::new();
        for here in self.endpoints_of(writer) {
            seen.extend(
                self.endpoints.get(&here).iter().flat_map(|spot| spot.mirrors.iter().copied()),
            );
        }
        let spots = seen.iter().filter_map(|place| self.endpoints.get(place));
        let is_across = |spot: &&EndpointState| match (&spot.endpoint, writer.network()) {
            (Endpoint::Room(_), Some(_)) => spot.queue.is_open(),
            (Endpoint::Channel { network, .. }, None) => self.direct.is_enabled_on(network),
            _ => false,
        };
        let mut all: Vec<UserMatch> = spots.filter(is_across).flat_map(who).collect();
        all.sort_by(|one, other| (&one.name, &one.user).cmp(&(&other.name, &other.user)));
        all.dedup();
        all
    }

    /// A member of the channel, unless it is the bot or a puppet.
    fn match_member(
        &self,
        network: &Network,
        spot: &EndpointState,
        member: &ChannelMember,
    ) -> Option<UserMatch> {
        let person = &member.user;
        let ours = self.senders.is_puppet_nick(network, &person.nick);
        (!ours).then(|| irc_match(network, person, spot.roster.casemapping()))
    }
}

fn letschat_match((account, name): (&str, &str)) -> UserMatch {
    UserMatch { user: UserRef::LetsChat(LetsChatUserId(account.into())), name: name.to_owned() }
}

fn irc_match(network: &Network, person: &IrcUser, casemapping: Casemapping) -> UserMatch {
    UserMatch { user: user_ref(network, person, casemapping), name: person.nick.clone() }
}

/// The identity of an IRC user.
pub(super) fn user_ref(network: &Network, person: &IrcUser, casemapping: Casemapping) -> UserRef {
    match &person.account {
        Some(account) => UserRef::Account(network.clone(), casemapping.fold(account).into()),
        None => UserRef::Nick(network.clone(), casemapping.fold(&person.nick).into()),
    }
}
