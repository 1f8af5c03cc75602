//! What is to be said to somebody alone: begun when they are in sight, and what becomes of it.
//!
//! ```text
//!           in sight            answered
//!  Queued ───────────▶ Sending ──────────▶ Delivered
//!    ▲  │ not in sight    │ └── refused ──▶ Refused, and the writer is told
//!    │  └─────────────────┼───────────────▶ Refused, the same
//!    │ said again, marked │ the connection was lost, or the process died
//!    │  (in_doubt)        ▼       or not   (in_doubt)
//!    └──────────────── Doubtful ──────────▶ Refused, the same
//! ```
//!
//! Nobody can be asked whether it has arrived: Let's Chat's list of private messages is broken
//! (WIRE.md, "Private messages"), and of talk between two a server of IRC keeps nothing that we could
//! read.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::SignedDuration;

use super::{Reader, words};
use crate::bridge::{Bridge, Order, Peer, Turn};
use crate::domain::{
    DeliveryId, DeliveryState, EndpointId, IrcUser, Message, MessageKind, Network, RenderedMessage,
    Sender, UserRef,
};
use crate::protocol::irc::IrcEvent;
use crate::protocol::{irc, letschat};
use crate::store::StoreError;
use crate::translate;
use crate::translate::RESENT_PREFIX;

/// How long after a side is back somebody may take to be in sight again.
const GRACE: SignedDuration = SignedDuration::from_secs(60);

/// How many deliveries are under way on one side at a time.
pub(super) const MOST: usize = 16;

/// How often in a row Let's Chat may leave one unanswered.
const UNANSWERED: u32 = 2;

/// Whether somebody can be told something.
enum Reach {
    /// They are there.
    Person(Network, Arc<IrcUser>),
    User(String),
    /// Nobody can tell yet.
    NotYet,
    /// They are not, for this reason.
    Gone(&'static str),
}

impl Bridge {
    /// Begins what can be begun, and gives up what cannot be said any more.
    pub(in crate::bridge) fn advance_direct(
        &mut self,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if self.stopping || self.direct.lanes.is_empty() {
            return Ok(());
        }
        let mut places: Vec<EndpointId> = self.direct.lanes.keys().copied().collect();
        places.sort_unstable();
        self.advance_readers(&places, turn)
    }

    /// The same of those whom `places` stand for.
    pub(super) fn advance_readers(
        &mut self,
        places: &[EndpointId],
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if self.stopping || !places.iter().any(|place| self.direct.lanes.contains_key(place)) {
            return Ok(());
        }
        let mut busy: HashMap<Option<Network>, usize> = HashMap::new();
        for reader in self.direct.lanes.values() {
            if reader.lane.under_way().is_some() {
                *busy.entry(reader.party.network().cloned()).or_default() += 1;
            }
        }
        for place in places {
            while self.advance_reader(*place, &mut busy, turn)? {}
        }
        Ok(())
    }

    /// Takes one step for whoever `place` stands for. Says whether there may be another.
    /// `busy` is how much is under way on each side.
    fn advance_reader(
        &mut self,
        place: EndpointId,
        busy: &mut HashMap<Option<Network>, usize>,
        turn: &mut Turn<'_>,
    ) -> Result<bool, StoreError> {
        let Some(reader) = self.direct.lanes.get_mut(&place) else { return Ok(false) };
        reader.lane.open();
        // Which also reads on where more waits in the store.
        let ready = reader.lane.ready(turn.store)?;
        let Some(first) = reader.lane.first() else {
            self.direct.lanes.remove(&place);
            return Ok(false);
        };
        let in_doubt = first.state == DeliveryState::InDoubt;
        if !ready && !in_doubt {
            return Ok(false);
        }
        if let Some(why) = reader.gone.clone() {
            let why = if in_doubt { words::DOUBTFUL } else { &why };
            return self.give_up_first(place, why, turn);
        }
        let party = reader.party.clone();
        let under_way = busy.entry(party.network().cloned()).or_default();
        let is_busy = *under_way >= MOST;
        match self.reach(&party, turn) {
            Reach::NotYet => Ok(false),
            Reach::Gone(why) => self.give_up_first(place, why, turn),
            Reach::Person(..) | Reach::User(_) if in_doubt => self.decide(place, turn),
            _ if is_busy => Ok(false),
            Reach::Person(network, person) => {
                *under_way += 1;
                self.begin_direct(place, &party, turn, |(ticket, kind, prefix, body)| {
                    let whom = Arc::clone(&person);
                    let order = irc::IrcCommand::SendDirect {
                        delivery: ticket,
                        endpoint: place,
                        recipient: whom,
                        kind,
                        prefix,
                        body,
                    };
                    Order::Irc(network.clone(), order)
                })
            }
            Reach::User(user) => {
                *under_way += 1;
                self.begin_direct(place, &party, turn, |(ticket, _, prefix, body)| {
                    let text = format!("{prefix}{body}");
                    let user = user.clone();
                    Order::LetsChat(letschat::LetsChatCommand::SendDirect {
                        delivery: ticket,
                        endpoint: place,
                        user,
                        text,
                    })
                })
            }
        }
    }

