//! Receives rooms: live, or page by page after an absence.

use jiff::Timestamp;

use super::paging::PageScheduler;
use super::posts;
use crate::bridge::context::{Ctx, Step};
use crate::bridge::deliver::reconcile;
use crate::bridge::endpoints::room::RoomEndpoint;
use crate::bridge::endpoints::room::reading::{OVERLAP_SECONDS, RoomReading};
use crate::bridge::event::{Command, Peer};
use crate::bridge::notices::{self, count_messages, format_span, introduction, outage};
use crate::bridge::peers::LAST_SEEN_SAVE_INTERVAL;
use crate::bridge::policy::{CatchUpBudget, MIN_REPORTED_GAP};
use crate::bridge::restored_reading;
use crate::domain::EndpointId;
use crate::protocol::letschat;
use crate::protocol::letschat::{Post, PostId, Stay};
use crate::store::StoreError;

/// Receives rooms, and reads what was missed a page at a time.
#[derive(Debug, Default)]
pub(in crate::bridge) struct RoomReceiver {
    pub(super) pages: PageScheduler,
}

/// A page of posts.
pub(super) struct Page {
    pub(super) posts: Vec<Post>,
    /// Posts that could not be read; `None` for those without an id.
    pub(super) bad: Vec<Option<PostId>>,
    /// The size of the answer.
    pub(super) bytes: usize,
}

impl RoomReceiver {
    /// About every second: requests pages that had to wait.
    pub(in crate::bridge) fn tick(&mut self, ctx: &mut Ctx<'_>) {
        self.pages.request_waiting(ctx);
    }

    /// We have joined the room: reads first what was missed.
    pub(super) fn on_joined(
        &mut self,
        endpoint: EndpointId,
        room_id: &str,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        ctx.store.set_room_id(endpoint, room_id)?;
        outage::end(endpoint, ctx)?;
        let last_seen = ctx.store.room_last_seen(endpoint)?;
        let last_seen = last_seen.filter(|at| ctx.now.duration_since(*at) >= MIN_REPORTED_GAP);
        let cursor = ctx.store.room_cursor(endpoint)?.and_then(|id| id.parse::<PostId>().ok());
        let first_seen_post = ctx.store.first_seen_post(endpoint)?.and_then(|id| id.parse().ok());
        let in_doubt = reconcile::post_in_doubt_since(endpoint, ctx)?;
        let Some(room) = ctx.endpoints.room_mut(endpoint) else { return Ok(()) };
        tracing::info!(endpoint = %room.link.endpoint, room = room_id, "joined");
        room.first_seen_post = first_seen_post;
        room.room_id = Some(room_id.into());
        room.link.join_problem = None;
        room.stay.0 += 1;
        let Some(cursor) = cursor else {
            room.reading = RoomReading::Baseline { first_live: None };
            let command = letschat::LetsChatCommand::NewestMessage { endpoint, stay: room.stay };
            ctx.commands.push(Command::LetsChat(command));
            return Ok(());
        };
        restored_reading::begin(endpoint, ctx)?;
        let Some(room) = ctx.endpoints.room_mut(endpoint) else { return Ok(()) };
        room.cursor_at_join = Some(cursor);
        room.catchup_budget = Some(CatchUpBudget::default());
        room.absence = last_seen.map(|at| (at, ctx.now));
        room.missing_once = false;
        let since = cursor.minus_seconds(OVERLAP_SECONDS);
        let since = in_doubt.map_or(since, |in_doubt| in_doubt.min(since));
        let delivery = room.queue.in_doubt().map(|delivery| delivery.id);
        room.reading = room.page_size.start_state(since, delivery);
        self.pages.request_page(endpoint, false, ctx);
        Ok(())
    }

    /// The room cannot be joined, or we were removed from it.
    pub(super) fn on_not_joined(
        &mut self,
        endpoint: EndpointId,
        reason: &str,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(room) = ctx.endpoints.room(endpoint) else { return Ok(()) };
        tracing::warn!(endpoint = %room.link.endpoint, reason, "not joined");
        if let Some(link) = ctx.endpoints.link_mut(endpoint) {
            link.join_problem = Some(reason.to_owned());
        }
        outage::record(endpoint, None, ctx);
        self.forget(endpoint, ctx)
    }

    /// The room is no longer received.
    pub(in crate::bridge) fn forget(
        &mut self,
        endpoint: EndpointId,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let was_open = ctx.endpoints.close(endpoint);
        let Some(room) = ctx.endpoints.room_mut(endpoint) else { return Ok(()) };
        room.reading = RoomReading::Offline;
        room.catchup_budget = None;
        // It will never arrive, if it was requested.
        self.pages.finish_page(endpoint, None, (0, 0), ctx);
        self.pages.request_waiting(ctx);
        if was_open { ctx.store.touch_room(endpoint, ctx.now) } else { Ok(()) }
    }

