//! The users and links around a message, for rendering it.

use std::collections::HashMap;

use super::{Bridge, EndpointState};
use crate::domain::{Casemapping, ChannelMember, Endpoint, EndpointId};
use crate::translate::Directory;

/// Endpoints by name: a channel's in lower case, or a room's slug.
#[derive(Debug, Default)]
pub(super) struct EndpointNames(HashMap<String, Vec<EndpointId>>);

impl EndpointNames {
    pub(super) fn new(endpoints: &HashMap<EndpointId, EndpointState>) -> Self {
        let mut names: HashMap<String, Vec<EndpointId>> = HashMap::new();
        for (id, state) in endpoints {
            names.entry(fold_name(endpoint_name(&state.endpoint))).or_default().push(*id);
        }
        Self(names)
    }
}

/// The users and links around a message on its way.
pub(super) struct LinkDirectory<'b> {
    bridge: &'b Bridge,
    source: &'b EndpointState,
    target: &'b EndpointState,
}

impl Bridge {
    /// The directory for a message from `from` to `to`.
    pub(super) fn link_directory(
        &self,
        from: EndpointId,
        to: EndpointId,
    ) -> Option<LinkDirectory<'_>> {
        Some(LinkDirectory {
            bridge: self,
            source: self.endpoints.get(&from)?,
            target: self.endpoints.get(&to)?,
        })
    }
}

impl<'b> LinkDirectory<'b> {
    /// The destination if it is a channel, or else the source.
    fn channel(&self) -> &'b EndpointState {
        if self.target.endpoint.network().is_some() { self.target } else { self.source }
    }

    fn room(&self) -> &'b EndpointState {
        if self.target.endpoint.network().is_none() { self.target } else { self.source }
    }

    fn member(&self, nick: &str) -> Option<&'b ChannelMember> {
        self.channel().roster.get(nick)
    }

    /// A mirror of the endpoint called `called` that `is` accepts, and its name.
    fn find_mirror(
        &self,
        called: &str,
        is: impl Fn(&Endpoint) -> bool,
        mirrors: impl Fn(&Endpoint) -> bool,
    ) -> Option<&'b str> {
        let spots = &self.bridge.endpoints;
        let named = self.bridge.endpoint_names.0.get(&fold_name(called))?;
        let state =
            named.iter().filter_map(|id| spots.get(id)).find(|state| is(&state.endpoint))?;
        let endpoints = state.mirrors.iter().filter_map(|id| Some(&spots.get(id)?.endpoint));
        endpoints.into_iter().find(|endpoint| mirrors(endpoint)).map(endpoint_name)
    }
}

impl Directory for LinkDirectory<'_> {
    fn source(&self) -> &Endpoint {
        &self.source.endpoint
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
        self.room().room_members.find_username(name)
    }

    fn room_id(&self) -> Option<&str> {
        self.room().room_id.as_deref()
    }

    fn channel_for_room(&self, slug: &str) -> Option<&str> {
        let network = self.target.endpoint.network()?;
        let here = |endpoint: &Endpoint| endpoint.network() == Some(network);
        self.find_mirror(slug, |endpoint| endpoint.network().is_none(), here)
    }

    fn room_for_channel(&self, channel: &str) -> Option<&str> {
        let network = self.source.endpoint.network()?;
        let here = |endpoint: &Endpoint| endpoint.network() == Some(network);
        self.find_mirror(channel, here, |endpoint| endpoint.network().is_none())
    }

    fn line(&self) -> Option<usize> {
        self.target.join_info.map(|joined| joined.line)
    }
}

fn endpoint_name(endpoint: &Endpoint) -> &str {
    match endpoint {
        Endpoint::Channel { name, .. } | Endpoint::Room(name) => name,
    }
}

fn fold_name(name: &str) -> String {
    Casemapping::Rfc1459.fold(name)
}
