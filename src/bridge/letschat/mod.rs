//! Handles events from Let's Chat.

pub(super) mod catchup;
pub(super) mod members;
pub(super) mod paging;

use jiff::{SignedDuration, Timestamp};

use super::irc::LAST_SEEN_SAVE_INTERVAL;
use super::irc::catchup::MIN_REPORTED_GAP;
use super::letschat::catchup::{OVERLAP_SECONDS, RoomState};
use super::notices::{count_messages, format_span};
use super::policy::CatchUpBudget;
use super::{Bridge, Command, Ctx, EndpointState, LastSeen, Peer};
use crate::domain::{DeliveryId, EndpointId, Message, MessageKind};
use crate::protocol::letschat;
use crate::protocol::letschat::{LetsChatEvent, PAGE_SIZE, Post, PostId, Stay};
use crate::store::StoreError;

/// How far the server's clock may be ahead of ours.
const MAX_SERVER_CLOCK_LEAD: SignedDuration = SignedDuration::from_hours(24);

/// Let's Chat did not exist before: 2012.
const MIN_POST_TIME: Timestamp = Timestamp::constant(1_325_376_000, 0);

impl Bridge {
    pub(in crate::bridge) fn on_letschat_event(
        &mut self,
        event: LetsChatEvent,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(event) = self.filter_letschat_event(event, ctx)? else { return Ok(()) };
        match event {
            LetsChatEvent::LoggedIn(account) => {
                tracing::info!(account = account.username, "logged in to Let's Chat");
                self.letschat_account = Some(account);
                self.letschat_last_seen = Some(LastSeen { at: ctx.now, saved_at: ctx.now });
                Ok(())
            }
            LetsChatEvent::Joined { endpoint, room } => self.on_room_joined(endpoint, &room, ctx),
            LetsChatEvent::Alive => self.on_letschat_alive(ctx),
            LetsChatEvent::FrameTooLarge => self.on_frame_too_large(ctx),
            LetsChatEvent::NotJoined { endpoint, reason } => {
                let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(()) };
                tracing::warn!(endpoint = %state.endpoint, reason = reason, "not joined");
                let was_open = state.queue.close();
                self.joined -= usize::from(was_open);
                (state.room_state, state.catchup_budget) = (RoomState::Offline, None);
                self.page_comes_not(endpoint);
                self.request_waiting_pages(ctx);
                self.record_outage(endpoint, None, ctx.now);
                if was_open { ctx.store.touch_room(endpoint, ctx.now) } else { Ok(()) }
            }
            LetsChatEvent::TimerFired(endpoint) => {
                if let Some(state) = self.endpoints.get_mut(&endpoint) {
                    state.merge_wait.expire();
                }
                self.schedule(endpoint, ctx)
            }
            LetsChatEvent::Description { endpoint, description, is_initial: fresh } => {
                if fresh {
                    self.init_topic(endpoint, &description);
                } else {
                    self.on_topic_changed(endpoint, &description, ctx);
                }
                Ok(())
            }
            LetsChatEvent::Presence(presence) => {
                self.on_room_presence(presence, ctx);
                self.schedule_direct(ctx)
            }
            LetsChatEvent::NewPost { endpoint, post } => self.on_post(endpoint, post, ctx),
            // Requested before the room was left; what is being read now may start earlier.
            LetsChatEvent::Page { endpoint, stay, .. }
            | LetsChatEvent::NewestMessage { endpoint, stay, .. }
                if !self.stays(endpoint, stay) =>
            {
                Ok(())
            }
            LetsChatEvent::Page { endpoint, posts, bad, bytes, .. } => {
                self.on_page(endpoint, posts, &bad, bytes, ctx)
            }
            LetsChatEvent::UnreadablePost { endpoint, post } => {
                self.on_unreadable_post(endpoint, post, ctx)
            }
            LetsChatEvent::NewestMessage { endpoint, post, .. } => {
                self.on_newest_post(endpoint, post, ctx)
            }
            LetsChatEvent::Posted { delivery, endpoint, id } => {
                self.ack(delivery, endpoint, Some(&id.to_string()), ctx)
            }
            LetsChatEvent::Rejected { delivery, endpoint, reason } => {
                self.on_rejected(delivery, endpoint, &reason, ctx)
            }
            LetsChatEvent::TimedOut { delivery, endpoint } => {
                self.on_ack_timeout(delivery, endpoint, ctx)
            }
            // Direct messages are disabled.
            LetsChatEvent::DirectMessage(_) | LetsChatEvent::DirectMessagesEnabled(_) => Ok(()),
        }
    }

    /// Whether we are still in the same stay as when the request was made.
    fn stays(&self, endpoint: EndpointId, stay: Stay) -> bool {
        self.endpoints
            .get(&endpoint)
            .is_some_and(|state| state.stay == stay && state.room_state != RoomState::Offline)
    }

    /// The connection is alive; saved from time to time, in case the process dies.
    fn on_letschat_alive(&mut self, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        let Some(alive) = &mut self.letschat_last_seen else { return Ok(()) };
        alive.at = ctx.now;
        if ctx.now.duration_since(alive.saved_at) < LAST_SEEN_SAVE_INTERVAL {
            return Ok(());
        }
        alive.saved_at = ctx.now;
        self.touch_live_rooms(ctx.now, ctx)
    }

    /// The connection is lost: rooms were received up to the last event.
    pub(in crate::bridge) fn on_letschat_connection_lost(
        &mut self,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        self.reset_pages();
        let Some(LastSeen { at, .. }) = self.letschat_last_seen.take() else { return Ok(()) };
        self.touch_live_rooms(at, ctx)
    }

    /// Records that the live rooms were received until `at`.
    fn touch_live_rooms(&self, at: Timestamp, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        let is_heard =
            |state: &EndpointState| state.endpoint.network().is_none() && state.queue.is_open();
        for (endpoint, _) in self.endpoints.iter().filter(|(_, state)| is_heard(state)) {
            ctx.store.touch_room(*endpoint, at)?;
        }
        Ok(())
    }

    fn on_room_joined(
        &mut self,
        endpoint: EndpointId,
        room: &str,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        ctx.store.set_room_id(endpoint, room)?;
        self.end_outage(endpoint, ctx)?;
        let alive = ctx.store.room_last_seen(endpoint)?;
        let away = alive.filter(|alive| ctx.now.duration_since(*alive) >= MIN_REPORTED_GAP);
        let cursor = ctx.store.room_cursor(endpoint)?.and_then(|id| id.parse::<PostId>().ok());
        let floor = ctx.store.first_seen_post(endpoint)?.and_then(|id| id.parse::<PostId>().ok());
        let in_doubt = self.reconcile_since(endpoint, ctx)?;
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(()) };
        tracing::info!(endpoint = %state.endpoint, room, "joined");
        state.first_seen_post = floor;
        state.room_id = Some(room.into());
        state.stay.0 += 1;
        let Some(cursor) = cursor else {
            state.room_state = RoomState::Baseline { first_live: None };
            let command = letschat::LetsChatCommand::NewestMessage { endpoint, stay: state.stay };
            ctx.commands.push(Command::LetsChat(command));
            return Ok(());
        };
        state.cursor_at_join = Some(cursor);
        state.catchup_budget = Some(CatchUpBudget::default());
        state.absence = away.map(|alive| (alive, ctx.now));
        state.missing_once = false;
        let since = cursor.minus_seconds(OVERLAP_SECONDS);
        let delivery_id = state.queue.in_doubt().map(|delivery| delivery.id);
        state.room_state = state
            .page_size
            .start_state(in_doubt.map_or(since, |in_doubt| in_doubt.min(since)), delivery_id);
        self.enqueue_page(endpoint, false, ctx);
        Ok(())
    }

    fn on_ack_timeout(
        &mut self,
        id: DeliveryId,
        endpoint: EndpointId,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if let Some(state) = self.endpoints.get_mut(&endpoint) {
            tracing::warn!(endpoint = %state.endpoint, delivery = id.0, "no valid ack; checking the room for the post");
            state.queue.mark_in_doubt(ctx.store)?;
        }
        if let Some(since) = self.reconcile_since(endpoint, ctx)? {
            self.read_since(endpoint, since, ctx);
        }
        Ok(())
    }

    /// Mirroring starts after the newest post of a room seen for the first time.
    fn on_newest_post(
        &mut self,
        endpoint: EndpointId,
        newest: Option<PostId>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(()) };
        let RoomState::Baseline { first_live: first } = state.room_state else { return Ok(()) };
        // An id from the future is invalid: everything would count as history.
        let newest = newest.unwrap_or(PostId::MIN);
        let newest = if newest > latest(ctx.now) { PostId::from_time(ctx.now) } else { newest };
        // Live posts since joining are not history, even if the answer includes them.
        let cursor = first.map_or(newest, |first| newest.min(first.predecessor()));
        ctx.store.init_room(endpoint, &cursor.to_string(), ctx.now)?;
        state.first_seen_post = Some(cursor);
        state.room_state = RoomState::Live;
        if first.is_some() {
            self.read_since(endpoint, cursor, ctx);
            return Ok(());
        }
        self.set_room_live(endpoint, ctx)
    }

    fn on_post(
        &mut self,
        endpoint: EndpointId,
        post: Post,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(()) };
        match &mut state.room_state {
            RoomState::Baseline { first_live: first } => {
                first.get_or_insert(post.id);
                Ok(())
            }
            RoomState::Live
                if post.author.is_some() && !self.queue_quota.is_exceeded_by(endpoint) =>
            {
                self.ingest_post(endpoint, post, ctx)
            }
            // Our own posts are in the ledger by now: the ack precedes the echo on the same socket.
            RoomState::Live if ctx.store.contains(endpoint, &post.id.to_string())? => Ok(()),
            // The author must be looked up, or the post is part of what is being read, or reading is paused.
            _ => {
                self.read_since(endpoint, post.id.predecessor(), ctx);
                Ok(())
            }
        }
    }

    fn on_page(
        &mut self,
        endpoint: EndpointId,
        posts: Vec<Post>,
        bad: &[Option<PostId>],
        bytes: usize,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let ids = || posts.iter().map(|post| post.id).chain(bad.iter().copied().flatten());
        let (count, lowest, highest) = (posts.len() + bad.len(), ids().min(), ids().max());
        let take = self.endpoints.get(&endpoint).map_or(PAGE_SIZE, |state| state.page_size.limit);
        self.finish_page(endpoint, lowest, (count, bytes));
        if self
            .endpoints
            .get_mut(&endpoint)
            .is_some_and(|state| state.room_state.restart_if_overtaken())
        {
            self.enqueue_page(endpoint, false, ctx);
            return Ok(());
        }
        let bad = self.not_skipped_before(endpoint, bad, ctx)?;
        for post in posts {
            self.ingest_post(endpoint, post, ctx)?;
        }
        for post in bad {
            self.skip_post(endpoint, post, ctx)?;
        }
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(()) };
        let more = state.room_state.finish_page(count, take, highest);
        if more {
            self.enqueue_page(endpoint, false, ctx);
        } else {
            self.set_room_live(endpoint, ctx)?;
        }
        self.request_waiting_pages(ctx);
        Ok(())
    }

    /// A live post could not be read.
    fn on_unreadable_post(
        &mut self,
        endpoint: EndpointId,
        post: Option<PostId>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        match post {
            // Reading will come to it.
            _ if self
                .endpoints
                .get(&endpoint)
                .is_none_or(|it| it.room_state != RoomState::Live) =>
            {
                Ok(())
            }
            // The list may contain more of it than the event.
            Some(post) => {
                self.read_since(endpoint, post.predecessor(), ctx);
                Ok(())
            }
            None => self.skip_post(endpoint, None, ctx),
        }
    }

    /// Those of `bad` that have an id and were not skipped before.
    fn not_skipped_before(
        &self,
        endpoint: EndpointId,
        bad: &[Option<PostId>],
        ctx: &Ctx<'_>,
    ) -> Result<Vec<Option<PostId>>, StoreError> {
        if bad.is_empty() {
            return Ok(Vec::new());
        }
        let cursor = ctx.store.room_cursor(endpoint)?.and_then(|it| it.parse::<PostId>().ok());
        let is_new =
            |post: &&Option<PostId>| post.is_none_or(|it| cursor.is_none_or(|cursor| it > cursor));
        Ok(bad.iter().filter(is_new).copied().collect())
    }

    /// Skips an unreadable post.
    fn skip_post(
        &mut self,
        endpoint: EndpointId,
        post: Option<PostId>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if let Some(post) = post {
            self.advance_room_cursor(endpoint, post, None, ctx)?;
        }
        self.count_traffic(endpoint, |traffic| traffic.oversized += 1);
        Ok(())
    }

    /// Advances the cursor to `post`, unless its id is from the future: valid posts would then count as read.
    fn advance_room_cursor(
        &mut self,
        endpoint: EndpointId,
        post: PostId,
        alive: Option<Timestamp>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if post > latest(ctx.now) {
            return Ok(());
        }
        ctx.store.advance_room_cursor(endpoint, &post.to_string(), alive)
    }

    /// Nothing is left to read: the catch-up is over, and the room can be sent to.
    fn set_room_live(&mut self, endpoint: EndpointId, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        if self.endpoints.get(&endpoint).is_none_or(|state| state.room_state != RoomState::Live)
            || self.reconcile_again(endpoint, ctx)?
        {
            return Ok(());
        }
        self.report_room_catchup(endpoint, ctx)?;
        if let Some(state) = self.endpoints.get_mut(&endpoint) {
            state.page_size.all_read();
            state.queue.retry(ctx.store)?;
            self.joined += usize::from(state.queue.open());
        }
        self.schedule_direct(ctx)?;
        self.schedule(endpoint, ctx)
    }

    /// Reports to the other endpoints what was skipped, and how long we were away.
    fn report_room_catchup(
        &mut self,
        endpoint: EndpointId,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(()) };
        let Some(backlog) = state.catchup_budget.take() else { return Ok(()) };
        let away = state.absence.take();
        ctx.store.touch_room(endpoint, ctx.now)?;
        let skipped = backlog.skipped();
        let Some((from, to)) = away else {
            return if skipped > 0 { self.notify_skipped(endpoint, skipped, ctx) } else { Ok(()) };
        };
        let (name, span) = (self.display_name(endpoint), format_span(from, to));
        tracing::info!(endpoint = name, %from, %to, mirrored = backlog.mirrored(), skipped = skipped, "catch-up complete");
        let what = match (backlog.mirrored(), skipped) {
            // Nothing is missing and nothing is late.
            (0, 0) => return Ok(()),
            (_, 0) => "messages from that time are above".to_owned(),
            (_, _) => format!("{} from that time skipped", count_messages(skipped)),
        };
        self.notify_mirrored_channels(
            endpoint,
            format!("disconnected from {name} {span}: {what}"),
            ctx,
        )
    }

    pub(in crate::bridge) fn read_since(
        &mut self,
        endpoint: EndpointId,
        since: PostId,
        ctx: &mut Ctx<'_>,
    ) {
        if self.endpoints.get_mut(&endpoint).is_some_and(|state| state.room_state.request(since)) {
            self.enqueue_page(endpoint, false, ctx);
        }
    }

    /// Processes one post, in the room's order.
    fn ingest_post(
        &mut self,
        endpoint: EndpointId,
        post: Post,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let remote_id = post.id.to_string();
        let live =
            self.endpoints.get(&endpoint).is_some_and(|state| state.catchup_budget.is_none());
        self.advance_room_cursor(endpoint, post.id, live.then_some(ctx.now), ctx)?;
        if let (Some(author), Some(state)) = (&post.author, self.endpoints.get_mut(&endpoint))
            && self.letschat_account.as_ref().is_some_and(|account| account.id != author.id)
        {
            state.room_members.mark_spoken(author);
            self.before_message(endpoint, &author.username, ctx)?;
        }
        let posted = posted_at(&post, ctx.now);
        let author = post.author.unwrap_or_else(letschat::LetsChatUser::unknown);
        let ours = self.letschat_account.as_ref().is_some_and(|account| account.id == author.id);
        let stray = ours && !ctx.store.contains(endpoint, &remote_id)?;
        if stray && let Some(delivery) = self.find_in_flight(endpoint, &post.text) {
            self.count_traffic(endpoint, |traffic| traffic.reconciled += 1);
            return self.ack(delivery, endpoint, Some(&remote_id), ctx);
        }
        if self.is_already_read(endpoint, post.id, posted, ctx.now) {
            return Ok(());
        }
        // With clocks that differ, a live post must not appear late.
        let backlog =
            self.endpoints.get_mut(&endpoint).and_then(|state| state.catchup_budget.as_mut());
        let sent_at = if backlog.is_some() { posted } else { ctx.now };
        let message = Message {
            source: endpoint,
            author: author.into(),
            kind: MessageKind::Text,
            body: post.text,
            sent_at,
        };
        if stray {
            return self.record_unknown_own(&message, &remote_id, ctx);
        }
        let Some(backlog) = backlog else {
            let new = self.ingest(&message, Some(&remote_id), ctx)?;
            self.count_traffic(endpoint, |traffic| match (new, ours) {
                (true, _) => traffic.received += 1,
                (false, false) => traffic.duplicates += 1,
                (false, true) => {}
            });
            return if new { self.handle_command(&message, ctx) } else { Ok(()) };
        };
        if ctx.store.contains(endpoint, &remote_id)? {
            self.count_traffic(endpoint, |traffic| traffic.duplicates += u64::from(!ours));
            return Ok(());
        }
        if backlog.admit(sent_at, ctx.now, self.policy.room_catchup) {
            self.count_traffic(endpoint, |traffic| traffic.caught_up += 1);
            return self.ingest(&message, Some(&remote_id), ctx).map(drop);
        }
        self.count_traffic(endpoint, |traffic| traffic.skipped += 1);
        ctx.store.record(&message, Some(&remote_id)).map(drop)
    }

    /// A post by our own user that is not in the ledger. The state is a restored backup, or somebody else
    /// uses the account. Mirroring it could repeat messages, so it is recorded as ours.
    fn record_unknown_own(
        &mut self,
        message: &Message,
        remote_id: &str,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let endpoint = message.source;
        self.count_traffic(endpoint, |traffic| traffic.unknown_own += 1);
        let strays = self.stats.traffic.get(&Peer::LetsChat).map_or(0, |it| it.unknown_own);
        if strays.is_power_of_two() {
            let endpoint = self.display_name(endpoint);
            tracing::warn!(
                endpoint = endpoint,
                post = remote_id,
                unknown_own = strays,
                "post by the bridge's own account that this bridge did not send; not mirrored. \
                 Was a backup restored, or is the token used elsewhere?"
            );
        }
        ctx.store.record(message, Some(remote_id)).map(drop)
    }

    /// Whether a post is older than our first sight of the room, or was read so long ago that the ledger has
    /// pruned it. Everything below the cursor at joining was read.
    fn is_already_read(
        &self,
        endpoint: EndpointId,
        post: PostId,
        posted: Timestamp,
        now: Timestamp,
    ) -> bool {
        let Some(state) = self.endpoints.get(&endpoint) else { return false };
        let (cursor, memory) = (state.cursor_at_join, self.policy.retention);
        state.first_seen_post.is_some_and(|floor| post <= floor)
            || cursor.is_some_and(|cursor| post <= cursor)
                && memory.is_some_and(|memory| now.duration_since(posted) > memory)
    }
}

/// The highest valid id now, allowing for clock differences of hours, not days.
fn latest(now: Timestamp) -> PostId {
    PostId::from_time(now + MAX_SERVER_CLOCK_LEAD)
}

/// When `post` was created; by its id if its time is implausible.
fn posted_at(post: &Post, now: Timestamp) -> Timestamp {
    let is_time = (MIN_POST_TIME..=now + MAX_SERVER_CLOCK_LEAD).contains(&post.posted_at);
    if is_time { post.posted_at } else { post.id.created_at().min(now) }
}
