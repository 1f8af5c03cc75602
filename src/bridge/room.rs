//! What Let's Chat tells us, and what follows from it.

use jiff::Timestamp;

use super::policy::Backlog;
use super::reading::{OVERLAP, Reading};
use super::{Bridge, Order, Turn};
use crate::domain::{Kind, Message, Place, PlaceId, Ticket};
use crate::protocol::letschat;
use crate::protocol::letschat::{Event, Post, PostId};
use crate::store::StoreError;

impl Bridge {
    pub(super) fn letschat(&mut self, event: Event, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        match event {
            Event::Welcome(account) => {
                tracing::info!(account = account.username, "welcome to Let's Chat");
                self.account = Some(account);
                Ok(())
            }
            Event::Joined { place, room } => self.room_joined(place, &room, turn),
            Event::Closed { place, why } => {
                if let Some(spot) = self.spots.get_mut(&place) {
                    tracing::warn!(place = %spot.place, why, "not in the room");
                    self.open -= usize::from(spot.lane.close());
                    spot.reading = Reading::Away;
                }
                Ok(())
            }
            Event::People(presence) => {
                self.guest(presence, turn.now);
                Ok(())
            }
            Event::Heard { place, post } => self.heard(place, post, turn),
            Event::Listed { place, posts } => self.listed(place, posts, turn),
            Event::Newest { place, post } => self.newest(place, post, turn),
            Event::Posted { ticket, place, id } => {
                self.settle(ticket, place, Some(&id.to_string()), turn)
            }
            Event::Refused { ticket, place, why } => self.objected(ticket, place, &why, turn),
            Event::Unanswered { ticket, place } => self.unanswered(ticket, place, turn),
        }
    }

    fn room_joined(
        &mut self,
        place: PlaceId,
        room: &str,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        turn.store.learn_room(place, room)?;
        let cursor = turn.store.cursor(place)?.and_then(|id| id.parse::<PostId>().ok());
        let floor = turn.store.floor(place)?.and_then(|id| id.parse::<PostId>().ok());
        let doubt = self.doubt_begins(place, turn)?;
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        tracing::info!(place = %spot.place, room, "joined");
        spot.floor = floor;
        let Some(cursor) = cursor else {
            spot.reading = Reading::Baseline { first: None };
            turn.orders.push(Order::LetsChat(letschat::Order::Newest(place)));
            return Ok(());
        };
        spot.reading = Reading::Live;
        spot.cursor = Some(cursor);
        spot.backlog = Some(Backlog::default());
        spot.absent_once = false;
        let since = cursor.earlier(OVERLAP);
        self.read(place, doubt.map_or(since, |doubt| doubt.min(since)), turn);
        Ok(())
    }

