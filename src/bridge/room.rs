//! What Let's Chat tells us, and what follows from it.
//!
//! # What is in doubt
//!
//! A post whose ack was lost may be in the room or not. The room is asked: everything above the
//! cursor that it had when the post was sent is listed. One delivery is under way per room, so at
//! most one is in doubt, and every earlier post of ours is in the ledger by its id. Hence: a post
//! by our own account, with that text, that the ledger does not know, is the one in doubt, and it
//! has arrived. Equal texts in a row are told apart by this too: each of them was settled by an id
//! before the next was sent. Where the list holds no such post it has not arrived, and it is sent
//! again before anything else is.

use super::reading::{OVERLAP, Reading};
use super::{Bridge, Order, Spot, Turn};
use crate::domain::{Kind, Message, PlaceId};
use crate::protocol::letschat;
use crate::protocol::letschat::{Event, Post, PostId};
use crate::store::StoreError;
use crate::translate;

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
            Event::Heard { place, post } => self.heard(place, post, turn),
            Event::Listed { place, posts } => self.listed(place, posts, turn),
            Event::Newest { place, post } => self.newest(place, post, turn),
            Event::Posted { ticket, place, id } => {
                self.settle(ticket, place, Some(&id.to_string()), turn)
            }
            Event::Refused { ticket, place, why } => self.refuse(ticket, place, &why, turn),
            Event::Unanswered { ticket, place } => {
                tracing::warn!(%place, delivery = ticket.0, "not answered: looking for it in the room");
                if let Some(spot) = self.spots.get_mut(&place) {
                    spot.lane.doubt(turn.store)?;
                }
                match self.doubt_begins(place, turn)? {
                    Some(since) => self.read(place, since, turn),
                    None => Ok(()),
                }
            }
        }
    }

    fn room_joined(
        &mut self,
        place: PlaceId,
        room: &str,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        turn.store.learn_room(place, room)?;
        let cursor = parse(turn.store.cursor(place)?);
        let doubt = self.doubt_begins(place, turn)?;
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        tracing::info!(place = %spot.place, room, "joined");
        let Some(cursor) = cursor else {
            spot.reading = Reading::Baseline { first: None };
            turn.orders.push(Order::LetsChat(letschat::Order::Newest(place)));
            return Ok(());
        };
        spot.reading = Reading::Live;
        let since = cursor.earlier(OVERLAP);
        self.read(place, doubt.map_or(since, |doubt| doubt.min(since)), turn)
    }

    /// From where on the post in doubt is to be looked for.
    fn doubt_begins(&self, place: PlaceId, turn: &Turn<'_>) -> Result<Option<PostId>, StoreError> {
        let Some(delivery) = self.spots.get(&place).and_then(|spot| spot.lane.in_doubt()) else {
            return Ok(None);
        };
        let sent_after = parse(turn.store.sent_after(delivery.ticket)?);
        Ok(Some(sent_after.unwrap_or(PostId::FIRST).earlier(OVERLAP)))
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
        turn.store.advance(place, &cursor.to_string())?;
        spot.reading = Reading::Live;
        match first {
            Some(_) => self.read(place, cursor, turn),
            None => self.all_read(place, turn),
        }
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
            _ => self.read(place, post.id.before(), turn),
        }
    }

    fn listed(
        &mut self,
        place: PlaceId,
        posts: Vec<Post>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let (count, highest) = (posts.len(), posts.iter().map(|post| post.id).max());
        for post in posts {
            self.take(place, post, turn)?;
        }
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        if spot.reading.turn_page(count, highest) {
            self.ask_page(place, turn);
            return Ok(());
        }
        self.all_read(place, turn)
    }

    /// Nothing is left to read: what was in doubt and has not been found has not arrived.
    fn all_read(&mut self, place: PlaceId, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        if spot.reading == Reading::Live {
            spot.lane.again(turn.store)?;
            self.open += usize::from(spot.lane.open());
        }
        self.advance(place, turn)
    }

    fn read(
        &mut self,
        place: PlaceId,
        since: PostId,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if self.spots.get_mut(&place).is_some_and(|spot| spot.reading.request(since)) {
            self.ask_page(place, turn);
        }
        Ok(())
    }

    fn ask_page(&self, place: PlaceId, turn: &mut Turn<'_>) {
        if let Some(Spot { reading: Reading::Page { since, skip, .. }, .. }) =
            self.spots.get(&place)
        {
            let order = letschat::Order::List { place, since: *since, skip: *skip };
            turn.orders.push(Order::LetsChat(order));
        }
    }

    /// Takes in one post of the room, in the room's order.
    fn take(&mut self, place: PlaceId, post: Post, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let native = post.id.to_string();
        turn.store.advance(place, &native)?;
        let author = post.author.unwrap_or_else(letschat::Author::unknown);
        if self.account.as_ref().is_some_and(|account| account.id == author.id)
            && !turn.store.knows(place, &native)?
            && let Some(spot) = self.spots.get_mut(&place)
            && let Some(delivery) = spot.lane.under_way()
            && translate::to_letschat(&delivery.message) == post.text
        {
            let ticket = delivery.ticket;
            return self.settle(ticket, place, Some(&native), turn);
        }
        let message = Message {
            said_in: place,
            author: author.username,
            kind: Kind::Talk,
            body: post.text,
            said_at: post.posted,
        };
        self.hear(&message, Some(&native), turn)
    }
}

fn parse(id: Option<String>) -> Option<PostId> {
    id.and_then(|id| id.parse().ok())
}
