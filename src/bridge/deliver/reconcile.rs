//! A post whose ack was lost may be in the room or not: the room is asked.
//!
//! Everything above the cursor that the room had when the post was sent is listed, with an overlap.
//! One delivery is under way per room, so at most one is in doubt, and every earlier post of ours is
//! in the ledger by its id. Hence: a post by our own account, with that very text, that the ledger
//! does not know, is the one in doubt, and it has arrived. Equal texts in a row are told apart by
//! this too: each was settled by an id of its own before the next was sent.
//!
//! Where the list holds no such post, the server may still be about to store it: a database that
//! stood still takes in what it was given before the connection was lost, a moment after it goes on.
//! So the room is asked once more, a moment later. What is not there then has not arrived, and is
//! sent again before anything else is.

use crate::bridge::letschat::catchup::{OVERLAP_SECONDS, RoomState};
use crate::bridge::{Bridge, Ctx};
use crate::domain::overlong::kept;
use crate::domain::{DeliveryId, EndpointId};
use crate::protocol::letschat::PostId;
use crate::store::StoreError;

impl Bridge {
    /// From where on the post in doubt is to be looked for, if there is one.
    pub(in crate::bridge) fn reconcile_since(
        &self,
        place: EndpointId,
        turn: &Ctx<'_>,
    ) -> Result<Option<PostId>, StoreError> {
        let Some(delivery) = self.endpoints.get(&place).and_then(|spot| spot.queue.in_doubt())
        else {
            return Ok(None);
        };
        let sent_after = turn.store.cursor_at_send(delivery.id)?.and_then(|id| id.parse().ok());
        Ok(Some(sent_after.unwrap_or(PostId::MIN).minus_seconds(OVERLAP_SECONDS)))
    }

    /// Whether a post of ours with this text, unknown so far, is the one under way.
    pub(in crate::bridge) fn find_in_flight(
        &self,
        place: EndpointId,
        text: &str,
    ) -> Option<DeliveryId> {
        let delivery = self.endpoints.get(&place)?.queue.in_flight()?;
        // As much of it as is kept of a post.
        (kept(&delivery.rendered.as_ref()?.full_text()) == text).then_some(delivery.id)
    }

    /// Everything is read, and what is in doubt was not found: looks once more, a moment later. Says
    /// whether it does.
    pub(in crate::bridge) fn reconcile_again(
        &mut self,
        place: EndpointId,
        turn: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        let Some(since) = self.reconcile_since(place, turn)? else { return Ok(false) };
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(false) };
        if std::mem::replace(&mut spot.missing_once, true) {
            spot.missing_once = false;
            return Ok(false);
        }
        spot.room_state = RoomState::paging_from(since);
        self.enqueue_page(place, true, turn);
        Ok(true)
    }
}