    /// Mirroring starts after the newest post of a room seen for the first time.
    pub(super) fn on_newest_post(
        &mut self,
        endpoint: EndpointId,
        stay: Stay,
        newest: Option<PostId>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(room) = ctx.endpoints.room_mut(endpoint) else { return Ok(()) };
        let RoomReading::Baseline { first_live } = room.reading else { return Ok(()) };
        if room.stay != stay {
            return Ok(());
        }
        // An id from the future is invalid: everything would count as history.
        let newest = newest.unwrap_or(PostId::MIN);
        let is_valid = newest <= posts::latest_valid_id(ctx.now);
        let newest = if is_valid { newest } else { PostId::from_time(ctx.now) };
        // Live posts since joining are not history, even if the answer includes them.
        let cursor = first_live.map_or(newest, |first| newest.min(first.predecessor()));
        ctx.store.init_room(endpoint, &cursor.to_string(), ctx.now)?;
        room.first_seen_post = Some(cursor);
        room.reading = RoomReading::Live;
        if first_live.is_some() {
            self.read_since(endpoint, cursor, ctx);
            return Ok(());
        }
        self.set_live(endpoint, ctx)
    }

    /// A live post.
    pub(super) fn on_post(
        &mut self,
        endpoint: EndpointId,
        post: Post,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let is_full = ctx.endpoints.quota.is_exceeded_by(endpoint);
        let Some(room) = ctx.endpoints.room_mut(endpoint) else { return Ok(()) };
        if let RoomReading::Baseline { first_live } = &mut room.reading {
            first_live.get_or_insert(post.id);
            return Ok(());
        }
        if room.reading == RoomReading::Live {
            if posts::must_wait(endpoint, &post, ctx)? {
                posts::hold(endpoint, post, ctx);
                return Ok(());
            }
            if post.author.is_some() && !is_full {
                return posts::ingest(endpoint, post, ctx);
            }
        }
        // The bot's posts are in the ledger by now: the ack precedes the echo on the same socket. So are posts that a
        // page contained which the server listed before it sent them.
        if ctx.store.contains(endpoint, &post.id.to_string())? {
            return Ok(());
        }
        // The author must be looked up, or the post is part of what is being read, or reading is paused.
        self.read_post(endpoint, post.id, ctx);
        Ok(())
    }

    /// A requested page has arrived.
    pub(super) fn on_page(
        &mut self,
        endpoint: EndpointId,
        stay: Stay,
        page: Page,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Page { posts, bad, bytes } = page;
        let Some(room) = ctx.endpoints.room_mut(endpoint) else { return Ok(()) };
        // Requested before the room was left; what is being read now may start earlier.
        if room.stay != stay || room.reading == RoomReading::Offline {
            return Ok(());
        }
        let ids = || posts.iter().map(|post| post.id).chain(bad.iter().copied().flatten());
        let (lowest, highest) = (ids().min(), ids().max());
        let (count, limit) = (posts.len() + bad.len(), room.page_size.limit);
        self.pages.finish_page(endpoint, lowest, (count, bytes), ctx);
        let room = ctx.endpoints.room_mut(endpoint);
        if room.is_some_and(|room| room.reading.restart_if_overtaken()) {
            self.pages.request_page(endpoint, false, ctx);
            return Ok(());
        }
        if let Some(room) = ctx.endpoints.room_mut(endpoint) {
            room.reading.mark_read(ids());
        }
        let unreadable = posts::not_skipped_before(endpoint, &bad, ctx)?;
        for post in posts {
            if posts::must_wait(endpoint, &post, ctx)? {
                posts::hold(endpoint, post, ctx);
            } else {
                posts::ingest(endpoint, post, ctx)?;
            }
        }
        for post in unreadable {
            posts::skip(endpoint, post, ctx)?;
        }
        let Some(room) = ctx.endpoints.room_mut(endpoint) else { return Ok(()) };
        if room.reading.finish_page(count, limit, highest) {
            self.pages.request_page(endpoint, false, ctx);
        } else {
            self.set_live(endpoint, ctx)?;
        }
        self.pages.request_waiting(ctx);
        Ok(())
    }

    /// A live post could not be read.
    pub(super) fn on_unreadable_post(
        &mut self,
        endpoint: EndpointId,
        post: Option<PostId>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let is_live = |room: &RoomEndpoint| room.reading == RoomReading::Live;
        if !ctx.endpoints.room(endpoint).is_some_and(is_live) {
            // Reading will come to it.
            return Ok(());
        }
        match post {
            // The list may contain more of it than the event.
            Some(post) => {
                self.read_post(endpoint, post, ctx);
                Ok(())
            }
            None => posts::skip(endpoint, None, ctx),
        }
    }

