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
        let channels = self
            .endpoints
            .iter()
            .filter(move |(_, state)| state.endpoint.network() == Some(network));
        channels
            .filter_map(move |(endpoint, state)| Some((*endpoint, state, state.roster.get(nick)?)))
    }

    /// The user with this nick on `network`, if present.
    pub(super) fn find_by_nick(&self, network: &Network, nick: &str) -> Option<UserMatch> {
        let (_, state, member) =
            self.channels_with_nick(network, nick).min_by_key(|(endpoint, ..)| *endpoint)?;
        Some(irc_match(network, &member.user, state.roster.casemapping()))
    }

    /// The IRC user with this identity; of several nicks, the one that spoke last.
    pub(super) fn find_irc_user(&self, user: &UserRef) -> Option<&Arc<IrcUser>> {
        let on = |network| {
            self.endpoints.values().filter(move |state| state.endpoint.network() == Some(network))
        };
        match user {
            UserRef::LetsChat(_) => None,
            UserRef::Nick(network, nick) => {
                on(network).find_map(|state| Some(&state.roster.get(nick)?.user))
            }
            UserRef::Account(network, account) => {
                let members = on(network).flat_map(|state| state.roster.with_account(account));
                let last = self
                    .direct
                    .endpoints_by_user
                    .endpoint(user)
                    .map(|endpoint| self.direct.name_of(endpoint));
                let rank = |member: &&ChannelMember| {
                    (last != Some(member.user.nick.as_str()), member.user.nick.clone())
                };
                members.min_by_key(rank).map(|member| &member.user)
            }
        }
    }

    /// Whether this Let's Chat user is in one of our rooms and would see messages.
    pub(super) fn is_user_present(&self, account: &LetsChatUserId) -> bool {
        !self.endpoints_of(&UserRef::LetsChat(account.clone())).is_empty()
    }

    /// Our endpoints where this user is present.
    pub(super) fn endpoints_of(&self, user: &UserRef) -> Vec<EndpointId> {
        let is_in = |state: &EndpointState| match user {
            UserRef::LetsChat(account) => {
                state.endpoint.network().is_none()
                    && state.queue.is_open()
                    && state.room_members.is_present(&account.0) == Some(true)
            }
            UserRef::Nick(network, nick) => {
                state.endpoint.network() == Some(network) && state.roster.get(nick).is_some()
            }
            UserRef::Account(network, account) => {
                state.endpoint.network() == Some(network)
                    && state.roster.with_account(account).next().is_some()
            }
        };
        let endpoints = self.endpoints.iter().filter(|(_, state)| is_in(state));
        endpoints.map(|(endpoint, _)| *endpoint).collect()
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
            let mirrors = self.endpoints.get(&here).map(|state| state.mirrors.clone());
            let met = mirrors.iter().flat_map(|it| it.iter().copied()).collect::<Vec<_>>();
            met.into_iter()
                .filter(|it| theirs.contains(it))
                .map(move |there| (here, there))
                .collect()
        };
        here.flat_map::<Vec<_>, _>(mirrored).collect()
    }

    /// The users on the other side that the sender can mean by `name`: `bob`, `ann`, `office/ann`.
    pub(super) fn find_by_name(&self, sender: &UserRef, name: &str) -> Vec<UserMatch> {
        self.collect_across(sender, |state| match &state.endpoint {
            Endpoint::Room(_) => {
                let same = |(_, it): &(&str, &str)| it.to_lowercase() == name.to_lowercase();
                state.room_members.present_users().filter(same).map(letschat_match).collect()
            }
            Endpoint::Channel { network, .. } => {
                let nick = match name.split_once('/') {
                    Some((on, nick)) if on.eq_ignore_ascii_case(network.as_str()) => nick,
                    _ => name,
                };
                let member = state.roster.get(nick).into_iter();
                member.filter_map(|it| self.match_member(network, state, it)).collect()
            }
        })
    }

    /// All users on the other side that the sender can write to, by name.
    pub(super) fn reachable_users(&self, sender: &UserRef) -> Vec<UserMatch> {
        self.collect_across(sender, |state| match &state.endpoint {
            Endpoint::Room(_) => state.room_members.present_users().map(letschat_match).collect(),
            Endpoint::Channel { network, .. } => {
                state.roster.iter().filter_map(|it| self.match_member(network, state, it)).collect()
            }
        })
    }

    /// The users that `who` finds in the endpoints that the sender can write to.
    fn collect_across(
        &self,
        sender: &UserRef,
        who: impl Fn(&EndpointState) -> Vec<UserMatch>,
    ) -> Vec<UserMatch> {
        let mut seen = BTreeSet::new();
        for here in self.endpoints_of(sender) {
            seen.extend(
                self.endpoints.get(&here).iter().flat_map(|state| state.mirrors.iter().copied()),
            );
        }
        let endpoints = seen.iter().filter_map(|endpoint| self.endpoints.get(endpoint));
        let is_across = |state: &&EndpointState| match (&state.endpoint, sender.network()) {
            (Endpoint::Room(_), Some(_)) => state.queue.is_open(),
            (Endpoint::Channel { network, .. }, None) => self.direct.is_enabled_on(network),
            _ => false,
        };
        let mut all: Vec<UserMatch> = endpoints.filter(is_across).flat_map(who).collect();
        all.sort_by(|one, other| (&one.name, &one.user).cmp(&(&other.name, &other.user)));
        all.dedup();
        all
    }

    /// A member of the channel, unless it is the bot or a puppet.
    fn match_member(
        &self,
        network: &Network,
        state: &EndpointState,
        member: &ChannelMember,
    ) -> Option<UserMatch> {
        let user = &member.user;
        let ours = self.senders.is_puppet_nick(network, &user.nick);
        (!ours).then(|| irc_match(network, user, state.roster.casemapping()))
    }
}

fn letschat_match((account, name): (&str, &str)) -> UserMatch {
    UserMatch { user: UserRef::LetsChat(LetsChatUserId(account.into())), name: name.to_owned() }
}

fn irc_match(network: &Network, user: &IrcUser, casemapping: Casemapping) -> UserMatch {
    UserMatch { user: user_ref(network, user, casemapping), name: user.nick.clone() }
}

/// The identity of an IRC user.
pub(super) fn user_ref(network: &Network, user: &IrcUser, casemapping: Casemapping) -> UserRef {
    match &user.account {
        Some(account) => UserRef::Account(network.clone(), casemapping.fold(account).into()),
        None => UserRef::Nick(network.clone(), casemapping.fold(&user.nick).into()),
    }
}
