//! Puppets: IRC connections of Let's Chat users.
//!
//! A user who posts gets a puppet. The bot sends for them until the puppet is in the channel, so nothing is
//! delayed. A puppet's own connection acknowledges its messages, and the bot in the same channel sees them as
//! well. If a puppet is disconnected while sending, the bot's view decides instead of the history: once the
//! bot has seen the puppet leave, or has received something from the server a while later, it has seen every
//! line that arrived.
//!
//! ```text
//!  none ──posts──▶ Joining ──joined──▶ Joined ──kicked, banned──▶ Removed
//!    ▲                                 │ ▲                        │
//!    └─────── connection lost ─────────┘ └──────── joined ────────┘
//! ```
//!
//! If an operator has removed a puppet from a channel, the bot does not send for its user either, unless that
//! is configured.

mod away;
mod echo;
pub(in crate::bridge) mod logins;
mod registry;

use std::collections::{HashMap, HashSet, VecDeque};

use jiff::Timestamp;

use crate::domain::{DeliveryId, EndpointId, LetsChatUserId, RenderedMessage};

/// The puppets of one network.
#[derive(Debug, Default)]
pub(in crate::bridge) struct Puppets {
    by_user: HashMap<LetsChatUserId, Puppet>,
    /// Former nicks of puppets.
    recent_nicks: Vec<RecentNick>,
    /// Lines sent by puppets that the bot has not seen yet, by channel.
    expected_echoes: HashMap<EndpointId, VecDeque<ExpectedEcho>>,
    /// Deliveries of disconnected puppets whose last lines may still arrive.
    pending_echoes: Vec<PendingEcho>,
    /// Whether puppets show the away status of their users.
    pub(in crate::bridge) show_away: bool,
}

/// A puppet.
#[derive(Debug, Default)]
struct Puppet {
    /// The nicks that its lines may have; the last is the current one.
    nicks: Vec<String>,
    memberships: HashMap<EndpointId, PuppetMembership>,
    /// Channels that the bot has seen it leave: lines there under its nick are not its own.
    seen_leaving: HashSet<EndpointId>,
    /// Whether it is set away.
    away: bool,
    /// Since when its user may be away, if that is to be checked.
    maybe_away_since: Option<Timestamp>,
}

/// What was known of a puppet when it was disconnected.
#[derive(Debug)]
pub(in crate::bridge) struct RemovedPuppet {
    /// Its last nick, if it was connected.
    pub(in crate::bridge) last_nick: Option<String>,
    /// The channels that the bot has seen it leave.
    pub(in crate::bridge) seen_leaving: HashSet<EndpointId>,
}

/// A former nick of a puppet, whose last lines may still arrive.
#[derive(Debug)]
struct RecentNick {
    nick: String,
    user: LetsChatUserId,
    /// Until when lines under it are the puppet's.
    until: Timestamp,
}

/// A puppet's membership in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bridge) enum PuppetMembership {
    Joining,
    Joined,
    Removed,
}

/// A delivery sent by a puppet, as far as the bot has seen it.
#[derive(Debug)]
pub(in crate::bridge) struct ExpectedEcho {
    delivery: DeliveryId,
    user: LetsChatUserId,
    /// What was sent.
    rendered: RenderedMessage,
    /// How much of the body had arrived before.
    pub(in crate::bridge) acked_before: usize,
    /// How much of what was sent was seen.
    pub(in crate::bridge) seen_bytes: usize,
    /// The bot was not in the channel all the time.
    pub(in crate::bridge) unobserved: bool,
}

/// A delivery that was in flight when its puppet was disconnected.
#[derive(Debug)]
pub(in crate::bridge) struct PendingEcho {
    pub(in crate::bridge) endpoint: EndpointId,
    pub(in crate::bridge) delivery: DeliveryId,
    pub(in crate::bridge) nick: String,
    pub(in crate::bridge) since: Timestamp,
}

/// Who sends a message of a user.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::bridge) enum PuppetChoice {
    /// Their puppet.
    Puppet,
    /// The bot; the puppet must join the channel.
    Connect,
    /// The bot; the puppet is joining.
    Bot,
    /// Nobody: an operator has removed the puppet from the channel.
    Nobody,
}
