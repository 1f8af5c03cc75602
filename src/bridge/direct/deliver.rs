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

use super::lookup::{endpoints_of, is_user_present, shared_links};
use super::{DirectMessages, replies};
use crate::bridge::context::Ctx;
use crate::bridge::deliver;
use crate::bridge::deliver::direct::{DirectRecipient, start_direct};
use crate::bridge::event::Peer;
use crate::domain::{DeliveryState, EndpointId, Message, Network, RenderedMessage, UserRef};
use crate::store::StoreError;
use crate::translate;

/// How long after a reconnect a recipient may take to reappear.
const PRESENCE_GRACE: SignedDuration = SignedDuration::from_secs(60);

/// Maximum number of deliveries in flight per side.
pub(super) const MAX_IN_FLIGHT: usize = 16;

/// How many consecutive deliveries Let's Chat may leave unanswered.
const MAX_ACK_TIMEOUTS: u32 = 2;

/// Whether a user can receive direct messages.
enum Reachability {
    /// They are present, here.
    Present(DirectRecipient),
    /// Not known yet.
    Unknown,
    /// They are not present, for this reason.
    Gone(&'static str),
}

/// The number of deliveries in flight to the users of each network, and of Let's Chat.
type InFlight = HashMap<Option<Network>, usize>;

impl DirectMessages {
    /// Starts deliveries that can start, and rejects those that cannot be delivered any more.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(in crate::bridge) fn schedule(&mut self, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        let recipients: Vec<EndpointId> = ctx.endpoints.users().map(|(id, _)| id).collect();
        self.schedule_to(&recipients, ctx)
    }

    /// Starts or rejects deliveries to these recipients.
    pub(super) fn schedule_to(
        &mut self,
        recipients: &[EndpointId],
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if ctx.stopping || !recipients.iter().any(|id| ctx.endpoints.user(*id).is_some()) {
            return Ok(());
        }
        let mut in_flight = InFlight::new();
        for (_, user) in ctx.endpoints.users() {
            if user.queue.in_flight().is_some() {
                *in_flight.entry(user.user.network().cloned()).or_default() += 1;
            }
        }
        for recipient in recipients {
            while self.advance(*recipient, &mut in_flight, ctx)? {}
        }
        Ok(())
    }

    /// Makes one step for this recipient. Returns whether another may follow.
    fn advance(
        &mut self,
        endpoint: EndpointId,
        in_flight: &mut InFlight,
        ctx: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        let Some(recipient) = ctx.endpoints.user_mut(endpoint) else { return Ok(false) };
        // This also loads more from the store.
        let is_ready = recipient.queue.check_ready(ctx.store)?;
        let Some(first) = recipient.queue.head() else {
            ctx.endpoints.remove_user(endpoint);
            return Ok(false);
        };
        let is_in_doubt = first.state == DeliveryState::InDoubt;
        if !is_ready && !is_in_doubt {
            return Ok(false);
        }
        if let Some(reason) = recipient.gone_reason.clone() {
            let reason = if is_in_doubt { replies::CONNECTION_LOST_UNKNOWN_NICK } else { &reason };
            return drop_head(endpoint, reason, ctx);
        }
        if ctx.restored.is_doubtful(first.message.sent_at) {
            return drop_head(endpoint, replies::RESTORED, ctx);
        }
        let user = recipient.user.clone();
        let to_this_side = in_flight.entry(user.network().cloned()).or_default();
        match self.reachability(&user, ctx) {
            Reachability::Unknown => Ok(false),
            Reachability::Gone(reason) => drop_head(endpoint, reason, ctx),
            Reachability::Present(_) if is_in_doubt => resolve_unconfirmed_direct(endpoint, ctx),
            Reachability::Present(_) if *to_this_side >= MAX_IN_FLIGHT => Ok(false),
            Reachability::Present(recipient) => {
                *to_this_side += 1;
                self.start(endpoint, &user, recipient, ctx)
            }
        }
    }

