//! Reconciles a post whose ack was lost, by reading the room.
//!
//! Everything above the room's cursor at the time of sending is listed, with an overlap. One delivery is in
//! flight per room, so at most one is in doubt, and all earlier posts of ours are in the ledger with their
//! ids. So a post by our own user with exactly that text that is not in the ledger is the one in doubt. This
//! also distinguishes consecutive posts with the same text, since each was acknowledged before the next was
//! sent.
//!
//! If there is no such post, the server may still be about to store it: a stalled database processes earlier
//! requests when it resumes. So the room is read again a moment later. If the post is still missing, it has
//! not arrived, and is resent before anything else.

use crate::bridge::letschat::catchup::{OVERLAP_SECONDS, RoomState};
use crate::bridge::{Bridge, Ctx};
use crate::domain::overlong::kept;
use crate::domain::{DeliveryId, EndpointId};
use crate::protocol::letschat::PostId;
use crate::store::StoreError;

impl Bridge {
    /// From where to look for the post in doubt, if there is one.
    pub(in crate::bridge) fn reconcile_since(
        &self,
        endpoint: EndpointId,
        ctx: &Ctx<'_>,
    ) -> Result<Option<PostId>, StoreError> {
        let Some(delivery) = self.endpoints.get(&endpoint).and_then(|state| state.queue.in_doubt())
        else {
            return Ok(None);
        };
        let sent_after = ctx.store.cursor_at_send(delivery.id)?.and_then(|id| id.parse().ok());
        Ok(Some(sent_after.unwrap_or(PostId::MIN).minus_seconds(OVERLAP_SECONDS)))
    }

    /// The delivery in flight, if its text is that of this unknown post of ours.
    pub(in crate::bridge) fn find_in_flight(
        &self,
        endpoint: EndpointId,
        text: &str,
    ) -> Option<DeliveryId> {
        let delivery = self.endpoints.get(&endpoint)?.queue.in_flight()?;
        // Compare what is kept of a long post.
        (kept(&delivery.rendered.as_ref()?.full_text()) == text).then_some(delivery.id)
    }

    /// Everything was read without finding the post in doubt: reads once more, a moment later. Returns
    /// whether it does.
    pub(in crate::bridge) fn reconcile_again(
        &mut self,
        endpoint: EndpointId,
        ctx: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        let Some(since) = self.reconcile_since(endpoint, ctx)? else { return Ok(false) };
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(false) };
        if std::mem::replace(&mut state.missing_once, true) {
            state.missing_once = false;
            return Ok(false);
        }
        state.room_state = RoomState::paging_from(since);
        self.enqueue_page(endpoint, true, ctx);
        Ok(true)
    }
}
