//! Handles events from Let's Chat.

pub(super) mod catchup;
pub(super) mod members;
pub(super) mod paging;

use jiff::{SignedDuration, Timestamp};

use super::irc::LAST_SEEN_SAVE_INTERVAL;
use super::irc::catchup::MIN_REPORTED_GAP;
use super::letschat::catchup::{OVERLAP_SECONDS, RoomState};
use super::notices::format_span;
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
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(event) = self.filter_letschat_event(event, turn)? else { return Ok(()) };
        match event {
            LetsChatEvent::LoggedIn(account) => {
                tracing::info!(account = account.username, "logged in to Let's Chat");
                self.letschat_account = Some(account);
                self.letschat_last_seen = Some(LastSeen { at: turn.now, saved_at: turn.now });
                Ok(())
            }
            LetsChatEvent::Joined { endpoint: place, room } => {
                self.on_room_joined(place, &room, turn)
            }
            LetsChatEvent::Alive => self.on_letschat_alive(turn),
            LetsChatEvent::FrameTooLarge => self.on_frame_too_large(turn),
            LetsChatEvent::NotJoined { endpoint: place, reason: why } => {
                let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(()) };
                tracing::warn!(endpoint = %spot.endpoint, reason = why, "not joined");
                let was_open = spot.queue.close();
                self.joined -= usize::from(was_open);
                (spot.room_state, spot.catchup_budget) = (RoomState::Offline, None);
                self.page_comes_not(place);
                self.request_waiting_pages(turn);
                self.record_outage(place, None, turn.now);
                if was_open { turn.store.touch_room(place, turn.now) } else { Ok(()) }
            }
            LetsChatEvent::TimerFired(place) => {
                if let Some(spot) = self.endpoints.get_mut(&place) {
                    spot.merge_wait.expire();
                }
                self.schedule(place, turn)
            }
            LetsChatEvent::Description { endpoint: place, description, is_initial: fresh } => {
                if fresh {
                    self.init_topic(place, &description);
                } else {
                    self.on_topic_changed(place, &description, turn);
                }
                Ok(())
            }
            LetsChatEvent::Presence(presence) => {
                self.on_room_presence(presence, turn);
                self.schedule_direct(turn)
            }
            LetsChatEvent::NewPost { endpoint: place, post } => self.on_post(place, post, turn),
            // Requested before the room was left; what is being read now may start earlier.
            LetsChatEvent::Page { endpoint: place, stay, .. }
            | LetsChatEvent::NewestMessage { endpoint: place, stay, .. }
                if !self.stays(place, stay) =>
            {
                Ok(())
            }
            LetsChatEvent::Page { endpoint: place, posts, bad, bytes, .. } => {
                self.on_page(place, posts, &bad, bytes, turn)
            }
            LetsChatEvent::UnreadablePost { endpoint: place, post } => {
                self.on_unreadable_post(place, post, turn)
            }
            LetsChatEvent::NewestMessage { endpoint: place, post, .. } => {
                self.on_newest_post(place, post, turn)
            }
            LetsChatEvent::Posted { delivery: ticket, endpoint: place, id } => {
                self.ack(ticket, place, Some(&id.to_string()), turn)
            }
            LetsChatEvent::Rejected { delivery: ticket, endpoint: place, reason: why } => {
                self.on_rejected(ticket, place, &why, turn)
            }
            LetsChatEvent::TimedOut { delivery: ticket, endpoint: place } => {
                self.on_ack_timeout(ticket, place, turn)
            }
            // Direct messages are disabled.
            LetsChatEvent::DirectMessage(_) | LetsChatEvent::DirectMessagesEnabled(_) => Ok(()),
        }
    }

    /// Whether we are still in the same stay as when the request was made.
    fn stays(&self, place: EndpointId, stay: Stay) -> bool {
        self.endpoints
            .get(&place)
            .is_some_and(|spot| spot.stay == stay && spot.room_state != RoomState::Offline)
    }

    /// The connection is alive; saved from time to time, in case the process dies.
    fn on_letschat_alive(&mut self, turn: &mut Ctx<'_>) -> Result<(), StoreError> {
        let Some(alive) = &mut self.letschat_last_seen else { return Ok(()) };
        alive.at = turn.now;
        if turn.now.duration_since(alive.saved_at) < LAST_SEEN_SAVE_INTERVAL {
            return Ok(());
        }
        alive.saved_at = turn.now;
        self.touch_live_rooms(turn.now, turn)
    }

    /// The connection is lost: rooms were received up to the last event.
    pub(in crate::bridge) fn on_letschat_connection_lost(
        &mut self,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        self.reset_pages();
        let Some(LastSeen { at, .. }) = self.letschat_last_seen.take() else { return Ok(()) };
        self.touch_live_rooms(at, turn)
    }

    /// Records that the live rooms were received until `at`.
    fn touch_live_rooms(&self, at: Timestamp, turn: &mut Ctx<'_>) -> Result<(), StoreError> {
        let is_heard =
            |spot: &EndpointState| spot.endpoint.network().is_none() && spot.queue.is_open();
        for (place, _) in self.endpoints.iter().filter(|(_, spot)| is_heard(spot)) {
            turn.store.touch_room(*place, at)?;
        }
        Ok(())
    }

    fn on_room_joined(
        &mut self,
        place: EndpointId,
        room: &str,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        turn.store.set_room_id(place, room)?;
        let reopened = self.clear_outage(place, turn)?;
        let alive = turn.store.room_last_seen(place)?;
        let away = alive.filter(|alive| turn.now.duration_since(*alive) >= MIN_REPORTED_GAP);
        if reopened && away.is_none() {
            let words = format!("{} is reachable again", self.display_name(place));
            self.notify_mirrors(place, words, turn)?;
        }
        let cursor = turn.store.room_cursor(place)?.and_then(|id| id.parse::<PostId>().ok());
        let floor = turn.store.first_seen_post(place)?.and_then(|id| id.parse::<PostId>().ok());
        let doubt = self.reconcile_since(place, turn)?;
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(()) };
        tracing::info!(endpoint = %spot.endpoint, room, "joined");
        spot.first_seen_post = floor;
        spot.room_id = Some(room.into());
        spot.stay.0 += 1;
        let Some(cursor) = cursor else {
            spot.room_state = RoomState::Baseline { first_live: None };
            let order = letschat::LetsChatCommand::NewestMessage { place, stay: spot.stay };
            turn.commands.push(Command::LetsChat(order));
            return Ok(());
        };
        spot.cursor_at_join = Some(cursor);
        spot.catchup_budget = Some(CatchUpBudget::default());
        spot.absence = away.map(|alive| (alive, turn.now));
        spot.missing_once = false;
        let since = cursor.minus_seconds(OVERLAP_SECONDS);
        let ticket = spot.queue.in_doubt().map(|delivery| delivery.id);
        spot.room_state =
            spot.page_size.start_state(doubt.map_or(since, |doubt| doubt.min(since)), ticket);
        self.enqueue_page(place, false, turn);
        Ok(())
    }

    fn on_ack_timeout(
        &mut self,
        ticket: DeliveryId,
        place: EndpointId,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if let Some(spot) = self.endpoints.get_mut(&place) {
            tracing::warn!(endpoint = %spot.endpoint, delivery = ticket.0, "no valid ack; checking the room for the post");
            spot.queue.mark_in_doubt(turn.store)?;
        }
        if let Some(since) = self.reconcile_since(place, turn)? {
            self.read_since(place, since, turn);
        }
        Ok(())
    }

    /// Mirroring starts after the newest post of a room seen for the first time.
    fn on_newest_post(
        &mut self,
        place: EndpointId,
        newest: Option<PostId>,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(()) };
        let RoomState::Baseline { first_live: first } = spot.room_state else { return Ok(()) };
        // An id from the future is invalid: everything would count as history.
        let newest = newest.unwrap_or(PostId::MIN);
        let newest = if newest > latest(turn.now) { PostId::from_time(turn.now) } else { newest };
        // Live posts since joining are not history, even if the answer includes them.
        let cursor = first.map_or(newest, |first| newest.min(first.predecessor()));
        turn.store.init_room(place, &cursor.to_string(), turn.now)?;
        spot.first_seen_post = Some(cursor);
        spot.room_state = RoomState::Live;
        if first.is_some() {
            self.read_since(place, cursor, turn);
            return Ok(());
        }
        self.set_room_live(place, turn)
    }

    fn on_post(
        &mut self,
        place: EndpointId,
        post: Post,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(()) };
        match &mut spot.room_state {
            RoomState::Baseline { first_live: first } => {
                first.get_or_insert(post.id);
                Ok(())
            }
            RoomState::Live if post.author.is_some() && !self.queue_quota.is_exceeded_by(place) => {
                self.ingest_post(place, post, turn)
            }
            // Our own posts are in the ledger by now: the ack precedes the echo on the same socket.
            RoomState::Live if turn.store.contains(place, &post.id.to_string())? => Ok(()),
            // The author must be looked up, or the post is part of what is being read, or reading is paused.
            _ => {
                self.read_since(place, post.id.predecessor(), turn);
                Ok(())
            }
        }
    }

    fn on_page(
        &mut self,
        place: EndpointId,
        posts: Vec<Post>,
        bad: &[Option<PostId>],
        bytes: usize,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let ids = || posts.iter().map(|post| post.id).chain(bad.iter().copied().flatten());
        let (count, lowest, highest) = (posts.len() + bad.len(), ids().min(), ids().max());
        let take = self.endpoints.get(&place).map_or(PAGE_SIZE, |spot| spot.page_size.limit);
        self.finish_page(place, lowest, (count, bytes));
        if self.endpoints.get_mut(&place).is_some_and(|spot| spot.room_state.restart_if_overtaken())
        {
            self.enqueue_page(place, false, turn);
            return Ok(());
        }
        let bad = self.not_skipped_before(place, bad, turn)?;
        for post in posts {
            self.ingest_post(place, post, turn)?;
        }
        for post in bad {
            self.skip_post(place, post, turn)?;
        }
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(()) };
        let more = spot.room_state.finish_page(count, take, highest);
        if more {
            self.enqueue_page(place, false, turn);
        } else {
            self.set_room_live(place, turn)?;
        }
        self.request_waiting_pages(turn);
        Ok(())
    }

    /// A live post could not be read.
    fn on_unreadable_post(
        &mut self,
        place: EndpointId,
        post: Option<PostId>,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        match post {
            // Reading will come to it.
            _ if self.endpoints.get(&place).is_none_or(|it| it.room_state != RoomState::Live) => {
                Ok(())
            }
            // The list may contain more of it than the event.
            Some(post) => {
                self.read_since(place, post.predecessor(), turn);
                Ok(())
            }
            None => self.skip_post(place, None, turn),
        }
    }

    /// Those of `bad` that have an id and were not skipped before.
    fn not_skipped_before(
        &self,
        place: EndpointId,
        bad: &[Option<PostId>],
        turn: &Ctx<'_>,
    ) -> Result<Vec<Option<PostId>>, StoreError> {
        if bad.is_empty() {
            return Ok(Vec::new());
        }
        let cursor = turn.store.room_cursor(place)?.and_then(|it| it.parse::<PostId>().ok());
        let is_new =
            |post: &&Option<PostId>| post.is_none_or(|it| cursor.is_none_or(|cursor| it > cursor));
        Ok(bad.iter().filter(is_new).copied().collect())
    }

    /// Skips an unreadable post.
    fn skip_post(
        &mut self,
        place: EndpointId,
        post: Option<PostId>,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if let Some(post) = post {
            self.advance_room_cursor(place, post, None, turn)?;
        }
        self.count_traffic(place, |traffic| traffic.oversized += 1);
        Ok(())
    }

    /// Advances the cursor to `post`, unless its id is from the future: valid posts would then count as read.
    fn advance_room_cursor(
        &mut self,
        place: EndpointId,
        post: PostId,
        alive: Option<Timestamp>,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if post > latest(turn.now) {
            return Ok(());
        }
        turn.store.advance_room_cursor(place, &post.to_string(), alive)
    }

    /// Nothing is left to read: the catch-up is over, and the room can be sent to.
    fn set_room_live(&mut self, place: EndpointId, turn: &mut Ctx<'_>) -> Result<(), StoreError> {
        if self.endpoints.get(&place).is_none_or(|spot| spot.room_state != RoomState::Live)
            || self.reconcile_again(place, turn)?
        {
            return Ok(());
        }
        self.report_room_catchup(place, turn)?;
        if let Some(spot) = self.endpoints.get_mut(&place) {
            spot.page_size.all_read();
            spot.queue.retry(turn.store)?;
            self.joined += usize::from(spot.queue.open());
        }
        self.schedule_direct(turn)?;
        self.schedule(place, turn)
    }

    /// Reports to the other endpoints what was skipped, and how long we were away.
    fn report_room_catchup(
        &mut self,
        place: EndpointId,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(()) };
        let Some(backlog) = spot.catchup_budget.take() else { return Ok(()) };
        let away = spot.absence.take();
        turn.store.touch_room(place, turn.now)?;
        let left_out = backlog.skipped();
        let Some((from, to)) = away else {
            return if left_out > 0 { self.notify_skipped(place, left_out, turn) } else { Ok(()) };
        };
        let (name, span) = (self.display_name(place), format_span(from, to));
        tracing::info!(endpoint = name, %from, %to, mirrored = backlog.mirrored(), skipped = left_out, "catch-up complete");
        let what = match (backlog.mirrored(), left_out) {
            (0, 0) => "no messages from that time".to_owned(),
            (_, 0) => "messages from that time are above".to_owned(),
            (_, _) => format!(
                "{} from that time skipped",
                if left_out == 1 { "1 message".to_owned() } else { format!("{left_out} messages") },
            ),
        };
        self.notify_mirrored_channels(
            place,
            format!("disconnected from {name} {span}: {what}"),
            turn,
        )
    }

    pub(in crate::bridge) fn read_since(
        &mut self,
        place: EndpointId,
        since: PostId,
        turn: &mut Ctx<'_>,
    ) {
        if self.endpoints.get_mut(&place).is_some_and(|spot| spot.room_state.request(since)) {
            self.enqueue_page(place, false, turn);
        }
    }

    /// Processes one post, in the room's order.
    fn ingest_post(
        &mut self,
        place: EndpointId,
        post: Post,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let native = post.id.to_string();
        let live = self.endpoints.get(&place).is_some_and(|spot| spot.catchup_budget.is_none());
        self.advance_room_cursor(place, post.id, live.then_some(turn.now), turn)?;
        if let (Some(author), Some(spot)) = (&post.author, self.endpoints.get_mut(&place))
            && self.letschat_account.as_ref().is_some_and(|account| account.id != author.id)
        {
            spot.room_members.mark_spoken(author);
            self.before_message(place, &author.username, turn)?;
        }
        let posted = posted_at(&post, turn.now);
        let author = post.author.unwrap_or_else(letschat::LetsChatUser::unknown);
        let ours = self.letschat_account.as_ref().is_some_and(|account| account.id == author.id);
        let stray = ours && !turn.store.contains(place, &native)?;
        if stray && let Some(ticket) = self.find_in_flight(place, &post.text) {
            self.count_traffic(place, |traffic| traffic.reconciled += 1);
            return self.ack(ticket, place, Some(&native), turn);
        }
        if self.is_already_read(place, post.id, posted, turn.now) {
            return Ok(());
        }
        // With clocks that differ, a live post must not appear late.
        let backlog = self.endpoints.get_mut(&place).and_then(|spot| spot.catchup_budget.as_mut());
        let said_at = if backlog.is_some() { posted } else { turn.now };
        let message = Message {
            source: place,
            author: author.into(),
            kind: MessageKind::Text,
            body: post.text,
            sent_at: said_at,
        };
        if stray {
            return self.record_unknown_own(&message, &native, turn);
        }
        let Some(backlog) = backlog else {
            let new = self.ingest(&message, Some(&native), turn)?;
            self.count_traffic(place, |traffic| match (new, ours) {
                (true, _) => traffic.received += 1,
                (false, false) => traffic.duplicates += 1,
                (false, true) => {}
            });
            return if new { self.handle_command(&message, turn) } else { Ok(()) };
        };
        if turn.store.contains(place, &native)? {
            self.count_traffic(place, |traffic| traffic.duplicates += u64::from(!ours));
            return Ok(());
        }
        if backlog.admit(said_at, turn.now, self.policy.room_catchup) {
            self.count_traffic(place, |traffic| traffic.caught_up += 1);
            return self.ingest(&message, Some(&native), turn).map(drop);
        }
        self.count_traffic(place, |traffic| traffic.skipped += 1);
        turn.store.record(&message, Some(&native)).map(drop)
    }

    /// A post by our own user that is not in the ledger. The state is a restored backup, or somebody else
    /// uses the account. Mirroring it could repeat messages, so it is recorded as ours.
    fn record_unknown_own(
        &mut self,
        message: &Message,
        native: &str,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let place = message.source;
        self.count_traffic(place, |traffic| traffic.unknown_own += 1);
        let strays = self.stats.traffic.get(&Peer::LetsChat).map_or(0, |it| it.unknown_own);
        if strays.is_power_of_two() {
            let place = self.display_name(place);
            tracing::warn!(
                endpoint = place,
                post = native,
                unknown_own = strays,
                "post by the bridge's own account that this bridge did not send; not mirrored. \
                 Was a backup restored, or is the token used elsewhere?"
            );
        }
        turn.store.record(message, Some(native)).map(drop)
    }

    /// Whether a post is older than our first sight of the room, or was read so long ago that the ledger has
    /// pruned it. Everything below the cursor at joining was read.
    fn is_already_read(
        &self,
        place: EndpointId,
        post: PostId,
        posted: Timestamp,
        now: Timestamp,
    ) -> bool {
        let Some(spot) = self.endpoints.get(&place) else { return false };
        let (cursor, memory) = (spot.cursor_at_join, self.policy.retention);
        spot.first_seen_post.is_some_and(|floor| post <= floor)
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
