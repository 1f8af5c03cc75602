//! What Let's Chat tells us, and what follows from it.

use jiff::{SignedDuration, Timestamp};

use super::announce::span;
use super::catchup::NOTICED;
use super::channel::WRITE_ALIVE;
use super::policy::Backlog;
use super::reading::{OVERLAP, Reading};
use super::{Alive, Bridge, Order, Peer, Spot, Turn};
use crate::domain::{DeliveryId, EndpointId, Message, MessageKind};
use crate::protocol::letschat;
use crate::protocol::letschat::{LetsChatEvent, PAGE_SIZE, Post, PostId, Stay};
use crate::store::StoreError;

/// How far the server's clock may be ahead of ours.
const LATEST: SignedDuration = SignedDuration::from_hours(24);

/// Before this there was no Let's Chat: 2012.
const EARLIEST: Timestamp = Timestamp::constant(1_325_376_000, 0);

impl Bridge {
    pub(super) fn letschat(
        &mut self,
        event: LetsChatEvent,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(event) = self.direct_letschat(event, turn)? else { return Ok(()) };
        match event {
            LetsChatEvent::LoggedIn(account) => {
                tracing::info!(account = account.username, "welcome to Let's Chat");
                self.account = Some(account);
                self.letschat_alive = Some(Alive { at: turn.now, written: turn.now });
                Ok(())
            }
            LetsChatEvent::Joined { endpoint: place, room } => self.room_joined(place, &room, turn),
            LetsChatEvent::Alive => self.letschat_lives(turn),
            LetsChatEvent::FrameTooLarge => self.too_much(turn),
            LetsChatEvent::NotJoined { endpoint: place, reason: why } => {
                let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
                tracing::warn!(place = %spot.place, why, "not in the room");
                let was_open = spot.lane.close();
                self.open -= usize::from(was_open);
                (spot.reading, spot.backlog) = (Reading::Away, None);
                self.page_comes_not(place);
                self.ask_held(turn);
                self.is_closed(place, None, turn.now);
                if was_open { turn.store.touch_room(place, turn.now) } else { Ok(()) }
            }
            LetsChatEvent::TimerFired(place) => {
                if let Some(spot) = self.spots.get_mut(&place) {
                    spot.patience.ends();
                }
                self.advance(place, turn)
            }
            LetsChatEvent::Description { endpoint: place, description, is_initial: fresh } => {
                if fresh {
                    self.is_about(place, &description);
                } else {
                    self.about_changed(place, &description, turn);
                }
                Ok(())
            }
            LetsChatEvent::Presence(presence) => {
                self.guest(presence, turn);
                self.advance_direct(turn)
            }
            LetsChatEvent::NewPost { endpoint: place, post } => self.heard(place, post, turn),
            // Asked before it was closed: what is read now may begin before that.
            LetsChatEvent::Page { endpoint: place, stay, .. }
            | LetsChatEvent::NewestMessage { endpoint: place, stay, .. }
                if !self.stays(place, stay) =>
            {
                Ok(())
            }
            LetsChatEvent::Page { endpoint: place, posts, bad, bytes, .. } => {
                self.listed(place, posts, &bad, bytes, turn)
            }
            LetsChatEvent::Unreadable { place, post } => self.unreadable(place, post, turn),
            LetsChatEvent::NewestMessage { endpoint: place, post, .. } => {
                self.newest(place, post, turn)
            }
            LetsChatEvent::Posted { delivery: ticket, endpoint: place, id } => {
                self.settle(ticket, place, Some(&id.to_string()), turn)
            }
            LetsChatEvent::Rejected { delivery: ticket, endpoint: place, reason: why } => {
                self.objected(ticket, place, &why, turn)
            }
            LetsChatEvent::TimedOut { delivery: ticket, endpoint: place } => {
                self.unanswered(ticket, place, turn)
            }
            // Where nobody is to talk in private.
            LetsChatEvent::DirectMessage(_) | LetsChatEvent::DirectMessagesEnabled(_) => Ok(()),
        }
    }

    /// Whether we are in the room, and have been since what is answered was asked.
    fn stays(&self, place: EndpointId, stay: Stay) -> bool {
        self.spots
            .get(&place)
            .is_some_and(|spot| spot.stay == stay && spot.reading != Reading::Away)
    }

    /// A sign of life from the server: written down once in a while, for when the process dies.
    fn letschat_lives(&mut self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let Some(alive) = &mut self.letschat_alive else { return Ok(()) };
        alive.at = turn.now;
        if turn.now.duration_since(alive.written) < WRITE_ALIVE {
            return Ok(());
        }
        alive.written = turn.now;
        self.rooms_were_heard(turn.now, turn)
    }