    fn unanswered(
        &mut self,
        ticket: Ticket,
        place: PlaceId,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if let Some(spot) = self.spots.get_mut(&place) {
            tracing::warn!(place = %spot.place, delivery = ticket.0, "no answer: looking in the room");
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
        place: PlaceId,
        newest: Option<PostId>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        let Reading::Baseline { first } = spot.reading else { return Ok(()) };
        let newest = newest.unwrap_or(PostId::FIRST);
        // What was said live since we joined is not history, even if the answer includes it.
        let cursor = first.map_or(newest, |first| newest.min(first.before()));
        turn.store.first_post(place, &cursor.to_string())?;
        spot.floor = Some(cursor);
        spot.reading = Reading::Live;
        if first.is_some() {
            self.read(place, cursor, turn);
            return Ok(());
        }
        self.all_read(place, turn)
    }

    fn heard(&mut self, place: PlaceId, post: Post, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        match &mut spot.reading {
            Reading::Baseline { first } => {
                first.get_or_insert(post.id);
                Ok(())
            }
            Reading::Live if post.author.is_some() => self.take(place, post, turn),
            // Our own posts are in the ledger by now: on one socket the ack comes before the echo.
            Reading::Live if turn.store.knows(place, &post.id.to_string())? => Ok(()),
            // The author must be read back, or the post comes before what is being read.
            _ => {
                self.read(place, post.id.before(), turn);
                Ok(())
            }
        }
    }

    fn listed(
        &mut self,
        place: PlaceId,
        posts: Vec<Post>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if self.spots.get_mut(&place).is_some_and(|spot| spot.reading.overtaken()) {
            self.ask_page(place, false, turn);
            return Ok(());
        }
        let (count, highest) = (posts.len(), posts.iter().map(|post| post.id).max());
        for post in posts {
            self.take(place, post, turn)?;
        }
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        if spot.reading.turn_page(count, highest) {
            self.ask_page(place, false, turn);
            return Ok(());
        }
        self.all_read(place, turn)
    }

    /// Nothing is left to read: the backlog is over, and the room may be spoken in.
    fn all_read(&mut self, place: PlaceId, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        if self.spots.get(&place).is_none_or(|spot| spot.reading != Reading::Live)
            || self.look_again(place, turn)?
        {
            return Ok(());
        }
        self.backlog_over(place, turn)?;
        if let Some(spot) = self.spots.get_mut(&place) {
            spot.lane.again(turn.store)?;
            self.open += usize::from(spot.lane.open());
        }
        self.advance(place, turn)
    }

    /// Tells the far side what of the backlog was left out.
    fn backlog_over(&mut self, place: PlaceId, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        let left_out = spot.backlog.take().map_or(0, Backlog::left_out);
        if left_out == 0 {
            return Ok(());
        }
        tracing::warn!(place = %spot.place, left_out, "too old or too many to be mirrored");
        let Place::Room(room) = &spot.place else { return Ok(()) };
        let messages = if left_out == 1 { "1 message" } else { &format!("{left_out} messages") };
        let words =
            format!("{messages} of room {room}, said while the bridge was away, not shown here");
        self.announce(place, words, turn)
    }

    pub(super) fn read(&mut self, place: PlaceId, since: PostId, turn: &mut Turn<'_>) {
        if self.spots.get_mut(&place).is_some_and(|spot| spot.reading.request(since)) {
            self.ask_page(place, false, turn);
        }
    }

    /// Asks for the page that the reading stands at; `later` where the server is given a moment.
    pub(super) fn ask_page(&self, place: PlaceId, later: bool, turn: &mut Turn<'_>) {
        let reading = self.spots.get(&place).map(|spot| &spot.reading);
        if let Some(Reading::Page { since, skip, .. }) = reading {
            let order = letschat::Order::List { place, since: *since, skip: *skip, later };
            turn.orders.push(Order::LetsChat(order));
        }
    }

    /// Takes in one post of the room, in the room's order.
    fn take(&mut self, place: PlaceId, post: Post, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let native = post.id.to_string();
        turn.store.advance(place, &native)?;
        if let (Some(author), Some(spot)) = (&post.author, self.spots.get_mut(&place))
            && self.account.as_ref().is_some_and(|account| account.id != author.id)
        {
            spot.guests.speak(author);
            self.goings.speak(place, &author.username, turn.now);
        }
        let author = post.author.unwrap_or_else(letschat::Author::unknown);
        let ours = self.account.as_ref().is_some_and(|account| account.id == author.id);
        if ours
            && !turn.store.knows(place, &native)?
            && let Some(ticket) = self.is_in_doubt(place, &post.text)
        {
            self.count(place, |traffic| traffic.found += 1);
            return self.settle(ticket, place, Some(&native), turn);
        }
        if self.is_history(place, post.id, post.posted, turn.now) {
            return Ok(());
        }
        // A clock that differs from ours must not make what is said now look late.
        let backlog = self.spots.get_mut(&place).and_then(|spot| spot.backlog.as_mut());
        let said_at = if backlog.is_some() { post.posted } else { turn.now };
        let message = Message {
            said_in: place,
            author: author.into(),
            kind: Kind::Talk,
            body: post.text,
            said_at,
        };
        let Some(backlog) = backlog else {
            let new = self.hear(&message, Some(&native), turn)?;
            self.count(place, |traffic| match (new, ours) {
                (true, _) => traffic.heard += 1,
                (false, false) => traffic.duplicates += 1,
                (false, true) => {}
            });
            return if new { self.asked(&message, turn) } else { Ok(()) };
        };
        if turn.store.knows(place, &native)? {
            self.count(place, |traffic| traffic.duplicates += u64::from(!ours));
            return Ok(());
        }
        if backlog.admit(said_at, turn.now, &self.policy) {
            self.count(place, |traffic| traffic.caught_up += 1);
            return self.hear(&message, Some(&native), turn).map(drop);
        }
        self.count(place, |traffic| traffic.left_out += 1);
        turn.store.hear(&message, Some(&native)).map(drop)
    }

    /// Whether a post was there before we first saw the room, or was read so long ago that the ledger
    /// has forgotten it: all that was below the cursor when we joined was read.
    fn is_history(&self, place: PlaceId, post: PostId, posted: Timestamp, now: Timestamp) -> bool {
        let Some(spot) = self.spots.get(&place) else { return false };
        let (cursor, memory) = (spot.cursor, self.policy.memory);
        spot.floor.is_some_and(|floor| post <= floor)
            || cursor.is_some_and(|cursor| post <= cursor)
                && memory.is_some_and(|memory| now.duration_since(posted) > memory)
    }
}
