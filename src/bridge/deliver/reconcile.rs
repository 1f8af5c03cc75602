//! Decides deliveries in doubt: those whose ack was lost with the connection.
//!
//! A post is looked for in its room. Everything above the room's cursor at the time of sending is listed,
//! with an overlap. One delivery is in flight per room, so at most one is in doubt, and all earlier posts of
//! ours are in the ledger with their ids. So a post by its sender (our own user, or the author's account) with exactly that text that is not in the
//! ledger is the one in doubt. This also distinguishes consecutive posts with the same text, since each was
//! acknowledged before the next was sent.
//!
//! If there is no such post, the server may still be about to store it: a stalled database processes earlier
//! requests when it resumes. So the room is read again a moment later. If the post is still missing, it has
//! not arrived, and is resent before anything else.
//!
//! A line on IRC is looked for in the channel's history. Where there is none, it is resent with a mark, or
//! dropped: as a notice of the bridge is, unless it announces a phase, which nobody may miss.

use jiff::Timestamp;

use crate::bridge::context::Ctx;
use crate::bridge::deliver::settle::reject;
use crate::bridge::endpoints::room::reading::OVERLAP_SECONDS;
use crate::bridge::report::RetryReason;
use crate::domain::overlong::kept;
use crate::domain::{DeliveryId, EndpointId, Message, Sender};
use crate::protocol::letschat::{LetsChatUser, PostId};
use crate::store::StoreError;

/// Why a notice that may not have arrived is not resent.
const NOTICE_DROPPED: &str = "the connection was lost during sending; notices are not resent";

/// Why a message that may not have arrived is not resent.
const UNCONFIRMED_DROPPED: &str = "the connection was lost during sending; not resent";

/// From where to look for the post in doubt, if there is one.
///
/// # Errors
/// When the store cannot be read.
pub(in crate::bridge) fn post_in_doubt_since(
    endpoint: EndpointId,
    ctx: &Ctx<'_>,
) -> Result<Option<PostId>, StoreError> {
    let Some(delivery) = ctx.endpoints.queue(endpoint).and_then(|queue| queue.in_doubt()) else {
        return Ok(None);
    };
    let sent_after = ctx.store.cursor_at_send(delivery.id)?.and_then(|id| id.parse().ok());
    Ok(Some(sent_after.unwrap_or(PostId::MIN).minus_seconds(OVERLAP_SECONDS)))
}

/// The delivery in flight, if this unknown post has its text and its sender. `None` as the author means that the
/// server does not tell.
pub(in crate::bridge) fn find_in_flight(
    endpoint: EndpointId,
    author: Option<&LetsChatUser>,
    text: &str,
    ctx: &Ctx<'_>,
) -> Option<DeliveryId> {
    let delivery = ctx.endpoints.queue(endpoint)?.in_flight()?;
    let is_sender = |author: &LetsChatUser| match &delivery.sender {
        Sender::Account(user) => *user.0 == *author.id,
        Sender::Bot | Sender::Relaymsg(_) | Sender::Puppet(_) => ctx.peers.is_own_account(author),
    };
    if !author.is_none_or(is_sender) {
        return None;
    }
    // Compare what is kept of a long post.
    (kept(&delivery.rendered.as_ref()?.full_text()) == text).then_some(delivery.id)
}

/// Whether the delivery in doubt has arrived in a channel cannot be determined, for this `reason`: resends it
/// with a mark, or drops it.
///
/// # Errors
/// When the store cannot be written.
pub(in crate::bridge) fn resolve_unconfirmed(
    endpoint: EndpointId,
    reason: &str,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let Some(state) = ctx.endpoints.get(endpoint) else { return Ok(()) };
    let Some(delivery) = state.queue().in_doubt() else { return Ok(()) };
    let (id, source) = (delivery.id, delivery.message.source);
    if delivery.message.author.is_bridge() && !is_announcement(endpoint, &delivery.message, ctx) {
        return reject(id, endpoint, NOTICE_DROPPED, ctx);
    }
    if state.network().is_some_and(|network| ctx.policy.drop_unconfirmed.contains(network)) {
        return reject(id, endpoint, UNCONFIRMED_DROPPED, ctx);
    }
    let Some(state) = ctx.endpoints.get_mut(endpoint) else { return Ok(()) };
    state.queue_mut().retry_marked(ctx.store)?;
    if let Some(name) = ctx.endpoints.endpoint(endpoint) {
        tracing::info!(endpoint = %name, delivery = id.0, reason, "message resent with a mark: it may have arrived");
    }
    ctx.links.on_retry(source, endpoint, RetryReason::Unconfirmed);
    ctx.count_traffic(endpoint, |traffic| traffic.resent += 1);
    Ok(())
}

/// Whether this message of the bridge is its last announcement of a phase in this place.
fn is_announcement(endpoint: EndpointId, message: &Message, ctx: &Ctx<'_>) -> bool {
    let announced_at = ctx.phases.place(endpoint).announced_at.map(Timestamp::as_millisecond);
    message.source == endpoint && announced_at == Some(message.sent_at.as_millisecond())
}
