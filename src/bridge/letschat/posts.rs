//! Mirrors a post of a room, live or read after an absence, unless it is known or our own.

use jiff::{SignedDuration, Timestamp};

use crate::bridge::context::Ctx;
use crate::bridge::deliver::{self, reconcile};
use crate::bridge::event::Peer;
use crate::bridge::notices::status;
use crate::bridge::report::NotMirrored;
use crate::bridge::restored::sightings::{SightedSender, Sighting};
use crate::bridge::{commands, ingest};
use crate::domain::{DeliveryId, EndpointId, Message, MessageKind};
use crate::protocol::letschat::{LetsChatUser, Post, PostId};
use crate::store::StoreError;

/// How far the server's clock may be ahead of ours.
const MAX_SERVER_CLOCK_LEAD: SignedDuration = SignedDuration::from_hours(24);

/// Let's Chat did not exist before: 2012.
const MIN_POST_TIME: Timestamp = Timestamp::constant(1_325_376_000, 0);

/// Whether a post must wait until the delivery in flight is settled, or for a post that does.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn must_wait(
    endpoint: EndpointId,
    post: &Post,
    ctx: &Ctx<'_>,
) -> Result<bool, StoreError> {
    let Some(room) = ctx.endpoints.room(endpoint) else { return Ok(false) };
    if room.held.is_waiting() {
        return Ok(true);
    }
    if !room.queue.is_sent_by_account() {
        return Ok(false);
    }
    // A server may not tell the author of a live post.
    let may_be_theirs =
        post.author.as_ref().is_none_or(|author| ctx.senders.accounts.is_shared(&author.id));
    let is_like_it = |author: Option<&LetsChatUser>| {
        reconcile::find_in_flight(endpoint, author, &post.text, ctx).is_some()
    };
    Ok(may_be_theirs
        && is_like_it(post.author.as_ref())
        && !ctx.store.contains(endpoint, &post.id.to_string())?)
}

/// Holds a post until the delivery in flight is settled.
pub(super) fn hold(endpoint: EndpointId, post: Post, ctx: &mut Ctx<'_>) {
    if let Some(room) = ctx.endpoints.room_mut(endpoint) {
        room.held.push(post);
    }
}

/// The delivery in flight, if this unknown post is it; counts it, if it was in doubt.
fn find_in_flight(
    endpoint: EndpointId,
    author: &LetsChatUser,
    text: &str,
    ctx: &mut Ctx<'_>,
) -> Option<DeliveryId> {
    let found = reconcile::find_in_flight(endpoint, Some(author), text, ctx)?;
    ctx.count_traffic(endpoint, |traffic| traffic.reconciled += 1);
    Some(found)
}

/// Processes one post, in the room's order.
pub(super) fn ingest(
    endpoint: EndpointId,
    post: Post,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let remote_id = post.id.to_string();
    let Some(room) = ctx.endpoints.room(endpoint) else { return Ok(()) };
    let is_live = room.catchup_budget.is_none();
    advance_cursor(endpoint, post.id, is_live.then_some(ctx.now), ctx)?;
    let posted_at = ctx.restored.sent_at(endpoint, Some(posted_at(&post, ctx.now)), ctx.now);
    let author = post.author.unwrap_or_else(LetsChatUser::unknown);
    let is_own = ctx.is_own_user(&author);
    let may_be_ours = is_own || ctx.senders.accounts.is_shared(&author.id);
    let is_unknown = may_be_ours && !ctx.store.contains(endpoint, &remote_id)?;
    if is_unknown && let Some(delivery) = find_in_flight(endpoint, &author, &post.text, ctx) {
        return deliver::ack(delivery, endpoint, Some(&remote_id), ctx);
    }
    note_for_restored(endpoint, (&author, is_own), (&remote_id, &post.text, posted_at), ctx)?;
    if !may_be_ours || !is_own && is_unknown {
        note_author(endpoint, &author, ctx)?;
    }
    if is_already_read(endpoint, post.id, posted_at, ctx) {
        return Ok(());
    }
    let message = Message {
        source: endpoint,
        author: author.into(),
        kind: MessageKind::Text,
        body: post.text,
        // With clocks that differ, a live post must not appear late.
        sent_at: if is_live { ctx.now } else { posted_at },
    };
    if is_own && is_unknown {
        return record_unknown_own(&message, &remote_id, ctx);
    }
    if is_live {
        ingest_live(&message, &remote_id, may_be_ours, ctx)
    } else {
        catch_up(&message, &remote_id, may_be_ours, ctx)
    }
}

/// A restored state does not know which posts are copies: they are compared with what is to be delivered.
fn note_for_restored(
    endpoint: EndpointId,
    (author, is_own): (&LetsChatUser, bool),
    (remote_id, text, at): (&str, &str, Timestamp),
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    if !ctx.restored.is_doubtful(at)
        || ctx.restored.is_read(endpoint)
        || ctx.store.contains(endpoint, remote_id)?
    {
        return Ok(());
    }
    let is_bot = is_own && ctx.peers.is_own_account(author);
    let by = if is_bot { SightedSender::Bridge } else { SightedSender::Named(&author.username) };
    let id = Some(remote_id);
    ctx.restored.note(endpoint, &Sighting { by, text, at, id, is_unrecorded: false });
    Ok(())
}

