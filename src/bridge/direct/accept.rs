//! Accepts direct messages into the ledger and the outbox, or rejects them.

use super::inbound::{DmSender, DmText};
use super::lookup::UserMatch;
use super::{DmRecipient, MOST_LANES, replies};
use crate::bridge::deliver::queue::DeliveryQueue;
use crate::bridge::loop_guard::LoopVerdict;
use crate::bridge::{Bridge, Ctx, Peer};
use crate::domain::{Delivery, EndpointId, Message, MessagePart, UserRef};
use crate::store::StoreError;

/// Maximum number of lines, since many clients show each line as a message.
const MAX_LINES: usize = 20;
const MAX_BYTES: usize = 8_000;

impl Bridge {
    /// Accepts `text` for this recipient. Returns whether it did; the sender is notified if not.
    pub(super) fn ingest_dm(
        &mut self,
        writer: &DmSender,
        recipient: &UserMatch,
        text: DmText<'_>,
        ctx: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        let message = Message {
            source: writer.endpoint,
            author: writer.author.clone(),
            kind: text.kind,
            body: text.body.to_owned(),
            sent_at: ctx.now,
        };
        let to = self.user_endpoint_id(&recipient.user, &recipient.name, ctx)?;
        if let Some(reason) = self.dm_rejection_reason(writer, recipient, &message, to, ctx) {
            self.set_unreachable_correspondent(writer.endpoint, &recipient.name, ctx);
            self.reply_to_sender(writer, &format!("not sent to {}: {reason}", recipient.name), ctx);
            return Ok(false);
        }
        let Some(id) = ctx.store.record(&message, text.remote_id)? else { return Ok(false) };
        let delivery = ctx.store.enqueue(id, to)?;
        self.stats.traffic_mut(peer_of(&writer.user)).received += 1;
        self.queue_quota.add(&message);
        self.direct.threads.record_message(writer.endpoint, to, ctx.now);
        let user = recipient.user.clone();
        let recipient = self.direct.recipients.entry(to);
        let recipient = recipient.or_insert_with(|| DmRecipient::new(user, DeliveryQueue::new(to)));
        recipient.queue.push(Delivery::queued(delivery, to, message, MessagePart::Whole));
        self.schedule_direct(ctx)?;
        Ok(true)
    }

    /// Why `message` is rejected, if it is.
    fn dm_rejection_reason(
        &mut self,
        sender: &DmSender,
        recipient: &UserMatch,
        message: &Message,
        to: EndpointId,
        ctx: &Ctx<'_>,
    ) -> Option<String> {
        if message.body.lines().count() > MAX_LINES || message.body.len() > MAX_BYTES {
            return Some(format!("too long: at most {MAX_LINES} lines and {MAX_BYTES} bytes"));
        }
        if recipient.user.network().is_none() && self.direct.letschat_enabled != Some(true) {
            return Some(replies::DMS_DISABLED.to_owned());
        }
        let crowded =
            self.direct.recipients.len() >= MOST_LANES && !self.direct.recipients.contains_key(&to);
        if crowded || !self.queue_quota.has_room() {
            return Some("the queue is full; try again later".to_owned());
        }
        let meetings = self.shared_links(&sender.user, &recipient.user);
        let ignored = |(here, there): &(EndpointId, EndpointId)| {
            let said_there = Message { source: *here, ..message.clone() };
            let endpoint = self.endpoints.get(here).map(|state| &state.endpoint);
            endpoint.is_some_and(|endpoint| self.routes.is_ignored(&said_there, endpoint, *there))
        };
        if meetings.is_empty() {
            return Some(replies::NOT_THERE.to_owned());
        }
        if meetings.iter().any(ignored) {
            self.stats.traffic_mut(peer_of(&sender.user)).ignored += 1;
            return Some("ignored by a rule of the bridge".to_owned());
        }
        let conversation = sender.endpoint.min(to);
        // Rejected messages are not sent later, because the sender was notified.
        let parted = self.policy.loop_protection
            && matches!(
                self.loop_guard.check(conversation, message, ctx.now),
                LoopVerdict::Suppress | LoopVerdict::Mute { .. }
            );
        if parted {
            self.stats.traffic_mut(peer_of(&sender.user)).suppressed += 1;
        }
        parted.then(|| "bot loop detected; paused for a while".to_owned())
    }
}

fn peer_of(user: &UserRef) -> Peer {
    user.network().map_or(Peer::LetsChat, |network| Peer::Irc(network.clone()))
}
