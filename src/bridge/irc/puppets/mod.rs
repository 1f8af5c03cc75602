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
mod disconnect;
mod echo;
mod registry;

use std::collections::{HashMap, HashSet, VecDeque};

use jiff::Timestamp;

use crate::bridge::{Bridge, Command, Ctx};
use crate::domain::{Author, DeliveryId, EndpointId, LetsChatUserId, Network, RenderedMessage};
use crate::protocol::irc;
use crate::protocol::irc::IrcEvent;
use crate::store::StoreError;

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
    },
    /// A command for the puppet's session.
    Send(LetsChatUserId, irc::IrcCommand),
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
    show_away: bool,
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
enum PuppetMembership {
    Joining,
    Joined,
    Removed,
}

/// A delivery sent by a puppet, as far as the bot has seen it.
#[derive(Debug)]
struct ExpectedEcho {
    delivery: DeliveryId,
    user: LetsChatUserId,
    /// What was sent.
    rendered: RenderedMessage,
    /// How much of the body had arrived before.
    acked_before: usize,
    /// How much of what was sent was seen.
    seen_bytes: usize,
    /// The bot was not in the channel all the time.
    unobserved: bool,
}

/// A delivery that was in flight when its puppet was disconnected.
#[derive(Debug)]
struct PendingEcho {
    endpoint: EndpointId,
    delivery: DeliveryId,
    nick: String,
    since: Timestamp,
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

impl Bridge {
    /// Requests a puppet for the channel.
    pub(in crate::bridge) fn connect_puppet(
        &mut self,
        network: &Network,
        endpoint: EndpointId,
        (account, author): (LetsChatUserId, &Author),
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(nick) =
            self.senders.puppet_nick((network, endpoint), &account, author, ctx.store)?
        else {
            return Ok(());
        };
        let name = author.name.clone();
        let call = PuppetCommand::Connect { user: account, nick, username: name, endpoint };
        ctx.commands.push(Command::Puppets(network.clone(), call));
        Ok(())
    }

    /// Handles an event of the user's puppet.
    pub(in crate::bridge) fn on_puppet_event(
        &mut self,
        network: &Network,
        account: &LetsChatUserId,
        event: IrcEvent,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let puppets = self.senders.puppets_mut(network);
        match event {
            IrcEvent::Registered { nick } => {
                tracing::info!(%network, user = %account, nick, "puppet connected");
                self.stats.puppets_mut(network).connected += 1;
                puppets.on_registered(account, &nick, ctx.now);
                ctx.store.start_nick(network, Some(account), &nick, ctx.now)
            }
            IrcEvent::NickChanged { nick } => {
                tracing::info!(%network, user = %account, nick, "puppet nick changed");
                puppets.set_nick(account, &nick, ctx.now);
                ctx.store.start_nick(network, Some(account), &nick, ctx.now)
            }
            IrcEvent::Joined { endpoint, .. } => {
                puppets.set_membership(account, endpoint, PuppetMembership::Joined);
                Ok(())
            }
            IrcEvent::Removed { endpoint } => {
                puppets.set_membership(account, endpoint, PuppetMembership::Removed);
                Ok(())
            }
            IrcEvent::NotJoined { endpoint, reason } => {
                let membership =
                    puppets.by_user.get(account).and_then(|it| it.memberships.get(&endpoint));
                if membership != Some(&PuppetMembership::Removed) {
                    puppets.set_membership(account, endpoint, PuppetMembership::Joining);
                }
                tracing::info!(%network, user = %account, %endpoint, reason = reason, "puppet not joined");
                Ok(())
            }
            IrcEvent::SendStarted { delivery, endpoint } => {
                if let Some(state) = self.endpoints.get_mut(&endpoint) {
                    state.queue.mark_sent(delivery);
                }
                Ok(())
            }
            // Its id, but not its time: the channel's cursor follows what the bot receives.
            IrcEvent::Delivered { delivery, endpoint, message_ref } => {
                self.ack(delivery, endpoint, message_ref.msgid.as_deref(), ctx)
            }
            IrcEvent::Rejected { delivery, endpoint, reason } => {
                puppets.forget_echo(endpoint, delivery);
                self.reject(delivery, endpoint, &reason, ctx)
            }
            IrcEvent::DirectMessage(message) => self.on_puppet_dm(network, account, &message, ctx),
            event @ (IrcEvent::PartiallyDelivered { .. }
            | IrcEvent::Deferred { .. }
            | IrcEvent::Retry(_)) => self.on_irc_event(network, without_message_ref(event), ctx),
            _ => Ok(()),
        }
    }
}

/// Removes from the event what only the bot's own connection can know.
fn without_message_ref(event: IrcEvent) -> IrcEvent {
    match event {
        IrcEvent::PartiallyDelivered { delivery, endpoint, delivered_bytes: end, .. } => {
            IrcEvent::PartiallyDelivered {
                delivery,
                endpoint,
                delivered_bytes: end,
                message_ref: irc::MessageRef::default(),
            }
        }
        other => other,
    }
}
