//! Connections of people of Let's Chat on a network: puppets.
//!
//! Whoever speaks is given one, and is spoken for by the bridge until it sits in the channel: nothing
//! waits for it. What a puppet says is confirmed by its own connection, as what the bridge says is by
//! the bridge's; and the bridge, which sits in the same channels, sees it too. So when a puppet's
//! connection is lost while it speaks, the bridge is asked instead of the server's history: once it
//! has seen the puppet leave, or has been told something by the server a while later, it has seen
//! every line that has arrived.
//!
//! ```text
//!  nobody ──speaks──▶ Called ──is let in──▶ In ──kicked, banned──▶ PutOut
//!    ▲                                      │ ▲                      │
//!    └────────── connection lost ───────────┘ └───── is let in ──────┘
//! ```
//!
//! Whom an operator has put out of a channel is not spoken for there by the bridge either, unless the
//! administrator wants that.

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

/// What is asked of those who keep the puppets of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PuppetCommand {
    /// Let somebody have a connection, sitting in a channel.
    Connect {
        /// Whose.
        user: LetsChatUserId,
        /// The nick to ask for.
        nick: String,
        /// How they are called in Let's Chat.
        username: String,
        /// Where it is to sit.
        endpoint: EndpointId,
    },
    /// Something of their connection.
    Send(LetsChatUserId, irc::IrcCommand),
}

/// How somebody's connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PuppetEnd {
    /// It was no longer needed.
    NotNeeded,
    /// It broke, or did not come about.
    ConnectionLost,
    /// The server, or an operator of the network, has turned it away.
    Rejected,
}

/// What is known of the puppets of one network.
#[derive(Debug, Default)]
pub(in crate::bridge) struct Puppets {
    by_user: HashMap<LetsChatUserId, Puppet>,
    /// The nicks that puppets had.
    recent_nicks: Vec<RecentNick>,
    /// What puppets have said where, and the bridge has not seen yet.
    expected_echoes: HashMap<EndpointId, VecDeque<ExpectedEcho>>,
    /// Whom the bridge is to have seen the last of, where.
    pending_echoes: Vec<PendingEcho>,
    /// People see of a puppet that its person is away.
    show_away: bool,
}

/// Somebody's connection.
#[derive(Debug, Default)]
struct Puppet {
    /// The nicks by which its lines may be known; the last is the one that it has now.
    nicks: Vec<String>,
    memberships: HashMap<EndpointId, PuppetMembership>,
    /// Where the bridge has seen it leave: what is said there under its nick is somebody else's.
    seen_leaving: HashSet<EndpointId>,
    /// People see that its person is away.
    away: bool,
    /// Since when its person may be, if that is to be looked into.
    maybe_away_since: Option<Timestamp>,
}

/// A nick that a puppet had: its last lines may still be on their way to us.
#[derive(Debug)]
struct RecentNick {
    nick: String,
    user: LetsChatUserId,
    /// Until when a line under it is theirs.
    until: Timestamp,
}

/// Where a puppet stands with a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PuppetMembership {
    Joining,
    Joined,
    Removed,
}

/// A delivery that a puppet has said, or is saying, as far as the bridge has seen it.
#[derive(Debug)]
struct ExpectedEcho {
    delivery: DeliveryId,
    user: LetsChatUserId,
    /// What was handed over.
    rendered: RenderedMessage,
    /// How much of its body had arrived before.
    acked_before: usize,
    /// How much of what was handed over was seen.
    seen_bytes: usize,
    /// The bridge was not there all the time.
    unobserved: bool,
}

/// A delivery that was lost with a puppet's connection.
#[derive(Debug)]
struct PendingEcho {
    endpoint: EndpointId,
    delivery: DeliveryId,
    nick: String,
    since: Timestamp,
}