    /// The connection is lost: what the server last said is the last that was heard.
    pub(super) fn letschat_lost(&mut self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        self.pages_lost();
        let Some(Alive { at, .. }) = self.letschat_alive.take() else { return Ok(()) };
        self.rooms_were_heard(at, turn)
    }

    /// Those rooms that are read up to now were heard until `at`.
    fn rooms_were_heard(&self, at: Timestamp, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let is_heard = |spot: &Spot| spot.place.network().is_none() && spot.lane.is_open();
        for (place, _) in self.spots.iter().filter(|(_, spot)| is_heard(spot)) {
            turn.store.touch_room(*place, at)?;
        }
        Ok(())
    }

    fn room_joined(
        &mut self,
        place: EndpointId,
        room: &str,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        turn.store.set_room_id(place, room)?;
        let reopened = self.is_open_again(place, turn)?;
        let alive = turn.store.room_last_seen(place)?;
        let away = alive.filter(|alive| turn.now.duration_since(*alive) >= NOTICED);
        if reopened && away.is_none() {
            let words = format!("{} is open to the bridge again", self.spelled(place));
            self.announce(place, words, turn)?;
        }
        let cursor = turn.store.room_cursor(place)?.and_then(|id| id.parse::<PostId>().ok());
        let floor = turn.store.first_seen_post(place)?.and_then(|id| id.parse::<PostId>().ok());
        let doubt = self.doubt_begins(place, turn)?;
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        tracing::info!(place = %spot.place, room, "joined");
        spot.floor = floor;
        spot.room_id = Some(room.into());
        spot.stay.0 += 1;
        let Some(cursor) = cursor else {
            spot.reading = Reading::Baseline { first: None };
            let order = letschat::LetsChatCommand::NewestMessage { place, stay: spot.stay };
            turn.orders.push(Order::LetsChat(order));
            return Ok(());
        };
        spot.cursor = Some(cursor);
        spot.backlog = Some(Backlog::default());
        spot.away = away.map(|alive| (alive, turn.now));
        spot.absent_once = false;
        let since = cursor.minus_seconds(OVERLAP);
        let ticket = spot.lane.in_doubt().map(|delivery| delivery.id);
        spot.reading = spot.page.begin(doubt.map_or(since, |doubt| doubt.min(since)), ticket);
        self.ask_page(place, false, turn);
        Ok(())
    }

    fn unanswered(
        &mut self,
        ticket: DeliveryId,
        place: EndpointId,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if let Some(spot) = self.spots.get_mut(&place) {
            tracing::warn!(place = %spot.place, delivery = ticket.0, "no good answer: looking in the room");
            spot.lane.doubt(turn.store)?;
        }
        if let Some(since) = self.doubt_begins(place, turn)? {
            self.read(place, since, turn);
        }
        Ok(())
    }

    /// Mirroring begins behind the newest post of a room that we see for the first time.
    fn newest(
        &mut self,
        place: EndpointId,
        newest: Option<PostId>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        let Reading::Baseline { first } = spot.reading else { return Ok(()) };
        // One that claims to be of the future is none: everything would count as history.
        let newest = newest.unwrap_or(PostId::MIN);
        let newest = if newest > latest(turn.now) { PostId::from_time(turn.now) } else { newest };
        // What was said live since we joined is not history, even if the answer includes it.
        let cursor = first.map_or(newest, |first| newest.min(first.predecessor()));
        turn.store.init_room(place, &cursor.to_string(), turn.now)?;
        spot.floor = Some(cursor);
        spot.reading = Reading::Live;
        if first.is_some() {
            self.read(place, cursor, turn);
            return Ok(());
        }
        self.all_read(place, turn)
    }

    fn heard(
        &mut self,
        place: EndpointId,
        post: Post,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        match &mut spot.reading {
            Reading::Baseline { first } => {
                first.get_or_insert(post.id);
                Ok(())
            }
            Reading::Live if post.author.is_some() && !self.waiting.overflows(place) => {
                self.take(place, post, turn)
            }
            // Our own posts are in the ledger by now: on one socket the ack comes before the echo.
            Reading::Live if turn.store.contains(place, &post.id.to_string())? => Ok(()),
            // The author must be read back, or the post comes before what is being read, or too much
            // waits to take it now.
            _ => {
                self.read(place, post.id.predecessor(), turn);
                Ok(())
            }
        }
    }

