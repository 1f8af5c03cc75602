//! The state of an IRC channel.

pub(in crate::bridge) mod catchup;
pub(in crate::bridge) mod duplicates;

use jiff::Timestamp;

use super::link::LinkedEndpoint;
use super::queue::DeliveryQueue;
use crate::domain::{Network, Roster};
use crate::protocol::irc::ChannelRights;
use catchup::ChannelCatchUp;
use duplicates::DuplicateCounter;

/// A channel on an IRC network.
#[derive(Debug)]
pub(in crate::bridge) struct ChannelEndpoint {
    pub(in crate::bridge) link: LinkedEndpoint,
    pub(in crate::bridge) queue: DeliveryQueue,
    pub(in crate::bridge) network: Network,
    /// How it is being received.
    pub(in crate::bridge) reception: Reception,
    /// How it was joined.
    pub(in crate::bridge) join_info: Option<JoinInfo>,
    /// Its other members.
    pub(in crate::bridge) roster: Roster,
    /// What we may do there; `None` until the server has told the modes.
    pub(in crate::bridge) rights: Option<ChannelRights>,
    /// The topic as the server shows it; `None` while we are not in the channel.
    pub(in crate::bridge) shown_topic: Option<String>,
    /// The topic that we have asked for, until the server shows another one.
    pub(in crate::bridge) requested_topic: Option<String>,
}

/// How a channel was joined.
#[derive(Debug, Clone, Copy)]
pub(in crate::bridge) struct JoinInfo {
    /// When, by the server's clock.
    pub(in crate::bridge) time: Option<Timestamp>,
    /// Whether the server provides its history.
    pub(in crate::bridge) has_history: bool,
    /// Whether the server echoes our own lines.
    pub(in crate::bridge) has_echoes: bool,
    /// How many bytes of text fit into a line.
    pub(in crate::bridge) line: usize,
}

/// How a channel is being received.
///
/// ```text
///            joined, nothing missed                       left, disconnected
///  NotJoined ──────────────────────────────────────▶ Live ────────────────────▶ NotJoined
///      │                                              ▲
///      └── joined, something may be missing ──▶ CatchingUp ◀── below the queue limit ── Paused
/// ```
///
/// A channel changes from `Live` and `CatchingUp` to `Paused` when the queue limit is reached.
#[derive(Debug, Default)]
pub(in crate::bridge) enum Reception {
    /// Not in the channel.
    #[default]
    NotJoined,
    /// History is being requested; live lines wait behind it.
    CatchingUp(Box<ChannelCatchUp>),
    /// Lines are processed as they arrive.
    Live(DuplicateCounter),
    /// Lines are ignored, to be caught up with later.
    Paused,
}

impl ChannelEndpoint {
    pub(in crate::bridge) fn new(
        link: LinkedEndpoint,
        network: Network,
        queue: DeliveryQueue,
    ) -> Self {
        Self {
            link,
            queue,
            network,
            reception: Reception::NotJoined,
            join_info: None,
            roster: Roster::default(),
            rights: None,
            shown_topic: None,
            requested_topic: None,
        }
    }

    /// We are not in the channel any more: forgets what was known of it.
    pub(in crate::bridge) fn forget_stay(&mut self) {
        self.reception = Reception::NotJoined;
        self.roster = Roster::default();
        (self.rights, self.shown_topic, self.requested_topic) = (None, None, None);
    }

    /// Whether lines are processed as they arrive.
    pub(in crate::bridge) fn is_live(&self) -> bool {
        matches!(self.reception, Reception::Live(_))
    }

    /// The catch-up, while there is one.
    pub(in crate::bridge) fn catchup(&self) -> Option<&ChannelCatchUp> {
        match &self.reception {
            Reception::CatchingUp(catchup) => Some(catchup),
            Reception::NotJoined | Reception::Live(_) | Reception::Paused => None,
        }
    }

    pub(in crate::bridge) fn catchup_mut(&mut self) -> Option<&mut ChannelCatchUp> {
        match &mut self.reception {
            Reception::CatchingUp(catchup) => Some(catchup),
            Reception::NotJoined | Reception::Live(_) | Reception::Paused => None,
        }
    }
}
