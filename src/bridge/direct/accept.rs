//! Accepts direct messages into the ledger and the outbox, or rejects them.

use super::inbound::{DmSender, DmText};
use super::lookup::{UserMatch, shared_links};
use super::{DirectMessages, MAX_RECIPIENTS, replies};
use crate::bridge::context::{Ctx, Step};
use crate::bridge::endpoints::queue::DeliveryQueue;
use crate::bridge::endpoints::user::UserEndpoint;
use crate::bridge::event::Peer;
use crate::bridge::loop_guard::LoopVerdict;
use crate::domain::{Delivery, EndpointId, Message, MessagePart};
use crate::store::StoreError;

/// Maximum number of lines, since many clients show each line as a message.
const MAX_LINES: usize = 20;
const MAX_BYTES: usize = 8_000;

impl DirectMessages {
    /// Accepts `text` for this recipient. Returns whether it did; the sender is notified if not.
    pub(super) fn ingest(
        &mut self,
        sender: &DmSender,
        recipient: &UserMatch,
        text: DmText<'_>,
        ctx: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        let message = Message {
            source: sender.endpoint,
            author: sender.author.clone(),
            kind: text.kind,
            body: text.body.to_owned(),
            sent_at: ctx.now,
        };
        let to = self.user_endpoint_id(&recipient.user, &recipient.name, ctx)?;
        if let Some(reason) = self.rejection_reason(sender, recipient, &message, to, ctx) {
            self.set_unreachable_correspondent(sender.endpoint, &recipient.name, ctx);
            self.reply_to_sender(sender, &format!("not sent to {}: {reason}", recipient.name), ctx);
            return Ok(false);
        }
        let Some(id) = ctx.store.record(&message, text.remote_id)? else { return Ok(false) };
        let delivery = ctx.store.enqueue(id, to)?;
        ctx.stats.traffic_mut(Peer::of(sender.user.network())).received += 1;
        ctx.endpoints.quota.add(&message);
        self.threads.record_message(sender.endpoint, to, ctx.now);
        if ctx.endpoints.user(to).is_none() {
            let user = UserEndpoint::new(recipient.user.clone(), DeliveryQueue::new(to));
            ctx.endpoints.insert_user(to, user);
        }
        if let Some(user) = ctx.endpoints.user_mut(to) {
            user.queue.push(Delivery::queued(delivery, to, message, MessagePart::Whole));
        }
        ctx.steps.push_back(Step::ScheduleDirect);
        Ok(true)
    }

    /// Why `message` is rejected, if it is.
    fn rejection_reason(
        &mut self,
        sender: &DmSender,
        recipient: &UserMatch,
        message: &Message,
        to: EndpointId,
        ctx: &mut Ctx<'_>,
    ) -> Option<String> {
        if message.body.lines().count() > MAX_LINES || message.body.len() > MAX_BYTES {
            return Some(format!("too long: at most {MAX_LINES} lines and {MAX_BYTES} bytes"));
        }
        if recipient.user.network().is_none() && self.letschat_enabled != Some(true) {
            return Some(replies::DMS_DISABLED.to_owned());
        }
        let is_crowded =
            ctx.endpoints.user(to).is_none() && ctx.endpoints.user_count() >= MAX_RECIPIENTS;
        if is_crowded || !ctx.endpoints.quota.has_room() {
            return Some("the queue is full; try again later".to_owned());
        }
        let links = shared_links(&sender.user, &recipient.user, ctx.endpoints);
        if links.is_empty() {
            return Some(replies::NOT_THERE.to_owned());
        }
        let peer = Peer::of(sender.user.network());
        if links.iter().any(|link| is_ignored(message, *link, ctx)) {
            ctx.stats.traffic_mut(peer).ignored += 1;
            return Some("ignored by a rule of the bridge".to_owned());
        }
        if self.check_suppressed(sender.endpoint.min(to), message, ctx) {
            ctx.stats.traffic_mut(peer).suppressed += 1;
            return Some("bot loop detected; paused for a while".to_owned());
        }
        None
    }

    /// Returns whether loop protection suppresses `message`. Rejected messages are not sent later, because the
    /// sender was notified.
    fn check_suppressed(
        &mut self,
        conversation: EndpointId,
        message: &Message,
        ctx: &Ctx<'_>,
    ) -> bool {
        ctx.policy.loop_protection
            && matches!(
                self.loop_guard.check(conversation, message, ctx.now),
                LoopVerdict::Suppress | LoopVerdict::Mute { .. }
            )
    }
}

/// Whether a rule would keep `message` from going this way.
fn is_ignored(message: &Message, (here, there): (EndpointId, EndpointId), ctx: &Ctx<'_>) -> bool {
    let message = Message { source: here, ..message.clone() };
    let endpoint = ctx.endpoints.endpoint(here);
    endpoint.is_some_and(|endpoint| ctx.routes.is_ignored(&message, endpoint, there))
}