    fn listed(
        &mut self,
        place: EndpointId,
        posts: Vec<Post>,
        bad: &[Option<PostId>],
        bytes: usize,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let ids = || posts.iter().map(|post| post.id).chain(bad.iter().copied().flatten());
        let (count, lowest, highest) = (posts.len() + bad.len(), ids().min(), ids().max());
        let take = self.spots.get(&place).map_or(PAGE_SIZE, |spot| spot.page.take);
        self.page_came(place, lowest, (count, bytes));
        if self.spots.get_mut(&place).is_some_and(|spot| spot.reading.overtaken()) {
            self.ask_page(place, false, turn);
            return Ok(());
        }
        let bad = self.unheard_of(place, bad, turn)?;
        for post in posts {
            self.take(place, post, turn)?;
        }
        for post in bad {
            self.pass_over(place, post, turn)?;
        }
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        let more = spot.reading.turn_page(count, take, highest);
        if more {
            self.ask_page(place, false, turn);
        } else {
            self.all_read(place, turn)?;
        }
        self.ask_held(turn);
        Ok(())
    }

    /// Somebody spoke, but nobody can tell what.
    fn unreadable(
        &mut self,
        place: EndpointId,
        post: Option<PostId>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        match post {
            // What is being read comes upon it.
            _ if self.spots.get(&place).is_none_or(|it| it.reading != Reading::Live) => Ok(()),
            // The list may tell more of it than the event.
            Some(post) => {
                self.read(place, post.predecessor(), turn);
                Ok(())
            }
            None => self.pass_over(place, None, turn),
        }
    }

    /// Those of `bad` that were not passed over before, as far as they have ids.
    fn unheard_of(
        &self,
        place: EndpointId,
        bad: &[Option<PostId>],
        turn: &Turn<'_>,
    ) -> Result<Vec<Option<PostId>>, StoreError> {
        if bad.is_empty() {
            return Ok(Vec::new());
        }
        let cursor = turn.store.room_cursor(place)?.and_then(|it| it.parse::<PostId>().ok());
        let is_new =
            |post: &&Option<PostId>| post.is_none_or(|it| cursor.is_none_or(|cursor| it > cursor));
        Ok(bad.iter().filter(is_new).copied().collect())
    }

    /// Passes over a post that makes no sense.
    fn pass_over(
        &mut self,
        place: EndpointId,
        post: Option<PostId>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if let Some(post) = post {
            self.go_on_from(place, post, None, turn)?;
        }
        self.count(place, |traffic| traffic.unreadable += 1);
        Ok(())
    }

    /// Moves the cursor on to `post`, unless that claims to be of the future: then what is said in truth
    /// would count as read.
    fn go_on_from(
        &mut self,
        place: EndpointId,
        post: PostId,
        alive: Option<Timestamp>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if post > latest(turn.now) {
            return Ok(());
        }
        turn.store.advance_room_cursor(place, &post.to_string(), alive)
    }

    /// Nothing is left to read: the backlog is over, and the room may be spoken in.
    fn all_read(&mut self, place: EndpointId, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        if self.spots.get(&place).is_none_or(|spot| spot.reading != Reading::Live)
            || self.look_again(place, turn)?
        {
            return Ok(());
        }
        self.backlog_over(place, turn)?;
        if let Some(spot) = self.spots.get_mut(&place) {
            spot.page.all_read();
            spot.lane.again(turn.store)?;
            self.open += usize::from(spot.lane.open());
        }
        self.advance_direct(turn)?;
        self.advance(place, turn)
    }

    /// Tells the far side what became of the backlog, and how long we were away.
    fn backlog_over(&mut self, place: EndpointId, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        let Some(backlog) = spot.backlog.take() else { return Ok(()) };
        let away = spot.away.take();
        turn.store.touch_room(place, turn.now)?;
        let left_out = backlog.left_out();
        let Some((from, to)) = away else {
            return if left_out > 0 { self.tell_left_out(place, left_out, turn) } else { Ok(()) };
        };
        let (name, span) = (self.spelled(place), span(from, to));
        tracing::info!(place = name, %from, %to, mirrored = backlog.mirrored(), left_out, "was away");
        let what = match (backlog.mirrored(), left_out) {
            (0, 0) => "nothing was said there meanwhile".to_owned(),
            (_, 0) => "what was said there meanwhile is above".to_owned(),
            (_, _) => format!(
                "of what was said there meanwhile, {} not shown here",
                if left_out == 1 {
                    "1 message is".to_owned()
                } else {
                    format!("{left_out} messages are")
                },
            ),
        };
        self.announce_in_channels(place, format!("cut off from {name} {span}: {what}"), turn)
    }

