//! Delivers direct messages while their recipients are present.
//!
//! ```text
//!            present            acked
//!  Queued ───────────▶ InFlight ──────────▶ Delivered
//!   ▲  │ not present    │ └── rejected ───▶ Rejected, the sender is notified
//!   │  └────────────────┼─────────────────▶ Rejected, the sender is notified
//!   │ resent, marked    │ the connection was lost, or the process died
//!   │  (unconfirmed)    ▼    or dropped    (unconfirmed)
//!   └─────────────── InDoubt ─────────────▶ Rejected, the sender is notified
//! ```
//!
//! Whether it arrived cannot be determined: Let's Chat's list of private messages is broken (WIRE.md,
//! "Private messages"), and IRC servers keep no history of direct messages that we could read.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::SignedDuration;

use super::{DmRecipient, replies};
use crate::bridge::{Bridge, Command, Ctx, Peer};
use crate::domain::{
    DeliveryId, DeliveryState, EndpointId, IrcUser, Message, MessageKind, Network, RenderedMessage,
    Sender, UserRef,
};
use crate::protocol::irc::IrcEvent;
use crate::protocol::{irc, letschat};
use crate::store::StoreError;
use crate::translate;
use crate::translate::RESENT_PREFIX;

/// How long after a reconnect a recipient may take to reappear.
const PRESENCE_GRACE: SignedDuration = SignedDuration::from_secs(60);

/// Maximum number of deliveries in flight per side.
pub(super) const MAX_IN_FLIGHT: usize = 16;

/// How many consecutive deliveries Let's Chat may leave unanswered.
const MAX_ACK_TIMEOUTS: u32 = 2;

/// Whether a user can receive direct messages.
enum Reachability {
    /// They are present.
    IrcUser(Network, Arc<IrcUser>),
    LetsChatUser(String),
    /// Not known yet.
    Unknown,
    /// They are not present, for this reason.
    Gone(&'static str),
}

impl Bridge {
    /// Starts deliveries that can start, and rejects those that cannot be delivered any more.
    pub(in crate::bridge) fn schedule_direct(
        &mut self,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if self.stopping || self.direct.recipients.is_empty() {
            return Ok(());
        }
        let mut places: Vec<EndpointId> = self.direct.recipients.keys().copied().collect();
        places.sort_unstable();
        self.advance_readers(&places, turn)
    }

    /// Starts or rejects deliveries to these recipients.
    pub(super) fn advance_readers(
        &mut self,
        places: &[EndpointId],
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if self.stopping || !places.iter().any(|place| self.direct.recipients.contains_key(place)) {
            return Ok(());
        }
        let mut busy: HashMap<Option<Network>, usize> = HashMap::new();
        for reader in self.direct.recipients.values() {
            if reader.queue.in_flight().is_some() {
                *busy.entry(reader.user.network().cloned()).or_default() += 1;
            }
        }
        for place in places {
            while self.step_recipient(*place, &mut busy, turn)? {}
        }
        Ok(())
    }

    /// Makes one step for this recipient. Returns whether another may follow. `busy` counts the deliveries in
    /// flight on each side.
    fn step_recipient(
        &mut self,
        place: EndpointId,
        busy: &mut HashMap<Option<Network>, usize>,
        turn: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        let Some(reader) = self.direct.recipients.get_mut(&place) else { return Ok(false) };
        reader.queue.open();
        // This also loads more from the store.
        let ready = reader.queue.check_ready(turn.store)?;
        let Some(first) = reader.queue.head() else {
            self.direct.recipients.remove(&place);
            return Ok(false);
        };
        let in_doubt = first.state == DeliveryState::InDoubt;
        if !ready && !in_doubt {
            return Ok(false);
        }
        if let Some(reason) = reader.gone_reason.clone() {
            let why = if in_doubt { replies::CONNECTION_LOST_UNKNOWN_NICK } else { &reason };
            return self.drop_direct_head(place, why, turn);
        }
        let party = reader.user.clone();
        let under_way = busy.entry(party.network().cloned()).or_default();
        let is_busy = *under_way >= MAX_IN_FLIGHT;
        match self.reachability(&party, turn) {
            Reachability::Unknown => Ok(false),
            Reachability::Gone(why) => self.drop_direct_head(place, why, turn),
            Reachability::IrcUser(..) | Reachability::LetsChatUser(_) if in_doubt => {
                self.resolve_unconfirmed_direct(place, turn)
            }
            _ if is_busy => Ok(false),
            Reachability::IrcUser(network, person) => {
                *under_way += 1;
                self.start_direct(place, &party, turn, |(ticket, kind, prefix, body)| {
                    let whom = Arc::clone(&person);
                    let order = irc::IrcCommand::SendDirect {
                        delivery: ticket,
                        endpoint: place,
                        recipient: whom,
                        kind,
                        prefix,
                        body,
                    };
                    Command::Irc(network.clone(), order)
                })
            }
            Reachability::LetsChatUser(user) => {
                *under_way += 1;
                self.start_direct(place, &party, turn, |(ticket, _, prefix, body)| {
                    let text = format!("{prefix}{body}");
                    let user = user.clone();
                    Command::LetsChat(letschat::LetsChatCommand::SendDirect {
                        delivery: ticket,
                        endpoint: place,
                        user,
                        text,
                    })
                })
            }
        }
    }

