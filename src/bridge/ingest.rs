//! Records messages in the ledger and queues them for all other endpoints of the group.

use std::sync::Arc;

use super::paste_detector::PasteDetector;
use super::{Bridge, Ctx, EndpointState};
use crate::domain::{Author, Delivery, Endpoint, EndpointId, Message, MessageKind, MessagePart};
use crate::store::{MessageId, StoreError};
use crate::translate::{fallback_name, is_blank, is_passthrough, needs_split};

impl Bridge {
    /// Records and mirrors `message`, with this remote id, unless it is a duplicate. Returns whether it was
    /// new.
    pub(super) fn ingest(
        &mut self,
        message: &Message,
        remote_id: Option<&str>,
        ctx: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        self.ingest_with_fingerprint(message, remote_id, None, ctx)
    }

    /// Like [`Self::ingest`], with a fingerprint that recognises the message without its id.
    pub(super) fn ingest_with_fingerprint(
        &mut self,
        message: &Message,
        remote_id: Option<&str>,
        fingerprint: Option<i64>,
        ctx: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        let named;
        let message = if message.author.is_bridge() {
            // No user may appear as the bridge for lack of a name.
            let author = Author { name: fallback_name(&message.author), ..message.author.clone() };
            named = Message { author, ..message.clone() };
            &named
        } else {
            message
        };
        let Some(state) = self.endpoints.get(&message.source) else { return Ok(false) };
        let mirrors = Arc::clone(&state.mirrors);
        let Some(id) = ctx.store.record_with_fingerprint(message, remote_id, fingerprint)? else {
            return Ok(false);
        };
        tracing::debug!(endpoint = %state.endpoint, author = message.author.name, remote_id = remote_id, "message received");
        self.fan_out_guarded(id, message, &mirrors, ctx)?;
        Ok(true)
    }

    /// Queues `message` for each of these endpoints, unless a rule ignores it.
    pub(super) fn fan_out(
        &mut self,
        id: MessageId,
        message: &Message,
        to: &[EndpointId],
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(endpoint) = self
            .endpoints
            .get(&message.source)
            .map(|endpoint_state| endpoint_state.endpoint.clone())
        else {
            return Ok(());
        };
        if is_blank(&message.body) {
            tracing::debug!(%endpoint, author = message.author.name, "message has no visible text");
            self.count_traffic(message.source, |traffic| traffic.blank += 1);
            return Ok(());
        }
        for to in to.iter().copied() {
            if self.routes.is_ignored(message, &endpoint, to) {
                tracing::debug!(%endpoint, author = message.author.name, "message ignored by a rule");
                self.count_traffic(message.source, |traffic| traffic.ignored += 1);
                continue;
            }
            for part in self.parts_for(message, &endpoint, to) {
                let delivery_id = ctx.store.enqueue_part(id, *part, to)?;
                self.queue_quota.add(message);
                let part = *part;
                let delivery = Delivery::queued(delivery_id, to, message.clone(), part);
                if let Some(mirror) = self.endpoints.get_mut(&to) {
                    if mirror.endpoint.network().is_none() {
                        // A part that stands alone ends a run.
                        let part_of = part == MessagePart::Whole
                            && delivery.message.kind == MessageKind::Text;
                        let run = mirror.run.take().filter(|_| part_of);
                        let crowded = mirror.queue.followers().next().is_some();
                        let with = PasteDetector::with(
                            run,
                            &delivery.message,
                            (delivery_id, crowded),
                            ctx.now,
                        );
                        mirror.run = part_of.then_some(with);
                    }
                    mirror.queue.push(delivery);
                }
            }
            self.schedule(to, ctx)?;
        }
        Ok(())
    }

    /// The parts in which `message` from `endpoint` is delivered to `to`.
    fn parts_for(
        &self,
        message: &Message,
        endpoint: &Endpoint,
        to: EndpointId,
    ) -> &'static [MessagePart] {
        let is_room = |state: &EndpointState| matches!(state.endpoint, Endpoint::Room(_));
        let format = self.routes.format(message.source, to);
        if is_passthrough(message, endpoint, format) {
            return &[MessagePart::Name, MessagePart::Text];
        }
        if self.endpoints.get(&to).is_some_and(is_room) && needs_split(message, endpoint, format) {
            return &[MessagePart::Name, MessagePart::Text];
        }
        &[MessagePart::Whole]
    }
}