    /// The delivery that posts waited for is settled.
    pub(in crate::bridge) fn release_held(
        &mut self,
        endpoint: EndpointId,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(room) = ctx.endpoints.room_mut(endpoint) else { return Ok(()) };
        let (posts, dropped) = room.held.take();
        for post in posts {
            self.on_post(endpoint, post, ctx)?;
        }
        if let Some(first) = dropped {
            self.read_since(endpoint, first.predecessor(), ctx);
        }
        Ok(())
    }

    /// Reads a live post from a page.
    fn read_post(&mut self, endpoint: EndpointId, post: PostId, ctx: &mut Ctx<'_>) {
        if ctx.endpoints.room_mut(endpoint).is_some_and(|room| room.reading.request_post(post)) {
            self.pages.request_page(endpoint, false, ctx);
        }
    }

    /// Reads everything above `since`.
    pub(in crate::bridge) fn read_since(
        &mut self,
        endpoint: EndpointId,
        since: PostId,
        ctx: &mut Ctx<'_>,
    ) {
        if ctx.endpoints.room_mut(endpoint).is_some_and(|room| room.reading.request(since)) {
            self.pages.request_page(endpoint, false, ctx);
        }
    }

    /// Nothing is left to read: the catch-up is over, and the room can be sent to.
    fn set_live(&mut self, endpoint: EndpointId, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        let is_live = |room: &RoomEndpoint| room.reading == RoomReading::Live;
        if !ctx.endpoints.room(endpoint).is_some_and(is_live) || self.look_again(endpoint, ctx)? {
            return Ok(());
        }
        let complete =
            ctx.endpoints.room(endpoint).is_some_and(|room| room.cursor_at_join.is_some());
        report_catchup(endpoint, ctx)?;
        restored_reading::finish(endpoint, complete, ctx);
        if let Some(room) = ctx.endpoints.room_mut(endpoint) {
            room.page_size.all_read();
            room.queue.retry(ctx.store)?;
        }
        ctx.endpoints.open(endpoint);
        introduction::introduce(endpoint, ctx)?;
        ctx.steps.push_back(Step::ScheduleDirect);
        ctx.schedule(endpoint);
        Ok(())
    }

    /// Everything was read without finding the post in doubt: reads once more, a moment later. Returns
    /// whether it does.
    fn look_again(&mut self, endpoint: EndpointId, ctx: &mut Ctx<'_>) -> Result<bool, StoreError> {
        let Some(since) = reconcile::post_in_doubt_since(endpoint, ctx)? else { return Ok(false) };
        let Some(room) = ctx.endpoints.room_mut(endpoint) else { return Ok(false) };
        room.missing_once = !room.missing_once;
        if !room.missing_once {
            return Ok(false);
        }
        room.reading = RoomReading::paging_from(since);
        self.pages.request_page(endpoint, true, ctx);
        Ok(true)
    }
}

/// Reports to the other endpoints what was skipped, and how long we were away.
fn report_catchup(endpoint: EndpointId, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    let Some(room) = ctx.endpoints.room_mut(endpoint) else { return Ok(()) };
    let Some(budget) = room.catchup_budget.take() else { return Ok(()) };
    let absence = room.absence.take();
    ctx.store.touch_room(endpoint, ctx.now)?;
    let (mirrored, skipped) = (budget.mirrored(), budget.skipped());
    let Some((from, to)) = absence else {
        return if skipped > 0 { notices::notify_skipped(endpoint, skipped, ctx) } else { Ok(()) };
    };
    let name = ctx.endpoints.display_name(endpoint);
    tracing::info!(endpoint = name, %from, %to, mirrored, skipped, "catch-up complete");
    // Of the time since the backup, only what was missing is above.
    let is_restored = ctx.restored.is_doubtful(from);
    let outcome = match (mirrored, skipped) {
        // Nothing is missing and nothing is late.
        (0, 0) => return Ok(()),
        (_, 0) if is_restored => return Ok(()),
        (_, 0) => "messages from that time are above".to_owned(),
        (_, _) => format!("{} from that time skipped", count_messages(skipped)),
    };
    let text = format!("disconnected from {name} {}: {outcome}", format_span(from, to));
    notices::notify_mirrored_channels(endpoint, text, ctx)
}

/// The connection is alive; saved from time to time, in case the process dies.
pub(super) fn on_alive(ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    let Some(seen) = ctx.peers.last_seen_mut(&Peer::LetsChat) else { return Ok(()) };
    seen.at = ctx.now;
    if ctx.now.duration_since(seen.saved_at) < LAST_SEEN_SAVE_INTERVAL {
        return Ok(());
    }
    seen.saved_at = ctx.now;
    touch_live_rooms(ctx.now, ctx)
}

/// Records that the live rooms were received until `at`.
pub(super) fn touch_live_rooms(at: Timestamp, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    for (endpoint, room) in ctx.endpoints.rooms() {
        if room.queue.is_open() {
            ctx.store.touch_room(endpoint, at)?;
        }
    }
    Ok(())
}