    /// Whether this user can receive a direct message now.
    fn reachability(&self, party: &UserRef, turn: &Ctx<'_>) -> Reachability {
        let peer = party.network().map_or(Peer::LetsChat, |it| Peer::Irc(it.clone()));
        let Some(since) = self.direct.connected_since.get(&peer) else {
            return Reachability::Unknown;
        };
        let there = match party {
            UserRef::LetsChat(account) => match self.direct.letschat_enabled {
                Some(true) => self
                    .is_user_present(account)
                    .then(|| Reachability::LetsChatUser(account.0.to_string())),
                Some(false) => return Reachability::Gone(replies::DMS_DISABLED),
                None => return Reachability::Unknown,
            },
            UserRef::Account(network, _) | UserRef::Nick(network, _) => self
                .find_irc_user(party)
                .map(|it| Reachability::IrcUser(network.clone(), Arc::clone(it))),
        };
        let settled = replies::has_elapsed(*since, PRESENCE_GRACE, turn.now);
        there.unwrap_or(if settled {
            Reachability::Gone(replies::NOT_THERE)
        } else {
            Reachability::Unknown
        })
    }

    /// `Queued → InFlight`.
    fn start_direct(
        &mut self,
        place: EndpointId,
        party: &UserRef,
        turn: &mut Ctx<'_>,
        order: impl FnOnce((DeliveryId, MessageKind, String, String)) -> Command,
    ) -> Result<bool, StoreError> {
        let first = self.direct.recipients.get(&place).and_then(|reader| reader.queue.head());
        let Some(message) = first.map(|first| first.message.clone()) else { return Ok(false) };
        let writer = turn.store.user_of_endpoint(message.source)?;
        let Some(speech) = self.render_direct(&message, writer.as_ref(), party, turn) else {
            return self.drop_direct_head(place, "their channel or room is no longer linked", turn);
        };
        let Some(reader) = self.direct.recipients.get_mut(&place) else { return Ok(false) };
        let begun = reader.queue.start((Sender::Bot, speech), 0, turn.now, turn.store)?;
        let Some(begun) = begun else { return Ok(false) };
        let RenderedMessage { kind, prefix, body } = begun.rendered;
        let body = if begun.is_resend { format!("{RESENT_PREFIX}{body}") } else { body };
        turn.commands.push(order((begun.id, kind, prefix, body)));
        Ok(false)
    }

    /// Renders a direct message as between the endpoints where sender and recipient see each other; or, if
    /// the sender has left, would have.
    fn render_direct(
        &self,
        message: &Message,
        writer: Option<&UserRef>,
        reader: &UserRef,
        turn: &Ctx<'_>,
    ) -> Option<RenderedMessage> {
        let met = writer.and_then(|writer| self.shared_links(writer, reader).into_iter().min());
        let across = |place: &EndpointId| {
            let network = self.endpoints.get(place).and_then(|spot| spot.endpoint.network());
            network == writer.and_then(UserRef::network)
        };
        let would = || {
            let there = self.endpoints_of(reader).into_iter().min()?;
            let here = self.endpoints.get(&there)?.mirrors.iter().copied().find(across)?;
            Some((here, there))
        };
        let (here, there) = met.or_else(would)?;
        let place = &self.endpoints.get(&here)?.endpoint;
        let several = self.direct.networks.len() > 1;
        let whence = place.network().filter(|_| several).map(Network::as_str);
        let manners = self.routes.format(here, there);
        Some(translate::render_dm(message, place, manners, whence, turn.now))
    }

    /// `InDoubt → Queued
    /// Rejected`: whether it arrived cannot be determined.
    fn resolve_unconfirmed_direct(
        &mut self,
        place: EndpointId,
        turn: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        let Some(reader) = self.direct.recipients.get_mut(&place) else { return Ok(false) };
        let Some(delivery) = reader.queue.in_doubt() else { return Ok(false) };
        let writer = turn.store.user_of_endpoint(delivery.message.source)?;
        let network = reader.user.network().or(writer.as_ref().and_then(UserRef::network));
        if network.is_some_and(|network| self.drop_unconfirmed.contains(network)) {
            return self.drop_direct_head(place, replies::CONNECTION_LOST_DROPPED, turn);
        }
        if reader.ack_timeouts >= MAX_ACK_TIMEOUTS {
            return self.drop_direct_head(place, "Let's Chat did not confirm it", turn);
        }
        reader.queue.retry_marked(turn.store)?;
        let peer = reader.user.network().map_or(Peer::LetsChat, |it| Peer::Irc(it.clone()));
        self.stats.traffic_mut(peer).resent += 1;
        Ok(true)
    }

