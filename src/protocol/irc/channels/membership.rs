//! Changes in the members of channels.

use std::sync::Arc;

use crate::domain::{Casemapping, ChannelMember, EndpointId, IrcUser};

/// The members of our channels and their changes, without ourselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MembershipEvent {
    /// The complete list of members.
    Names {
        /// The channel.
        endpoint: EndpointId,
        /// The server's case mapping.
        casemapping: Casemapping,
        /// The members.
        members: Vec<ChannelMember>,
    },
    /// A user joined.
    Joined {
        /// The channel.
        endpoint: EndpointId,
        /// The user.
        user: Arc<IrcUser>,
        /// They return from a netsplit.
        after_netsplit: bool,
    },
    /// A user left.
    Left {
        /// All of our channels that they were in.
        endpoints: Vec<EndpointId>,
        /// The user.
        user: Arc<IrcUser>,
        /// How they left.
        reason: LeaveReason,
    },
    /// A user's nick, account, address, away status or the like changed.
    UserChanged {
        /// All of our channels that they are in.
        endpoints: Vec<EndpointId>,
        /// The user before.
        before: Arc<IrcUser>,
        /// The user now.
        now: Arc<IrcUser>,
    },
    /// More is known about existing members; their nicks are unchanged.
    UsersUpdated(Vec<(Vec<EndpointId>, Arc<IrcUser>)>),
    /// A member's status prefixes changed.
    PrefixChanged {
        /// The channel.
        endpoint: EndpointId,
        /// The member's nick.
        nick: String,
        /// The prefixes, such as `@+`, highest first.
        prefixes: Box<str>,
    },
}

/// How a user left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaveReason {
    /// PART.
    Part {
        /// Their message.
        reason: Option<String>,
    },
    /// QUIT, also when removed by an operator.
    Quit {
        /// The message of the user or server.
        reason: Option<String>,
    },
    /// KICK.
    Kick {
        /// The nick or server that kicked them.
        by: String,
        /// The reason given.
        reason: Option<String>,
    },
    /// A netsplit.
    Netsplit {
        /// The two servers.
        servers: String,
    },
}
