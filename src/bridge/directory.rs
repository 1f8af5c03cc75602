//! The users and links around a message, for rendering it.

use super::context::Ctx;
use super::endpoints::channel::ChannelEndpoint;
use super::endpoints::room::RoomEndpoint;
use super::endpoints::{Endpoints, endpoint_name};
use super::senders::accounts::Accounts;
use crate::domain::{ChannelMember, Endpoint, EndpointId};
use crate::translate::Directory;

/// The users and links around a message on its way.
pub(super) struct LinkDirectory<'b> {
    endpoints: &'b Endpoints,
    accounts: &'b Accounts,
    source: &'b Endpoint,
    target: &'b Endpoint,
    /// The destination if it is a channel, or else the source, if that is one.
    channel: Option<&'b ChannelEndpoint>,
    /// The destination if it is a room, or else the source, if that is one.
    room: Option<&'b RoomEndpoint>,
}

impl<'b> LinkDirectory<'b> {
    /// The directory for a message from `from` to `to`.
    pub(super) fn new(from: EndpointId, to: EndpointId, ctx: &'b Ctx<'_>) -> Option<Self> {
        let endpoints = &*ctx.endpoints;
        Some(Self {
            endpoints,
            accounts: &ctx.senders.accounts,
            source: endpoints.source_name(from)?,
            target: endpoints.endpoint(to)?,
            channel: endpoints.channel(to).or(endpoints.channel(from)),
            room: endpoints.room(to).or(endpoints.room(from)),
        })
    }

    fn member(&self, nick: &str) -> Option<&'b ChannelMember> {
        self.channel?.roster.get(nick)
    }

    /// A mirror of the endpoint called `called` that `is` accepts, and its name.
    fn find_mirror(
        &self,
        called: &str,
        is: impl Fn(&Endpoint) -> bool,
        is_mirror: impl Fn(&Endpoint) -> bool,
    ) -> Option<&'b str> {
        let link = self.endpoints.named(called).find(|link| is(&link.endpoint))?;
        let mut mirrors = link.mirrors.iter().filter_map(|id| self.endpoints.endpoint(*id));
        mirrors.find(|endpoint| is_mirror(endpoint)).map(endpoint_name)
    }
}

impl Directory for LinkDirectory<'_> {
    fn source(&self) -> &Endpoint {
        self.source
    }

    fn find_nick(&self, nick: &str) -> Option<&str> {
        self.member(nick).map(|member| member.user.nick.as_str())
    }

    fn nick_of_account(&self, account: &str) -> Option<&str> {
        let members = self.channel?.roster.with_account(account);
        members.map(|member| member.user.nick.as_str()).min()
    }

    fn account_of_nick(&self, nick: &str) -> Option<&str> {
        self.member(nick)?.user.account.as_deref()
    }

    fn find_user(&self, name: &str) -> Option<&str> {
        self.room?.members.find_username(name)
    }

    fn nick_of_user(&self, user: &str) -> Option<&str> {
        let channel = self.channel?;
        let nick = |person| self.accounts.people.nick_in(person, &channel.network, &channel.roster);
        self.accounts.people_with_username(user).into_iter().find_map(nick)
    }

    fn user_of_nick(&self, nick: &str) -> Option<&str> {
        let channel = self.channel?;
        let user = &channel.roster.get(nick)?.user;
        self.accounts.own_username_of(&channel.network, user)
    }

    fn room_id(&self) -> Option<&str> {
        self.room?.room_id.as_deref()
    }

    fn channel_for_room(&self, slug: &str) -> Option<&str> {
        let network = self.target.network()?;
        let is_here = |endpoint: &Endpoint| endpoint.network() == Some(network);
        self.find_mirror(slug, |endpoint| endpoint.network().is_none(), is_here)
    }

    fn room_for_channel(&self, channel: &str) -> Option<&str> {
        let network = self.source.network()?;
        let is_here = |endpoint: &Endpoint| endpoint.network() == Some(network);
        self.find_mirror(channel, is_here, |endpoint| endpoint.network().is_none())
    }

    fn line(&self) -> Option<usize> {
        let channel = self.channel.filter(|_| self.target.network().is_some())?;
        channel.join_info.map(|joined| joined.line)
    }
}