/// Who is to say something for somebody.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::bridge) enum PuppetChoice {
    /// Their puppet.
    Puppet,
    /// The bridge; the puppet is called to the channel.
    Connect,
    /// The bridge; the puppet is on its way.
    Bot,
    /// Nobody: an operator of the channel has put the puppet out.
    Nobody,
}

impl Bridge {
    /// Calls a puppet to `place`.
    pub(in crate::bridge) fn connect_puppet(
        &mut self,
        network: &Network,
        place: EndpointId,
        (account, author): (LetsChatUserId, &Author),
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(nick) =
            self.senders.puppet_nick((network, place), &account, author, turn.store)?
        else {
            return Ok(());
        };
        let name = author.name.clone();
        let call = PuppetCommand::Connect { user: account, nick, username: name, endpoint: place };
        turn.commands.push(Command::Puppets(network.clone(), call));
        Ok(())
    }

    /// The connection of `account` says so.
    pub(in crate::bridge) fn on_puppet_event(
        &mut self,
        network: &Network,
        account: &LetsChatUserId,
        event: IrcEvent,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let puppets = self.senders.puppets_mut(network);
        match event {
            IrcEvent::Registered { nick } => {
                tracing::info!(%network, user = %account, nick, "puppet connected");
                self.stats.puppets_mut(network).connected += 1;
                puppets.on_registered(account, &nick, turn.now);
                turn.store.start_nick(network, Some(account), &nick, turn.now)
            }
            IrcEvent::NickChanged { nick } => {
                tracing::info!(%network, user = %account, nick, "puppet nick changed");
                puppets.set_nick(account, &nick, turn.now);
                turn.store.start_nick(network, Some(account), &nick, turn.now)
            }
            IrcEvent::Joined { endpoint: place, .. } => {
                puppets.set_membership(account, place, PuppetMembership::Joined);
                Ok(())
            }
            IrcEvent::Removed { endpoint: place } => {
                puppets.set_membership(account, place, PuppetMembership::Removed);
                Ok(())
            }
            IrcEvent::NotJoined { endpoint: place, reason: why } => {
                let standing =
                    puppets.by_user.get(account).and_then(|it| it.memberships.get(&place));
                if standing != Some(&PuppetMembership::Removed) {
                    puppets.set_membership(account, place, PuppetMembership::Joining);
                }
                tracing::info!(%network, user = %account, endpoint = %place, reason = why, "puppet not joined");
                Ok(())
            }
            IrcEvent::SendStarted { delivery: ticket, endpoint: place } => {
                if let Some(spot) = self.endpoints.get_mut(&place) {
                    spot.queue.mark_sent(ticket);
                }
                Ok(())
            }
            // What it is known by, and not when it was said: how far the channel was heard is the
            // bridge's to say.
            IrcEvent::Delivered { delivery: ticket, endpoint: place, message_ref: mark } => {
                self.ack(ticket, place, mark.msgid.as_deref(), turn)
            }
            IrcEvent::Rejected { delivery: ticket, endpoint: place, reason: why } => {
                puppets.forget_echo(place, ticket);
                self.reject(ticket, place, &why, turn)
            }
            IrcEvent::DirectMessage(talk) => self.on_puppet_dm(network, account, &talk, turn),
            event @ (IrcEvent::PartiallyDelivered { .. }
            | IrcEvent::Deferred { .. }
            | IrcEvent::Retry(_)) => self.on_irc_event(network, without_message_ref(event), turn),
            _ => Ok(()),
        }
    }
}

/// The same event without what only the bridge's own connection may say of its line.
fn without_message_ref(event: IrcEvent) -> IrcEvent {
    match event {
        IrcEvent::PartiallyDelivered {
            delivery: ticket,
            endpoint: place,
            delivered_bytes: end,
            ..
        } => IrcEvent::PartiallyDelivered {
            delivery: ticket,
            endpoint: place,
            delivered_bytes: end,
            message_ref: irc::MessageRef::default(),
        },
        other => other,
    }
}
