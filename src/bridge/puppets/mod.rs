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
mod expected;
mod known;
mod lost;

use std::collections::{HashMap, HashSet, VecDeque};

use jiff::Timestamp;

use super::{Bridge, Order, Turn};
use crate::domain::{Author, DeliveryId, EndpointId, LetsChatUserId, Network, RenderedMessage};
use crate::protocol::irc;
use crate::protocol::irc::IrcEvent;
use crate::store::StoreError;

/// What is asked of those who keep the puppets of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PuppetOrder {
    /// Let somebody have a connection, sitting in a channel.
    Call {
        /// Whose.
        account: LetsChatUserId,
        /// The nick to ask for.
        nick: String,
        /// How they are called in Let's Chat.
        name: String,
        /// Where it is to sit.
        place: EndpointId,
    },
    /// Something of their connection.
    Tell(LetsChatUserId, irc::IrcCommand),
}

/// How somebody's connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PuppetEnd {
    /// It was no longer needed.
    Left,
    /// It broke, or did not come about.
    Lost,
    /// The server, or an operator of the network, has turned it away.
    TurnedAway,
}

/// What is known of the puppets of one network.
#[derive(Debug, Default)]
pub(super) struct Puppets {
    people: HashMap<LetsChatUserId, Puppet>,
    /// The nicks that puppets had.
    fading: Vec<Faded>,
    /// What puppets have said where, and the bridge has not seen yet.
    expected: HashMap<EndpointId, VecDeque<Expected>>,
    /// Whom the bridge is to have seen the last of, where.
    awaited: Vec<Awaited>,
    /// People see of a puppet that its person is away.
    shows_away: bool,
}

/// Somebody's connection.
#[derive(Debug, Default)]
struct Puppet {
    /// The nicks by which its lines may be known; the last is the one that it has now.
    nicks: Vec<String>,
    places: HashMap<EndpointId, Standing>,
    /// Where the bridge has seen it leave: what is said there under its nick is somebody else's.
    gone: HashSet<EndpointId>,
    /// People see that its person is away.
    away: bool,
    /// Since when its person may be, if that is to be looked into.
    perhaps_away: Option<Timestamp>,
}

/// A nick that a puppet had: its last lines may still be on their way to us.
#[derive(Debug)]
struct Faded {
    nick: String,
    account: LetsChatUserId,
    /// Until when a line under it is theirs.
    until: Timestamp,
}

/// Where a puppet stands with a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Called,
    In,
    PutOut,
}

/// A delivery that a puppet has said, or is saying, as far as the bridge has seen it.
#[derive(Debug)]
struct Expected {
    ticket: DeliveryId,
    account: LetsChatUserId,
    /// What was handed over.
    speech: RenderedMessage,
    /// How much of its body had arrived before.
    base: usize,
    /// How much of what was handed over was seen.
    seen: usize,
    /// The bridge was not there all the time.
    blind: bool,
}

/// A delivery that was lost with a puppet's connection.
#[derive(Debug)]
struct Awaited {
    place: EndpointId,
    ticket: DeliveryId,
    nick: String,
    since: Timestamp,
}

/// Who is to say something for somebody.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Their puppet.
    Puppet,
    /// The bridge; the puppet is called to the channel.
    Call,
    /// The bridge; the puppet is on its way.
    Bridge,
    /// Nobody: an operator of the channel has put the puppet out.
    Nobody,
}

impl Bridge {
    /// Calls a puppet to `place`.
    pub(super) fn call_puppet(
        &mut self,
        network: &Network,
        place: EndpointId,
        (account, author): (LetsChatUserId, &Author),
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(nick) = self.voices.nick((network, place), &account, author, turn.store)? else {
            return Ok(());
        };
        let name = author.name.clone();
        let call = PuppetOrder::Call { account, nick, name, place };
        turn.orders.push(Order::Puppets(network.clone(), call));
        Ok(())
    }

    /// The connection of `account` says so.
    pub(super) fn puppet(
        &mut self,
        network: &Network,
        account: &LetsChatUserId,
        event: IrcEvent,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let puppets = self.voices.puppets(network);
        match event {
            IrcEvent::Registered { nick } => {
                tracing::info!(%network, %account, nick, "a puppet is there");
                self.counters.connections(network).made += 1;
                puppets.begin(account, &nick, turn.now);
                turn.store.start_nick(network, Some(account), &nick, turn.now)
            }
            IrcEvent::NickChanged { nick } => {
                tracing::info!(%network, %account, nick, "a puppet goes by another nick");
                puppets.rename(account, &nick, turn.now);
                turn.store.start_nick(network, Some(account), &nick, turn.now)
            }
            IrcEvent::Joined { endpoint: place, .. } => {
                puppets.stand(account, place, Standing::In);
                Ok(())
            }
            IrcEvent::Removed { endpoint: place } => {
                puppets.stand(account, place, Standing::PutOut);
                Ok(())
            }
            IrcEvent::NotJoined { endpoint: place, reason: why } => {
                let standing = puppets.people.get(account).and_then(|it| it.places.get(&place));
                if standing != Some(&Standing::PutOut) {
                    puppets.stand(account, place, Standing::Called);
                }
                tracing::info!(%network, %account, %place, why, "a puppet is not in the channel");
                Ok(())
            }
            IrcEvent::SendStarted { delivery: ticket, endpoint: place } => {
                if let Some(spot) = self.spots.get_mut(&place) {
                    spot.lane.speak(ticket);
                }
                Ok(())
            }
            // What it is known by, and not when it was said: how far the channel was heard is the
            // bridge's to say.
            IrcEvent::Delivered { delivery: ticket, endpoint: place, message_ref: mark } => {
                self.settle(ticket, place, mark.msgid.as_deref(), turn)
            }
            IrcEvent::Rejected { delivery: ticket, endpoint: place, reason: why } => {
                puppets.forget(place, ticket);
                self.refuse(ticket, place, &why, turn)
            }
            IrcEvent::DirectMessage(talk) => {
                self.whispered_to_puppet(network, account, &talk, turn)
            }
            event @ (IrcEvent::PartiallyDelivered { .. }
            | IrcEvent::Deferred { .. }
            | IrcEvent::Retry(_)) => self.irc(network, unmarked(event), turn),
            _ => Ok(()),
        }
    }
}

/// The same event without what only the bridge's own connection may say of its line.
fn unmarked(event: IrcEvent) -> IrcEvent {
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
