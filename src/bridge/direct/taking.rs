//! Accepts direct messages into the ledger and the outbox, or rejects them.

use super::inbound::{DmSender, DmText};
use super::lookup::UserMatch;
use super::{DmRecipient, MOST_LANES, replies};
use crate::bridge::deliver::queue::DeliveryQueue;
use crate::bridge::loop_guard::LoopVerdict;
use crate::bridge::{Bridge, Ctx, Peer};
use crate::domain::{Delivery, DeliveryState, EndpointId, Message, MessagePart, Sender, UserRef};
use crate::store::StoreError;

/// Maximum number of lines, since many clients show each line as a message.
const MAX_LINES: usize = 20;
const MAX_BYTES: usize = 8_000;

impl Bridge {
    /// Accepts `text` for this recipient. Returns whether it did; the sender is notified if not.
    pub(super) fn ingest_dm(
        &mut self,
        writer: &DmSender,
        reader: &UserMatch,
        text: DmText<'_>,
        turn: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        let message = Message {
            source: writer.endpoint,
            author: writer.author.clone(),
            kind: text.kind,
            body: text.body.to_owned(),
            sent_at: turn.now,
        };
        let to = self.user_endpoint_id(&reader.user, &reader.name, turn)?;
        if let Some(why) = self.dm_rejection_reason(writer, reader, &message, to, turn) {
            self.set_unreachable_correspondent(writer.endpoint, &reader.name, turn);
            self.reply_to_sender(writer, &format!("not sent to {}: {why}", reader.name), turn);
            return Ok(false);
        }
        let Some(id) = turn.store.record(&message, text.remote_id)? else { return Ok(false) };
        let ticket = turn.store.enqueue(id, to)?;
        self.stats.traffic_mut(peer_of(&writer.user)).received += 1;
        self.queue_quota.add(&message);
        self.direct.threads.record_message(writer.endpoint, to, turn.now);
        let (part, state, voice) = (MessagePart::Whole, DeliveryState::Queued, Sender::Bot);
        let (begun, speech) = (None, None);
        let party = reader.user.clone();
        let reader = self.direct.recipients.entry(to);
        let reader = reader.or_insert_with(|| DmRecipient::new(party, DeliveryQueue::new(to)));
        reader.queue.push(Delivery {
            id: ticket,
            to,
            message,
            part,
            state,
            started_at: begun,
            rendered: speech,
            sender: voice,
        });
        self.schedule_direct(turn)?;
        Ok(true)
    }

    /// Why `message` is rejected, if it is.
    fn dm_rejection_reason(
        &mut self,
        writer: &DmSender,
        reader: &UserMatch,
        message: &Message,
        to: EndpointId,
        turn: &Ctx<'_>,
    ) -> Option<String> {
        if message.body.lines().count() > MAX_LINES || message.body.len() > MAX_BYTES {
            return Some(format!("too long: at most {MAX_LINES} lines and {MAX_BYTES} bytes"));
        }
        if reader.user.network().is_none() && self.direct.letschat_enabled != Some(true) {
            return Some(replies::DMS_DISABLED.to_owned());
        }
        let crowded =
            self.direct.recipients.len() >= MOST_LANES && !self.direct.recipients.contains_key(&to);
        if crowded || !self.queue_quota.has_room() {
            return Some("the queue is full; try again later".to_owned());
        }
        let meetings = self.shared_links(&writer.user, &reader.user);
        let ignored = |(here, there): &(EndpointId, EndpointId)| {
            let said_there = Message { source: *here, ..message.clone() };
            let place = self.endpoints.get(here).map(|spot| &spot.endpoint);
            place.is_some_and(|place| self.routes.is_ignored(&said_there, place, *there))
        };
        if meetings.is_empty() {
            return Some(replies::NOT_THERE.to_owned());
        }
        if meetings.iter().any(ignored) {
            self.stats.traffic_mut(peer_of(&writer.user)).ignored += 1;
            return Some("ignored by a rule of the bridge".to_owned());
        }
        let conversation = writer.endpoint.min(to);
        // Rejected messages are not sent later, because the sender was notified.
        let parted = self.policy.loop_protection
            && matches!(
                self.loop_guard.check(conversation, message, turn.now),
                LoopVerdict::Suppress | LoopVerdict::Mute { .. }
            );
        if parted {
            self.stats.traffic_mut(peer_of(&writer.user)).suppressed += 1;
        }
        parted.then(|| "bot loop detected; paused for a while".to_owned())
    }
}

fn peer_of(party: &UserRef) -> Peer {
    party.network().map_or(Peer::LetsChat, |network| Peer::Irc(network.clone()))
}
