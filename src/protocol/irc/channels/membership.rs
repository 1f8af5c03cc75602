use std::sync::Arc;

use crate::domain::{Casemapping, ChannelMember, EndpointId, IrcUser};

/// Who is in our channels, and what became of them. We ourselves are never among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MembershipEvent {
    /// Exactly these are in the channel now.
    Names {
        /// Where.
        endpoint: EndpointId,
        /// How the server folds their nicks.
        casemapping: Casemapping,
        /// Who.
        members: Vec<ChannelMember>,
    },
    /// Somebody came in.
    Joined {
        /// Where.
        endpoint: EndpointId,
        /// Who.
        user: Arc<IrcUser>,
        /// They were split off before: it is their server that is back.
        after_netsplit: bool,
    },
    /// Somebody is no longer there.
    Left {
        /// Where; each of our channels that they were in.
        endpoints: Vec<EndpointId>,
        /// Who.
        user: Arc<IrcUser>,
        /// How.
        reason: LeaveReason,
    },
    /// Somebody goes by another nick, account or address, has gone away, or the like.
    UserChanged {
        /// Each of our channels that they are in.
        endpoints: Vec<EndpointId>,
        /// As whom they were known.
        before: Arc<IrcUser>,
        /// As whom they are known now.
        now: Arc<IrcUser>,
    },
    /// The server has told more of people who were there all the time; their nicks are the same.
    UsersUpdated(Vec<(Vec<EndpointId>, Arc<IrcUser>)>),
    /// Somebody bears other marks before the nick.
    PrefixChanged {
        /// Where.
        endpoint: EndpointId,
        /// Who.
        nick: String,
        /// The marks, such as `@+`, the highest first.
        prefixes: Box<str>,
    },
}

/// How somebody left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaveReason {
    /// They left the channel.
    Part {
        /// What they said.
        reason: Option<String>,
    },
    /// They left the network, or were thrown out of it.
    Quit {
        /// What they, or the server, said.
        reason: Option<String>,
    },
    /// They were put out of the channel.
    Kick {
        /// By whom: a nick, or a server.
        by: String,
        /// What was said.
        reason: Option<String>,
    },
    /// The network broke in two, and they are in the other half.
    Netsplit {
        /// The servers between which it broke.
        servers: String,
    },
}
