//! Finds present users by name or identity.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::DirectMessages;
use crate::bridge::context::Ctx;
use crate::bridge::endpoints::channel::ChannelEndpoint;
use crate::bridge::endpoints::{EndpointState, Endpoints};
use crate::domain::{
    Casemapping, ChannelMember, EndpointId, IrcUser, LetsChatUserId, Network, UserRef,
};

/// A user that a name may refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UserMatch {
    pub(super) user: UserRef,
    /// As the user spells it.
    pub(super) name: String,
}

/// The user with this nick on `network`, if present.
pub(super) fn find_by_nick(
    network: &Network,
    nick: &str,
    endpoints: &Endpoints,
) -> Option<UserMatch> {
    let channels = endpoints.channels_on(network);
    let (_, channel, member) = channels
        .filter_map(|(endpoint, channel)| Some((endpoint, channel, channel.roster.get(nick)?)))
        .min_by_key(|(endpoint, ..)| *endpoint)?;
    Some(irc_match(network, &member.user, channel.roster.casemapping()))
}

/// Whether this Let's Chat user is in one of our rooms and would see messages.
pub(super) fn is_user_present(user: &LetsChatUserId, endpoints: &Endpoints) -> bool {
    endpoints.rooms().any(|(_, room)| room.is_seen_by(user))
}

/// Our endpoints where this user is present.
pub(super) fn endpoints_of(user: &UserRef, endpoints: &Endpoints) -> Vec<EndpointId> {
    let is_in = |state: &EndpointState| match (state, user) {
        (EndpointState::Room(room), UserRef::LetsChat(user)) => room.is_seen_by(user),
        (EndpointState::Channel(channel), UserRef::Nick(network, nick)) => {
            channel.network == *network && channel.roster.get(nick).is_some()
        }
        (EndpointState::Channel(channel), UserRef::Account(network, account)) => {
            channel.network == *network && channel.roster.with_account(account).next().is_some()
        }
        _ => false,
    };
    endpoints.iter().filter(|(_, state)| is_in(state)).map(|(endpoint, _)| endpoint).collect()
}

/// Where two users see each other: an endpoint of `from`, and a linked one of `to`.
pub(super) fn shared_links(
    from: &UserRef,
    to: &UserRef,
    endpoints: &Endpoints,
) -> Vec<(EndpointId, EndpointId)> {
    let theirs = endpoints_of(to, endpoints);
    let mut shared = Vec::new();
    for here in endpoints_of(from, endpoints) {
        let mirrors = endpoints.mirrors(here).into_iter();
        shared.extend(mirrors.filter(|it| theirs.contains(it)).map(|there| (here, there)));
    }
    shared
}

impl DirectMessages {
    /// The IRC user with this identity; of several nicks, the one that spoke last.
    pub(super) fn find_irc_user<'e>(
        &self,
        user: &UserRef,
        endpoints: &'e Endpoints,
    ) -> Option<&'e Arc<IrcUser>> {
        match user {
            UserRef::LetsChat(_) => None,
            UserRef::Nick(network, nick) => endpoints
                .channels_on(network)
                .find_map(|(_, channel)| Some(&channel.roster.get(nick)?.user)),
            UserRef::Account(network, account) => {
                let channels = endpoints.channels_on(network);
                let members =
                    channels.flat_map(|(_, channel)| channel.roster.with_account(account));
                let last = self.known_users.endpoint(user).map(|endpoint| self.name_of(endpoint));
                let rank = |member: &&ChannelMember| {
                    (last != Some(member.user.nick.as_str()), member.user.nick.clone())
                };
                members.min_by_key(rank).map(|member| &member.user)
            }
        }
    }

    /// The users on the other side that the sender can mean by `name`: `bob`, `ann`, `office/ann`.
    pub(super) fn find_by_name(
        &self,
        sender: &UserRef,
        name: &str,
        ctx: &Ctx<'_>,
    ) -> Vec<UserMatch> {
        self.collect_across(sender, ctx, |state| match state {
            EndpointState::Room(room) => {
                let same = |(_, it): &(&str, &str)| it.to_lowercase() == name.to_lowercase();
                room.members.present_users().filter(same).map(letschat_match).collect()
            }
            EndpointState::Channel(channel) => {
                let nick = match name.split_once('/') {
                    Some((on, nick)) if on.eq_ignore_ascii_case(channel.network.as_str()) => nick,
                    _ => name,
                };
                // Or by the account that they speak as in Let's Chat, like dave.irc.
                let member = channel.roster.get(nick).or_else(|| {
                    let people = ctx.senders.accounts.people_with_username(nick).into_iter();
                    let known = &ctx.senders.accounts.people;
                    let nick_in = |it| known.nick_in(it, &channel.network, &channel.roster);
                    channel.roster.get(people.filter_map(nick_in).next()?)
                });
                let member = member.into_iter();
                member.filter_map(|member| match_member(channel, member, ctx)).collect()
            }
            EndpointState::User(_) => Vec::new(),
        })
    }

    /// All users on the other side that the sender can write to, by name.
    pub(super) fn reachable_users(&self, sender: &UserRef, ctx: &Ctx<'_>) -> Vec<UserMatch> {
        self.collect_across(sender, ctx, |state| match state {
            EndpointState::Room(room) => room.members.present_users().map(letschat_match).collect(),
            EndpointState::Channel(channel) => {
                let members = channel.roster.iter();
                members.filter_map(|member| match_member(channel, member, ctx)).collect()
            }
            EndpointState::User(_) => Vec::new(),
        })
    }

    /// The users that `find` finds in the endpoints that the sender can write to.
    fn collect_across(
        &self,
        sender: &UserRef,
        ctx: &Ctx<'_>,
        find: impl Fn(&EndpointState) -> Vec<UserMatch>,
    ) -> Vec<UserMatch> {
        let here = endpoints_of(sender, ctx.endpoints).into_iter();
        let mirrors: BTreeSet<EndpointId> =
            here.flat_map(|endpoint| ctx.endpoints.mirrors(endpoint)).collect();
        let states = mirrors.iter().filter_map(|endpoint| ctx.endpoints.get(*endpoint));
        let is_across = |state: &&EndpointState| match (state, sender.network()) {
            (EndpointState::Room(room), Some(_)) => room.queue.is_open(),
            (EndpointState::Channel(channel), None) => self.is_enabled_on(&channel.network),
            _ => false,
        };
        let mut all: Vec<UserMatch> = states.filter(is_across).flat_map(find).collect();
        all.sort_by(|one, other| (&one.name, &one.user).cmp(&(&other.name, &other.user)));
        all.dedup();
        all
    }
}

/// A member of the channel, unless it is a puppet.
fn match_member(
    channel: &ChannelEndpoint,
    member: &ChannelMember,
    ctx: &Ctx<'_>,
) -> Option<UserMatch> {
    let user = &member.user;
    let is_ours = ctx.senders.is_puppet_nick(&channel.network, &user.nick);
    (!is_ours).then(|| irc_match(&channel.network, user, channel.roster.casemapping()))
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