    /// Whether `party` can be told something now.
    fn reach(&self, party: &UserRef, turn: &Turn<'_>) -> Reach {
        let peer = party.network().map_or(Peer::LetsChat, |it| Peer::Irc(it.clone()));
        let Some(since) = self.direct.up.get(&peer) else { return Reach::NotYet };
        let there = match party {
            UserRef::LetsChat(account) => match self.direct.carries {
                Some(true) => self.is_present(account).then(|| Reach::User(account.0.to_string())),
                Some(false) => return Reach::Gone(words::NOT_CARRIED),
                None => return Reach::NotYet,
            },
            UserRef::Account(network, _) | UserRef::Nick(network, _) => {
                self.person(party).map(|it| Reach::Person(network.clone(), Arc::clone(it)))
            }
        };
        let settled = words::is_past(*since, GRACE, turn.now);
        there.unwrap_or(if settled { Reach::Gone(words::NOT_THERE) } else { Reach::NotYet })
    }

    /// `Queued → Sending`.
    fn begin_direct(
        &mut self,
        place: EndpointId,
        party: &UserRef,
        turn: &mut Turn<'_>,
        order: impl FnOnce((DeliveryId, MessageKind, String, String)) -> Order,
    ) -> Result<bool, StoreError> {
        let first = self.direct.lanes.get(&place).and_then(|reader| reader.lane.first());
        let Some(message) = first.map(|first| first.message.clone()) else { return Ok(false) };
        let writer = turn.store.user_of_endpoint(message.source)?;
        let Some(speech) = self.render_direct(&message, writer.as_ref(), party, turn) else {
            return self.give_up_first(
                place,
                "the place where they are is not linked any more",
                turn,
            );
        };
        let Some(reader) = self.direct.lanes.get_mut(&place) else { return Ok(false) };
        let begun = reader.lane.begin((Sender::Bot, speech), 0, turn.now, turn.store)?;
        let Some(begun) = begun else { return Ok(false) };
        let RenderedMessage { kind, prefix, body } = begun.speech;
        let body = if begun.repeated { format!("{RESENT_PREFIX}{body}") } else { body };
        turn.orders.push(order((begun.ticket, kind, prefix, body)));
        Ok(false)
    }

    /// How `message` of `writer` is told to `reader`: as between the places in which they see each other
    /// or, if the writer is gone by now, would.
    fn render_direct(
        &self,
        message: &Message,
        writer: Option<&UserRef>,
        reader: &UserRef,
        turn: &Turn<'_>,
    ) -> Option<RenderedMessage> {
        let met = writer.and_then(|writer| self.meetings(writer, reader).into_iter().min());
        let across = |place: &EndpointId| {
            let network = self.spots.get(place).and_then(|spot| spot.place.network());
            network == writer.and_then(UserRef::network)
        };
        let would = || {
            let there = self.places_of(reader).into_iter().min()?;
            let here = self.spots.get(&there)?.mirrors.iter().copied().find(across)?;
            Some((here, there))
        };
        let (here, there) = met.or_else(would)?;
        let place = &self.spots.get(&here)?.place;
        let several = self.direct.networks.len() > 1;
        let whence = place.network().filter(|_| several).map(Network::as_str);
        let manners = self.ways.manners(here, there);
        Some(translate::render_dm(message, place, manners, whence, turn.now))
    }

    /// `Doubtful → Queued | Refused`: nobody can be asked whether it has arrived.
    fn decide(&mut self, place: EndpointId, turn: &mut Turn<'_>) -> Result<bool, StoreError> {
        let Some(reader) = self.direct.lanes.get_mut(&place) else { return Ok(false) };
        let Some(delivery) = reader.lane.in_doubt() else { return Ok(false) };
        let writer = turn.store.user_of_endpoint(delivery.message.source)?;
        let network = reader.party.network().or(writer.as_ref().and_then(UserRef::network));
        if network.is_some_and(|network| self.dropping.contains(network)) {
            return self.give_up_first(place, words::DROPPED, turn);
        }
        if reader.unanswered >= UNANSWERED {
            return self.give_up_first(place, "Let's Chat does not answer for it", turn);
        }
        reader.lane.repeat(turn.store)?;
        let peer = reader.party.network().map_or(Peer::LetsChat, |it| Peer::Irc(it.clone()));
        self.counters.of(peer).repeated += 1;
        Ok(true)
    }

