//! What can happen to a bridge, and what it can ask for.

use std::fmt;

use super::irc::puppets::{PuppetCommand, PuppetEnd};
use crate::domain::{LetsChatUserId, Network};
use crate::protocol::irc;
use crate::protocol::letschat;

/// Who is at the other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// This network.
    Irc(Network),
    /// The Let's Chat server.
    LetsChat,
}

/// Everything that can happen to a bridge.
#[derive(Debug)]
pub enum Event {
    /// A network said so.
    Irc(Network, irc::IrcEvent),
    /// Let's Chat said so.
    LetsChat(letschat::LetsChatEvent),
    /// That connection ended.
    ConnectionLost(Peer),
    /// The connection said so that somebody of Let's Chat has on a network.
    Puppet(Network, LetsChatUserId, Box<irc::IrcEvent>),
    /// That one ended so, or could not be made.
    PuppetDisconnected(Network, LetsChatUserId, PuppetEnd),
    /// Time has passed. To be told every second or so.
    Tick,
    /// The bridge is to stop: what is under way may settle, nothing more is begun.
    Stop,
}

/// Everything a bridge can ask for.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Of a network.
    Irc(Network, irc::IrcCommand),
    /// Of those who keep the connections of people of Let's Chat on a network.
    Puppets(Network, PuppetCommand),
    /// Of Let's Chat.
    LetsChat(letschat::LetsChatCommand),
}

impl Command {
    /// Whether it is to go over the connection to `peer`.
    pub(super) fn is_for(&self, peer: &Peer) -> bool {
        match (self, peer) {
            (Self::Irc(network, _), Peer::Irc(lost)) => network == lost,
            (Self::LetsChat(_), Peer::LetsChat) => true,
            _ => false,
        }
    }

    /// Whether it is to go over the connection of `account` on `network`.
    pub(super) fn is_for_puppet(&self, network: &Network, account: &LetsChatUserId) -> bool {
        matches!(self, Self::Puppets(on, PuppetCommand::Send(whose, _)) if on == network && whose == account)
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