    /// Whether this user can receive a direct message now.
    fn reachability(&self, user: &UserRef, ctx: &Ctx<'_>) -> Reachability {
        let Some(since) = self.connected_since.get(&Peer::of(user.network())) else {
            return Reachability::Unknown;
        };
        let recipient = match user {
            UserRef::LetsChat(account) => match self.letschat_enabled {
                Some(true) => is_user_present(account, ctx.endpoints)
                    .then(|| DirectRecipient::LetsChat(account.clone())),
                Some(false) => return Reachability::Gone(replies::DMS_DISABLED),
                None => return Reachability::Unknown,
            },
            UserRef::Account(network, _) | UserRef::Nick(network, _) => self
                .find_irc_user(user, ctx.endpoints)
                .map(|it| DirectRecipient::Irc(network.clone(), Arc::clone(it))),
        };
        match recipient {
            Some(recipient) => Reachability::Present(recipient),
            None if replies::has_elapsed(*since, PRESENCE_GRACE, ctx.now) => {
                Reachability::Gone(replies::NOT_THERE)
            }
            None => Reachability::Unknown,
        }
    }

    /// `Queued → InFlight`. Returns whether another step may follow.
    fn start(
        &mut self,
        endpoint: EndpointId,
        user: &UserRef,
        recipient: DirectRecipient,
        ctx: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        let first = ctx.endpoints.user(endpoint).and_then(|user| user.queue.head());
        let Some(message) = first.map(|first| first.message.clone()) else { return Ok(false) };
        let sender = ctx.store.user_of_endpoint(message.source)?;
        let Some(rendered) = self.render(&message, sender.as_ref(), user, ctx) else {
            return drop_head(endpoint, "their channel or room is no longer linked", ctx);
        };
        start_direct(endpoint, rendered, recipient, ctx)?;
        Ok(false)
    }

    /// Renders a direct message as between the endpoints where sender and recipient see each other; or, if
    /// the sender has left, would have.
    fn render(
        &self,
        message: &Message,
        sender: Option<&UserRef>,
        recipient: &UserRef,
        ctx: &Ctx<'_>,
    ) -> Option<RenderedMessage> {
        let shared = sender
            .and_then(|sender| shared_links(sender, recipient, ctx.endpoints).into_iter().min());
        let (here, there) = shared.or_else(|| link_to(sender, recipient, ctx))?;
        let endpoint = ctx.endpoints.endpoint(here)?;
        let has_several = self.networks.len() > 1;
        let network = endpoint.network().filter(|_| has_several).map(Network::as_str);
        let format = ctx.routes.format(here, there);
        Some(translate::render_dm(message, endpoint, format, network, ctx.now))
    }
}

/// A link between the sender's side and where the recipient is.
fn link_to(
    sender: Option<&UserRef>,
    recipient: &UserRef,
    ctx: &Ctx<'_>,
) -> Option<(EndpointId, EndpointId)> {
    let network = sender.and_then(UserRef::network);
    let there = endpoints_of(recipient, ctx.endpoints).into_iter().min()?;
    let mut mirrors = ctx.endpoints.mirrors(there).into_iter();
    let here = mirrors.find(|id| ctx.endpoints.get(*id).and_then(|it| it.network()) == network)?;
    Some((here, there))
}

/// `InDoubt → Queued` or `Rejected`: whether it arrived cannot be determined. Returns whether another step may
/// follow.
fn resolve_unconfirmed_direct(endpoint: EndpointId, ctx: &mut Ctx<'_>) -> Result<bool, StoreError> {
    let Some(recipient) = ctx.endpoints.user_mut(endpoint) else { return Ok(false) };
    let Some(delivery) = recipient.queue.in_doubt() else { return Ok(false) };
    let sender = ctx.store.user_of_endpoint(delivery.message.source)?;
    let network = recipient.user.network().or(sender.as_ref().and_then(UserRef::network));
    if network.is_some_and(|network| ctx.policy.drop_unconfirmed.contains(network)) {
        return drop_head(endpoint, replies::CONNECTION_LOST_DROPPED, ctx);
    }
    if recipient.ack_timeouts >= MAX_ACK_TIMEOUTS {
        return drop_head(endpoint, "Let's Chat did not confirm it", ctx);
    }
    recipient.queue.retry_marked(ctx.store)?;
    ctx.count_traffic(endpoint, |traffic| traffic.resent += 1);
    Ok(true)
}

/// Rejects the first delivery to this recipient, which can never be delivered. Returns whether another step
/// may follow.
fn drop_head(endpoint: EndpointId, reason: &str, ctx: &mut Ctx<'_>) -> Result<bool, StoreError> {
    let Some(recipient) = ctx.endpoints.user_mut(endpoint) else { return Ok(false) };
    let Some(delivery) = recipient.queue.drop_head(reason, ctx.now, ctx.store)? else {
        return Ok(false);
    };
    recipient.ack_timeouts = 0;
    deliver::settle_rejected(&delivery, reason, ctx)?;
    Ok(true)
}
