use std::sync::Arc;

use crate::domain::{Casemapping, ChannelMember, EndpointId, IrcUser};

/// Who is in our channels, and what became of them. We ourselves are never among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// Exactly these are in the channel now.
    Listed {
        /// Where.
        place: EndpointId,
        /// How the server folds their nicks.
        casemapping: Casemapping,
        /// Who.
        members: Vec<ChannelMember>,
    },
    /// Somebody came in.
    Came {
        /// Where.
        place: EndpointId,
        /// Who.
        who: Arc<IrcUser>,
        /// They were split off before: it is their server that is back.
        returned: bool,
    },
    /// Somebody is no longer there.
    Went {
        /// Where; each of our channels that they were in.
        places: Vec<EndpointId>,
        /// Who.
        who: Arc<IrcUser>,
        /// How.
        how: Parting,
    },
    /// Somebody goes by another nick, account or address, has gone away, or the like.
    Changed {
        /// Each of our channels that they are in.
        places: Vec<EndpointId>,
        /// As whom they were known.
        before: Arc<IrcUser>,
        /// As whom they are known now.
        now: Arc<IrcUser>,
    },
    /// The server has told more of people who were there all the time; their nicks are the same.
    Learnt(Vec<(Vec<EndpointId>, Arc<IrcUser>)>),
    /// Somebody bears other marks before the nick.
    Ranked {
        /// Where.
        place: EndpointId,
        /// Who.
        nick: String,
        /// The marks, such as `@+`, the highest first.
        ranks: Box<str>,
    },
}

/// How somebody left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parting {
    /// They left the channel.
    Left {
        /// What they said.
        why: Option<String>,
    },
    /// They left the network, or were thrown out of it.
    Quit {
        /// What they, or the server, said.
        why: Option<String>,
    },
    /// They were put out of the channel.
    Kicked {
        /// By whom: a nick, or a server.
        by: String,
        /// What was said.
        why: Option<String>,
    },
    /// The network broke in two, and they are in the other half.
    Split {
        /// The servers between which it broke.
        servers: String,
    },
}