    /// Rejects the first delivery to this recipient, which can never be delivered.
    pub(super) fn drop_direct_head(
        &mut self,
        place: EndpointId,
        why: &str,
        turn: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        let Some(reader) = self.direct.recipients.get_mut(&place) else { return Ok(false) };
        let Some(delivery) = reader.queue.drop_head(why, turn.now, turn.store)? else {
            return Ok(false);
        };
        reader.ack_timeouts = 0;
        self.record_dm_failure(&delivery, why, turn)?;
        Ok(true)
    }

    /// Handles an IRC event about a direct message. Returns the event if it is about something else.
    pub(in crate::bridge) fn filter_irc_event(
        &mut self,
        network: &Network,
        event: IrcEvent,
        turn: &mut Ctx<'_>,
    ) -> Result<Option<IrcEvent>, StoreError> {
        if self.direct.networks.is_empty() {
            return Ok(Some(event));
        }
        match event {
            IrcEvent::Registered { .. } => {
                self.direct.connected_since.insert(Peer::Irc(network.clone()), turn.now);
                return Ok(Some(event));
            }
            IrcEvent::DirectMessage(ref talk) => self.on_irc_dm(network, talk, turn)?,
            IrcEvent::SendStarted { endpoint: place, .. }
            | IrcEvent::PartiallyDelivered { endpoint: place, .. }
            | IrcEvent::Delivered { endpoint: place, .. }
            | IrcEvent::Rejected { endpoint: place, .. }
            | IrcEvent::Deferred { endpoint: place, .. }
            | IrcEvent::Retry(place)
                if self.direct.recipients.contains_key(&place) =>
            {
                self.on_direct_irc_event(place, event, turn)?;
            }
            event => return Ok(Some(event)),
        }
        Ok(None)
    }

    /// Handles the server's answer to a direct message.
    fn on_direct_irc_event(
        &mut self,
        place: EndpointId,
        event: IrcEvent,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(DmRecipient { queue: lane, .. }) = self.direct.recipients.get_mut(&place) else {
            return Ok(());
        };
        match event {
            IrcEvent::SendStarted { delivery: ticket, .. } => {
                lane.mark_sent(ticket);
                Ok(())
            }
            IrcEvent::PartiallyDelivered { delivery: ticket, delivered_bytes: end, .. } => {
                lane.ack_partial(ticket, end, RESENT_PREFIX.len(), turn.store)
            }
            IrcEvent::Delivered { delivery: ticket, message_ref: mark, .. } => {
                self.ack_direct(ticket, place, mark.msgid.as_deref(), turn)
            }
            IrcEvent::Rejected { delivery: ticket, reason: why, .. } => {
                self.reject_direct(ticket, place, &why, turn)
            }
            IrcEvent::Deferred { delivery: ticket, .. } => lane.defer(ticket, turn.store).map(drop),
            IrcEvent::Retry(_) => {
                lane.resume();
                self.schedule_direct(turn)
            }
            _ => Ok(()),
        }
    }

    /// The remote side has acknowledged the delivery.
    pub(in crate::bridge) fn ack_direct(
        &mut self,
        ticket: DeliveryId,
        place: EndpointId,
        native: Option<&str>,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if let Some(reader) = self.direct.recipients.get_mut(&place) {
            reader.ack_timeouts = 0;
            let peer = reader.user.network().map_or(Peer::LetsChat, |it| Peer::Irc(it.clone()));
            for delivery in reader.queue.ack(ticket, native, turn.now, turn.store)? {
                turn.store.unsaid(delivery.id)?;
                self.queue_quota.remove(&delivery.message);
                self.stats.traffic_mut(peer.clone()).delivered += 1;
            }
        }
        self.schedule_direct(turn)
    }

    /// The remote side has rejected the delivery.
    pub(in crate::bridge) fn reject_direct(
        &mut self,
        ticket: DeliveryId,
        place: EndpointId,
        why: &str,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(reader) = self.direct.recipients.get_mut(&place) else { return Ok(()) };
        reader.ack_timeouts = 0;
        for delivery in reader.queue.reject(ticket, why, turn.now, turn.store)? {
            self.record_dm_failure(&delivery, why, turn)?;
        }
        self.schedule_direct(turn)
    }

    /// The remote side has not answered in time.
    pub(in crate::bridge) fn on_direct_ack_timeout(
        &mut self,
        place: EndpointId,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if let Some(reader) = self.direct.recipients.get_mut(&place) {
            reader.ack_timeouts += 1;
            reader.queue.mark_in_doubt(turn.store)?;
        }
        self.schedule_direct(turn)
    }
}
