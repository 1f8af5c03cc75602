//! The bridge's inputs (events) and outputs (commands).

use std::fmt;

use super::account_io::{AccountCommand, AccountEvent};
use super::control_io::{ControlError, ControlReply, ControlRequest};
use crate::domain::{
    EndpointId, LetsChatUserId, LinkReply, LinkRequest, Network, PuppetLogin, PuppetLoginReply,
    PuppetLoginRequest,
};
use crate::protocol::irc;
use crate::protocol::letschat;

/// The peer of a connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// This network.
    Irc(Network),
    /// The Let's Chat server.
    LetsChat,
}

/// An input of the bridge.
#[derive(Debug)]
pub enum Event {
    /// An event of a network.
    Irc(Network, irc::IrcEvent),
    /// An event of Let's Chat.
    LetsChat(letschat::LetsChatEvent),
    /// This connection was lost.
    ConnectionLost(Peer),
    /// An event of a user's puppet on a network.
    Puppet(Network, LetsChatUserId, Box<irc::IrcEvent>),
    /// A user's puppet was disconnected, or could not connect.
    PuppetDisconnected(Network, LetsChatUserId, PuppetEnd),
    /// An event of the pool of accounts on Let's Chat.
    Account(Box<AccountEvent>),
    /// A request of the page on which people link their accounts, with its number for the answer.
    Link(u64, Box<LinkRequest>),
    /// A request of the page on which users of Let's Chat give their puppets a services account, with its number for
    /// the answer.
    PuppetLogin(u64, Box<PuppetLoginRequest>),
    /// A login was tried for the request with this number: the account as the server calls it, or why it was not
    /// accepted, in words for its owner.
    PuppetLoginTried(u64, Result<String, String>),
    /// A request of the administrator, with its number for the answer.
    Control(u64, ControlRequest),
    /// Time has passed; sent about every second.
    Tick,
    /// The bridge is stopping: deliveries in flight may finish, no new ones start.
    Stop,
}

/// An output of the bridge.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// For a network's session.
    Irc(Network, irc::IrcCommand),
    /// For a network's puppet pool.
    Puppets(Network, PuppetCommand),
    /// For the Let's Chat session.
    LetsChat(letschat::LetsChatCommand),
    /// For the pool of accounts on Let's Chat.
    Account(AccountCommand),
    /// The channel or room is no longer linked, and what was queued for it is delivered: its session leaves it.
    Unlinked(EndpointId),
    /// Answers a request of the page on which people link their accounts.
    LinkReply(u64, LinkReply),
    /// Answers a request of the administrator.
    ControlReply(u64, Result<ControlReply, ControlError>),
    /// Answers a request of the page on which users of Let's Chat give their puppets a services account.
    PuppetLoginReply(u64, PuppetLoginReply),
}

/// A command for a network's puppet pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PuppetCommand {
    /// Connect a puppet, or join it to a channel.
    Connect {
        /// Its user.
        user: LetsChatUserId,
        /// The preferred nick.
        nick: String,
        /// The user's name on Let's Chat.
        username: String,
        /// The channel to join.
        endpoint: EndpointId,
        /// The services account to log in to.
        login: Option<Box<PuppetLogin>>,
    },
    /// Connect once with this login, and disconnect. Answered by [`Event::PuppetLoginTried`].
    TryLogin {
        /// The number of the request.
        request: u64,
        /// The preferred nick.
        nick: String,
        /// The login.
        login: Box<PuppetLogin>,
    },
    /// Disconnect the user's puppet, which is to log in otherwise. One that waits for its turn connects with this
    /// login.
    ChangeLogin(LetsChatUserId, Option<Box<PuppetLogin>>),
    /// A command for the puppet's session.
    Send(LetsChatUserId, irc::IrcCommand),
}

impl PuppetCommand {
    /// Sets the user's puppet away for this reason, or back.
    pub(super) fn away(user: &LetsChatUserId, reason: Option<String>) -> Self {
        Self::Send(user.clone(), irc::IrcCommand::SetAway(reason))
    }
}

/// How a puppet's connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PuppetEnd {
    /// It was no longer needed.
    NotNeeded,
    /// It was lost, or could not be established.
    ConnectionLost,
    /// The server or an operator rejected it.
    Rejected,
}

impl Command {
    /// Whether it is for the connection to `peer`.
    pub(super) fn is_for(&self, peer: &Peer) -> bool {
        match (self, peer) {
            (Self::Irc(network, _), Peer::Irc(lost)) => network == lost,
            (Self::LetsChat(_), Peer::LetsChat) => true,
            _ => false,
        }
    }

    /// Whether it is for this user's puppet on `network`.
    pub(super) fn is_for_puppet(&self, network: &Network, account: &LetsChatUserId) -> bool {
        matches!(self, Self::Puppets(on, PuppetCommand::Send(whose, _)) if on == network && whose == account)
    }
}

impl Peer {
    /// The peer with this IRC network; `None` for Let's Chat.
    pub(super) fn of(network: Option<&Network>) -> Self {
        network.map_or(Self::LetsChat, |network| Self::Irc(network.clone()))
    }
}

impl Peer {
    /// Its name in metrics and in the status: that of the network, or `letschat`.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::Irc(network) => network.as_str(),
            Self::LetsChat => "letschat",
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Irc(network) => write!(f, "irc {network}"),
            Self::LetsChat => f.write_str("letschat"),
        }
    }
}