    pub(super) fn read(&mut self, place: EndpointId, since: PostId, turn: &mut Turn<'_>) {
        if self.spots.get_mut(&place).is_some_and(|spot| spot.reading.request(since)) {
            self.ask_page(place, false, turn);
        }
    }

    /// Takes in one post of the room, in the room's order.
    fn take(
        &mut self,
        place: EndpointId,
        post: Post,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let native = post.id.to_string();
        let live = self.spots.get(&place).is_some_and(|spot| spot.backlog.is_none());
        self.go_on_from(place, post.id, live.then_some(turn.now), turn)?;
        if let (Some(author), Some(spot)) = (&post.author, self.spots.get_mut(&place))
            && self.account.as_ref().is_some_and(|account| account.id != author.id)
        {
            spot.guests.speak(author);
            self.speaks(place, &author.username, turn)?;
        }
        let posted = posted_at(&post, turn.now);
        let author = post.author.unwrap_or_else(letschat::LetsChatUser::unknown);
        let ours = self.account.as_ref().is_some_and(|account| account.id == author.id);
        let stray = ours && !turn.store.contains(place, &native)?;
        if stray && let Some(ticket) = self.is_in_doubt(place, &post.text) {
            self.count(place, |traffic| traffic.found += 1);
            return self.settle(ticket, place, Some(&native), turn);
        }
        if self.is_history(place, post.id, posted, turn.now) {
            return Ok(());
        }
        // A clock that differs from ours must not make what is said now look late.
        let backlog = self.spots.get_mut(&place).and_then(|spot| spot.backlog.as_mut());
        let said_at = if backlog.is_some() { posted } else { turn.now };
        let message = Message {
            source: place,
            author: author.into(),
            kind: MessageKind::Text,
            body: post.text,
            sent_at: said_at,
        };
        if stray {
            return self.is_stray(&message, &native, turn);
        }
        let Some(backlog) = backlog else {
            let new = self.hear(&message, Some(&native), turn)?;
            self.count(place, |traffic| match (new, ours) {
                (true, _) => traffic.heard += 1,
                (false, false) => traffic.duplicates += 1,
                (false, true) => {}
            });
            return if new { self.asked(&message, turn) } else { Ok(()) };
        };
        if turn.store.contains(place, &native)? {
            self.count(place, |traffic| traffic.duplicates += u64::from(!ours));
            return Ok(());
        }
        if backlog.admit(said_at, turn.now, self.policy.letschat) {
            self.count(place, |traffic| traffic.caught_up += 1);
            return self.hear(&message, Some(&native), turn).map(drop);
        }
        self.count(place, |traffic| traffic.left_out += 1);
        turn.store.record(&message, Some(&native)).map(drop)
    }

    /// A post by our own account of which the ledger does not know: the state is a restored backup, another
    /// bridge uses the account, or somebody does. Nobody can tell, and mirroring it would repeat what was
    /// mirrored from there: it is noted as ours.
    fn is_stray(
        &mut self,
        message: &Message,
        native: &str,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let place = message.source;
        self.count(place, |traffic| traffic.strays += 1);
        let strays = self.counters.traffic.get(&Peer::LetsChat).map_or(0, |it| it.strays);
        if strays.is_power_of_two() {
            let place = self.spelled(place);
            tracing::warn!(
                place,
                post = native,
                strays,
                "posted by the bridge's own account, and not by this bridge: not mirrored. Was a backup \
                 restored, or does another bridge, or somebody, use its token?"
            );
        }
        turn.store.record(message, Some(native)).map(drop)
    }

    /// Whether a post was there before we first saw the room, or was read so long ago that the ledger
    /// has forgotten it: all that was below the cursor when we joined was read.
    fn is_history(
        &self,
        place: EndpointId,
        post: PostId,
        posted: Timestamp,
        now: Timestamp,
    ) -> bool {
        let Some(spot) = self.spots.get(&place) else { return false };
        let (cursor, memory) = (spot.cursor, self.policy.memory);
        spot.floor.is_some_and(|floor| post <= floor)
            || cursor.is_some_and(|cursor| post <= cursor)
                && memory.is_some_and(|memory| now.duration_since(posted) > memory)
    }
}

/// The latest id that a server can give now: clocks differ, but not by days.
fn latest(now: Timestamp) -> PostId {
    PostId::from_time(now + LATEST)
}

/// When `post` was made: by its id, where its time cannot be one.
fn posted_at(post: &Post, now: Timestamp) -> Timestamp {
    let is_time = (EARLIEST..=now + LATEST).contains(&post.posted_at);
    if is_time { post.posted_at } else { post.id.created_at().min(now) }
}