    /// What is first for whoever `place` stands for will never be said to them.
    pub(super) fn give_up_first(
        &mut self,
        place: EndpointId,
        why: &str,
        turn: &mut Turn<'_>,
    ) -> Result<bool, StoreError> {
        let Some(reader) = self.direct.lanes.get_mut(&place) else { return Ok(false) };
        let Some(delivery) = reader.lane.give_up(why, turn.now, turn.store)? else {
            return Ok(false);
        };
        reader.unanswered = 0;
        self.unreached(&delivery, why, turn)?;
        Ok(true)
    }

    /// Something of IRC that may be about what is said to somebody alone. Gives it back if it is not.
    pub(in crate::bridge) fn direct_irc(
        &mut self,
        network: &Network,
        event: IrcEvent,
        turn: &mut Turn<'_>,
    ) -> Result<Option<IrcEvent>, StoreError> {
        if self.direct.networks.is_empty() {
            return Ok(Some(event));
        }
        match event {
            IrcEvent::Registered { .. } => {
                self.direct.up.insert(Peer::Irc(network.clone()), turn.now);
                return Ok(Some(event));
            }
            IrcEvent::DirectMessage(ref talk) => self.whispered_on_irc(network, talk, turn)?,
            IrcEvent::SendStarted { endpoint: place, .. }
            | IrcEvent::PartiallyDelivered { endpoint: place, .. }
            | IrcEvent::Delivered { endpoint: place, .. }
            | IrcEvent::Rejected { endpoint: place, .. }
            | IrcEvent::Deferred { endpoint: place, .. }
            | IrcEvent::Retry(place)
                if self.direct.lanes.contains_key(&place) =>
            {
                self.answered_direct(place, event, turn)?;
            }
            event => return Ok(Some(event)),
        }
        Ok(None)
    }

    /// What IRC makes of what is being said to whoever `place` stands for.
    fn answered_direct(
        &mut self,
        place: EndpointId,
        event: IrcEvent,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(Reader { lane, .. }) = self.direct.lanes.get_mut(&place) else { return Ok(()) };
        match event {
            IrcEvent::SendStarted { delivery: ticket, .. } => {
                lane.speak(ticket);
                Ok(())
            }
            IrcEvent::PartiallyDelivered { delivery: ticket, delivered_bytes: end, .. } => {
                lane.partly(ticket, end, RESENT_PREFIX.len(), turn.store)
            }
            IrcEvent::Delivered { delivery: ticket, message_ref: mark, .. } => {
                self.settle_direct(ticket, place, mark.msgid.as_deref(), turn)
            }
            IrcEvent::Rejected { delivery: ticket, reason: why, .. } => {
                self.refuse_direct(ticket, place, &why, turn)
            }
            IrcEvent::Deferred { delivery: ticket, .. } => {
                lane.put_off(ticket, turn.store).map(drop)
            }
            IrcEvent::Retry(_) => {
                lane.resume();
                self.advance_direct(turn)
            }
            _ => Ok(()),
        }
    }

    /// The far end has answered for `ticket`.
    pub(in crate::bridge) fn settle_direct(
        &mut self,
        ticket: DeliveryId,
        place: EndpointId,
        native: Option<&str>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if let Some(reader) = self.direct.lanes.get_mut(&place) {
            reader.unanswered = 0;
            let peer = reader.party.network().map_or(Peer::LetsChat, |it| Peer::Irc(it.clone()));
            for delivery in reader.lane.settle(ticket, native, turn.now, turn.store)? {
                turn.store.unsaid(delivery.id)?;
                self.waiting.remove(&delivery.message);
                self.counters.of(peer.clone()).delivered += 1;
            }
        }
        self.advance_direct(turn)
    }

    /// The far end will not have `ticket`.
    pub(in crate::bridge) fn refuse_direct(
        &mut self,
        ticket: DeliveryId,
        place: EndpointId,
        why: &str,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(reader) = self.direct.lanes.get_mut(&place) else { return Ok(()) };
        reader.unanswered = 0;
        for delivery in reader.lane.refuse(ticket, why, turn.now, turn.store)? {
            self.unreached(&delivery, why, turn)?;
        }
        self.advance_direct(turn)
    }

    /// The far end has not answered for `ticket`.
    pub(in crate::bridge) fn unanswered_direct(
        &mut self,
        place: EndpointId,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if let Some(reader) = self.direct.lanes.get_mut(&place) {
            reader.unanswered += 1;
            reader.lane.doubt(turn.store)?;
        }
        self.advance_direct(turn)
    }
}