/// Remembers that the author has spoken, if it is somebody else.
fn note_author(
    endpoint: EndpointId,
    author: &LetsChatUser,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    if ctx.peers.letschat_account.is_none() || author.id.is_empty() {
        return Ok(());
    }
    if let Some(room) = ctx.endpoints.room_mut(endpoint) {
        room.members.mark_spoken(author);
    }
    if ctx.status.note_spoken(endpoint, &author.username, ctx.now) {
        status::notify_due(ctx)?;
    }
    Ok(())
}

fn ingest_live(
    message: &Message,
    remote_id: &str,
    is_own: bool,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let is_new = ingest::ingest(message, Some(remote_id), None, ctx)?;
    ctx.count_traffic(message.source, |traffic| match (is_new, is_own) {
        (true, _) => traffic.received += 1,
        (false, false) => traffic.duplicates += 1,
        (false, true) => {}
    });
    if is_new {
        commands::request_answer(message, ctx);
    }
    Ok(())
}

/// Mirrors a post from the time of our absence, as far as the limits allow.
fn catch_up(
    message: &Message,
    remote_id: &str,
    is_own: bool,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let endpoint = message.source;
    if ctx.store.contains(endpoint, remote_id)? {
        ctx.count_traffic(endpoint, |traffic| traffic.duplicates += u64::from(!is_own));
        return Ok(());
    }
    let limits = ctx.policy.room_catchup;
    let room = ctx.endpoints.room_mut(endpoint);
    let budget = room.and_then(|room| room.catchup_budget.as_mut());
    if budget.is_none_or(|budget| budget.admit(message.sent_at, ctx.now, limits)) {
        ctx.count_traffic(endpoint, |traffic| traffic.caught_up += 1);
        return ingest::ingest(message, Some(remote_id), None, ctx).map(drop);
    }
    ctx.count_traffic(endpoint, |traffic| traffic.skipped += 1);
    ctx.count_not_mirrored(endpoint, NotMirrored::Skipped);
    ctx.store.record(message, Some(remote_id)).map(drop)
}

/// A post by our own user that is not in the ledger. The state is a restored backup, or somebody else uses
/// the account. Mirroring it could repeat messages, so it is recorded as ours.
fn record_unknown_own(
    message: &Message,
    remote_id: &str,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    ctx.count_traffic(message.source, |traffic| traffic.unknown_own += 1);
    let unknown_own = ctx.stats.traffic.get(&Peer::LetsChat).map_or(0, |it| it.unknown_own);
    if unknown_own.is_power_of_two() && !ctx.restored.is_doubtful(message.sent_at) {
        tracing::warn!(
            endpoint = ctx.endpoints.display_name(message.source),
            post = remote_id,
            unknown_own,
            "post by the bridge's own account that this bridge did not send; not mirrored. \
             Was a backup restored, or is the token used elsewhere?"
        );
    }
    ctx.store.record(message, Some(remote_id)).map(drop)
}

/// Whether a post is older than our first sight of the room, or was read so long ago that the ledger has
/// pruned it. Everything below the cursor at joining was read.
fn is_already_read(
    endpoint: EndpointId,
    post: PostId,
    posted_at: Timestamp,
    ctx: &Ctx<'_>,
) -> bool {
    let Some(room) = ctx.endpoints.room(endpoint) else { return false };
    let is_before_join = room.cursor_at_join.is_some_and(|cursor| post <= cursor);
    let retention = ctx.policy.retention;
    let is_pruned =
        retention.is_some_and(|retention| ctx.now.duration_since(posted_at) > retention);
    room.first_seen_post.is_some_and(|first| post <= first) || is_before_join && is_pruned
}

/// Those of `bad` that have no id or were not skipped before.
pub(super) fn not_skipped_before(
    endpoint: EndpointId,
    bad: &[Option<PostId>],
    ctx: &Ctx<'_>,
) -> Result<Vec<Option<PostId>>, StoreError> {
    if bad.is_empty() {
        return Ok(Vec::new());
    }
    let cursor = ctx.store.room_cursor(endpoint)?.and_then(|id| id.parse::<PostId>().ok());
    let is_new =
        |post: &&Option<PostId>| post.is_none_or(|id| cursor.is_none_or(|cursor| id > cursor));
    Ok(bad.iter().filter(is_new).copied().collect())
}

/// Skips an unreadable post.
pub(super) fn skip(
    endpoint: EndpointId,
    post: Option<PostId>,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    if let Some(post) = post {
        advance_cursor(endpoint, post, None, ctx)?;
    }
    ctx.restored.mark_incomplete(endpoint);
    ctx.count_traffic(endpoint, |traffic| traffic.oversized += 1);
    ctx.count_not_mirrored(endpoint, NotMirrored::Unreadable);
    Ok(())
}

/// Advances the cursor to `post`, unless its id is from the future: valid posts would then count as read.
fn advance_cursor(
    endpoint: EndpointId,
    post: PostId,
    received_at: Option<Timestamp>,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    if post > latest_valid_id(ctx.now) {
        return Ok(());
    }
    ctx.store.advance_room_cursor(endpoint, &post.to_string(), received_at)
}

/// The highest valid id now, allowing for clock differences of hours, not days.
pub(super) fn latest_valid_id(now: Timestamp) -> PostId {
    PostId::from_time(now + MAX_SERVER_CLOCK_LEAD)
}

/// When `post` was created; by its id if its time is implausible.
fn posted_at(post: &Post, now: Timestamp) -> Timestamp {
    let is_plausible = (MIN_POST_TIME..=now + MAX_SERVER_CLOCK_LEAD).contains(&post.posted_at);
    if is_plausible { post.posted_at } else { post.id.created_at().min(now) }
}
