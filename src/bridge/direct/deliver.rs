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
//! Whether it arrived cannot be determined: Let's Chat's list of private messages is broken
//! (docs/letschat-protocol.md, section 8), and IRC servers keep no history of
//! direct messages that we could read.

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
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if self.stopping || self.direct.recipients.is_empty() {
            return Ok(());
        }
        let mut endpoints: Vec<EndpointId> = self.direct.recipients.keys().copied().collect();
        endpoints.sort_unstable();
        self.advance_readers(&endpoints, ctx)
    }

    /// Starts or rejects deliveries to these recipients.
    pub(super) fn advance_readers(
        &mut self,
        endpoints: &[EndpointId],
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if self.stopping
            || !endpoints.iter().any(|endpoint| self.direct.recipients.contains_key(endpoint))
        {
            return Ok(());
        }
        let mut busy: HashMap<Option<Network>, usize> = HashMap::new();
        for recipient in self.direct.recipients.values() {
            if recipient.queue.in_flight().is_some() {
                *busy.entry(recipient.user.network().cloned()).or_default() += 1;
            }
        }
        for endpoint in endpoints {
            while self.step_recipient(*endpoint, &mut busy, ctx)? {}
        }
        Ok(())
    }

    /// Makes one step for this recipient. Returns whether another may follow. `busy` counts the deliveries in
    /// flight on each side.
    fn step_recipient(
        &mut self,
        endpoint: EndpointId,
        busy: &mut HashMap<Option<Network>, usize>,
        ctx: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        let Some(recipient) = self.direct.recipients.get_mut(&endpoint) else { return Ok(false) };
        recipient.queue.open();
        // This also loads more from the store.
        let ready = recipient.queue.check_ready(ctx.store)?;
        let Some(first) = recipient.queue.head() else {
            self.direct.recipients.remove(&endpoint);
            return Ok(false);
        };
        let in_doubt = first.state == DeliveryState::InDoubt;
        if !ready && !in_doubt {
            return Ok(false);
        }
        if let Some(reason) = recipient.gone_reason.clone() {
            let why = if in_doubt { replies::CONNECTION_LOST_UNKNOWN_NICK } else { &reason };
            return self.drop_direct_head(endpoint, why, ctx);
        }
        let party = recipient.user.clone();
        let under_way = busy.entry(party.network().cloned()).or_default();
        let is_busy = *under_way >= MAX_IN_FLIGHT;
        match self.reachability(&party, ctx) {
            Reachability::Unknown => Ok(false),
            Reachability::Gone(why) => self.drop_direct_head(endpoint, why, ctx),
            Reachability::IrcUser(..) | Reachability::LetsChatUser(_) if in_doubt => {
                self.resolve_unconfirmed_direct(endpoint, ctx)
            }
            _ if is_busy => Ok(false),
            Reachability::IrcUser(network, irc_user) => {
                *under_way += 1;
                self.start_direct(endpoint, &party, ctx, |(delivery, kind, prefix, body)| {
                    let recipient = Arc::clone(&irc_user);
                    let command = irc::IrcCommand::SendDirect {
                        delivery,
                        endpoint,
                        recipient,
                        kind,
                        prefix,
                        body,
                    };
                    Command::Irc(network.clone(), command)
                })
            }
            Reachability::LetsChatUser(user) => {
                *under_way += 1;
                self.start_direct(endpoint, &party, ctx, |(delivery, _, prefix, body)| {
                    let text = format!("{prefix}{body}");
                    let user = user.clone();
                    Command::LetsChat(letschat::LetsChatCommand::SendDirect {
                        delivery,
                        endpoint,
                        user,
                        text,
                    })
                })
            }
        }
    }

    /// Whether this user can receive a direct message now.
    fn reachability(&self, user: &UserRef, ctx: &Ctx<'_>) -> Reachability {
        let peer = user.network().map_or(Peer::LetsChat, |it| Peer::Irc(it.clone()));
        let Some(since) = self.direct.connected_since.get(&peer) else {
            return Reachability::Unknown;
        };
        let there = match user {
            UserRef::LetsChat(account) => match self.direct.letschat_enabled {
                Some(true) => self
                    .is_user_present(account)
                    .then(|| Reachability::LetsChatUser(account.0.to_string())),
                Some(false) => return Reachability::Gone(replies::DMS_DISABLED),
                None => return Reachability::Unknown,
            },
            UserRef::Account(network, _) | UserRef::Nick(network, _) => self
                .find_irc_user(user)
                .map(|it| Reachability::IrcUser(network.clone(), Arc::clone(it))),
        };
        let settled = replies::has_elapsed(*since, PRESENCE_GRACE, ctx.now);
        there.unwrap_or(if settled {
            Reachability::Gone(replies::NOT_THERE)
        } else {
            Reachability::Unknown
        })
    }

    /// `Queued → InFlight`.
    fn start_direct(
        &mut self,
        endpoint: EndpointId,
        user: &UserRef,
        ctx: &mut Ctx<'_>,
        order: impl FnOnce((DeliveryId, MessageKind, String, String)) -> Command,
    ) -> Result<bool, StoreError> {
        let first =
            self.direct.recipients.get(&endpoint).and_then(|recipient| recipient.queue.head());
        let Some(message) = first.map(|first| first.message.clone()) else { return Ok(false) };
        let sender = ctx.store.user_of_endpoint(message.source)?;
        let Some(rendered) = self.render_direct(&message, sender.as_ref(), user, ctx) else {
            return self.drop_direct_head(
                endpoint,
                "their channel or room is no longer linked",
                ctx,
            );
        };
        let Some(recipient) = self.direct.recipients.get_mut(&endpoint) else { return Ok(false) };
        let started = recipient.queue.start((Sender::Bot, rendered), 0, ctx.now, ctx.store)?;
        let Some(started) = started else { return Ok(false) };
        let RenderedMessage { kind, prefix, body } = started.rendered;
        let body = if started.is_resend { format!("{RESENT_PREFIX}{body}") } else { body };
        ctx.commands.push(order((started.id, kind, prefix, body)));
        Ok(false)
    }

    /// Renders a direct message as between the endpoints where sender and recipient see each other; or, if
    /// the sender has left, would have.
    fn render_direct(
        &self,
        message: &Message,
        sender: Option<&UserRef>,
        recipient: &UserRef,
        ctx: &Ctx<'_>,
    ) -> Option<RenderedMessage> {
        let met = sender.and_then(|sender| self.shared_links(sender, recipient).into_iter().min());
        let across = |endpoint: &EndpointId| {
            let network = self.endpoints.get(endpoint).and_then(|state| state.endpoint.network());
            network == sender.and_then(UserRef::network)
        };
        let would = || {
            let there = self.endpoints_of(recipient).into_iter().min()?;
            let here = self.endpoints.get(&there)?.mirrors.iter().copied().find(across)?;
            Some((here, there))
        };
        let (here, there) = met.or_else(would)?;
        let endpoint = &self.endpoints.get(&here)?.endpoint;
        let several = self.direct.networks.len() > 1;
        let whence = endpoint.network().filter(|_| several).map(Network::as_str);
        let format = self.routes.format(here, there);
        Some(translate::render_dm(message, endpoint, format, whence, ctx.now))
    }

    /// `InDoubt → Queued
    /// Rejected`: whether it arrived cannot be determined.
    fn resolve_unconfirmed_direct(
        &mut self,
        endpoint: EndpointId,
        ctx: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        let Some(recipient) = self.direct.recipients.get_mut(&endpoint) else { return Ok(false) };
        let Some(delivery) = recipient.queue.in_doubt() else { return Ok(false) };
        let sender = ctx.store.user_of_endpoint(delivery.message.source)?;
        let network = recipient.user.network().or(sender.as_ref().and_then(UserRef::network));
        if network.is_some_and(|network| self.drop_unconfirmed.contains(network)) {
            return self.drop_direct_head(endpoint, replies::CONNECTION_LOST_DROPPED, ctx);
        }
        if recipient.ack_timeouts >= MAX_ACK_TIMEOUTS {
            return self.drop_direct_head(endpoint, "Let's Chat did not confirm it", ctx);
        }
        recipient.queue.retry_marked(ctx.store)?;
        let peer = recipient.user.network().map_or(Peer::LetsChat, |it| Peer::Irc(it.clone()));
        self.stats.traffic_mut(peer).resent += 1;
        Ok(true)
    }

    /// Rejects the first delivery to this recipient, which can never be delivered.
    pub(super) fn drop_direct_head(
        &mut self,
        endpoint: EndpointId,
        reason: &str,
        ctx: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        let Some(recipient) = self.direct.recipients.get_mut(&endpoint) else { return Ok(false) };
        let Some(delivery) = recipient.queue.drop_head(reason, ctx.now, ctx.store)? else {
            return Ok(false);
        };
        recipient.ack_timeouts = 0;
        self.record_dm_failure(&delivery, reason, ctx)?;
        Ok(true)
    }

    /// Handles an IRC event about a direct message. Returns the event if it is about something else.
    pub(in crate::bridge) fn filter_irc_event(
        &mut self,
        network: &Network,
        event: IrcEvent,
        ctx: &mut Ctx<'_>,
    ) -> Result<Option<IrcEvent>, StoreError> {
        if self.direct.networks.is_empty() {
            return Ok(Some(event));
        }
        match event {
            IrcEvent::Registered { .. } => {
                self.direct.connected_since.insert(Peer::Irc(network.clone()), ctx.now);
                return Ok(Some(event));
            }
            IrcEvent::DirectMessage(ref message) => self.on_irc_dm(network, message, ctx)?,
            IrcEvent::SendStarted { endpoint, .. }
            | IrcEvent::PartiallyDelivered { endpoint, .. }
            | IrcEvent::Delivered { endpoint, .. }
            | IrcEvent::Rejected { endpoint, .. }
            | IrcEvent::Deferred { endpoint, .. }
            | IrcEvent::Retry(endpoint)
                if self.direct.recipients.contains_key(&endpoint) =>
            {
                self.on_direct_irc_event(endpoint, event, ctx)?;
            }
            event => return Ok(Some(event)),
        }
        Ok(None)
    }

    /// Handles the server's answer to a direct message.
    fn on_direct_irc_event(
        &mut self,
        endpoint: EndpointId,
        event: IrcEvent,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(DmRecipient { queue, .. }) = self.direct.recipients.get_mut(&endpoint) else {
            return Ok(());
        };
        match event {
            IrcEvent::SendStarted { delivery, .. } => {
                queue.mark_sent(delivery);
                Ok(())
            }
            IrcEvent::PartiallyDelivered { delivery, delivered_bytes: end, .. } => {
                queue.ack_partial(delivery, end, RESENT_PREFIX.len(), ctx.store)
            }
            IrcEvent::Delivered { delivery, message_ref, .. } => {
                self.ack_direct(delivery, endpoint, message_ref.msgid.as_deref(), ctx)
            }
            IrcEvent::Rejected { delivery, reason, .. } => {
                self.reject_direct(delivery, endpoint, &reason, ctx)
            }
            IrcEvent::Deferred { delivery, .. } => queue.defer(delivery, ctx.store).map(drop),
            IrcEvent::Retry(_) => {
                queue.resume();
                self.schedule_direct(ctx)
            }
            _ => Ok(()),
        }
    }

    /// The remote side has acknowledged the delivery.
    pub(in crate::bridge) fn ack_direct(
        &mut self,
        id: DeliveryId,
        endpoint: EndpointId,
        remote_id: Option<&str>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if let Some(recipient) = self.direct.recipients.get_mut(&endpoint) {
            recipient.ack_timeouts = 0;
            let peer = recipient.user.network().map_or(Peer::LetsChat, |it| Peer::Irc(it.clone()));
            for delivery in recipient.queue.ack(id, remote_id, ctx.now, ctx.store)? {
                ctx.store.erase_text(delivery.id)?;
                self.queue_quota.remove(&delivery.message);
                self.stats.traffic_mut(peer.clone()).delivered += 1;
            }
        }
        self.schedule_direct(ctx)
    }

    /// The remote side has rejected the delivery.
    pub(in crate::bridge) fn reject_direct(
        &mut self,
        id: DeliveryId,
        endpoint: EndpointId,
        reason: &str,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(recipient) = self.direct.recipients.get_mut(&endpoint) else { return Ok(()) };
        recipient.ack_timeouts = 0;
        for delivery in recipient.queue.reject(id, reason, ctx.now, ctx.store)? {
            self.record_dm_failure(&delivery, reason, ctx)?;
        }
        self.schedule_direct(ctx)
    }

    /// The remote side has not answered in time.
    pub(in crate::bridge) fn on_direct_ack_timeout(
        &mut self,
        endpoint: EndpointId,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if let Some(recipient) = self.direct.recipients.get_mut(&endpoint) {
            recipient.ack_timeouts += 1;
            recipient.queue.mark_in_doubt(ctx.store)?;
        }
        self.schedule_direct(ctx)
    }
}
