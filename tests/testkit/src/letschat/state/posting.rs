//! How messages are posted, told and listed.

use axum::extract::ws::Utf8Bytes;
use jiff::Timestamp;

use super::post::{Draft, Expand, Post, Refused};
use super::room::{Participants, Room};
use super::session::News;
use super::{World, json};
use crate::letschat::engineio;
use crate::letschat::id::{self, Id};
use crate::letschat::setup::Flavour;

impl World {
    /// `owner` whispers to `to`: the message as the server tells it, and who is told.
    pub(in super::super) fn whisper(
        &mut self,
        owner: &Id,
        to: &Id,
        text: &str,
    ) -> (String, [News; 2]) {
        let posted = id::now();
        let id = self.ids.make(posted);
        let whisper = json::PrivateMessage { id: &id, owner, text, posted: id::iso(posted) };
        let json = json::to_string(&whisper);
        let frame: Utf8Bytes = engineio::event("user-messages:new", &json).into();
        // Once for each of the two: who writes to himself hears it twice.
        let news = [owner, to].map(|who| {
            let seats = self.seats.iter().filter(|(_, taken)| taken.who == *who);
            News::Seats(seats.map(|(seat, _)| *seat).collect(), frame.clone())
        });
        // Off the record: told and not kept.
        if !text.starts_with("?OTR") {
            let to = self.account(to).map(|account| account.username.clone());
            let post = self.account(owner).map(|owner| Post::new(&id, text, posted, owner));
            self.whispers.extend(to.zip(post));
            self.touch();
        }
        (json, news)
    }

    /// Checks a message and gives it its id and its time, as the server does before it inserts it.
    pub(in super::super) fn draft(
        &mut self,
        room: &str,
        who: &Id,
        text: &str,
        posted: Timestamp,
    ) -> Result<Draft, Refused> {
        let room = self
            .rooms
            .get(room)
            .filter(|room| !room.archived && room.admits(who))
            .ok_or(Refused)?;
        if text.is_empty() {
            return Err(Refused);
        }
        let room = room.id.clone();
        let id = self.ids.make(posted);
        let owner = self.account(who).ok_or(Refused)?;
        Ok(Draft { room, post: Post::new(&id, text, posted, owner) })
    }

    /// Puts a draft into its room, and with it those that waited to be overtaken. The answer for its
    /// author, and the news for the others.
    pub(in super::super) fn publish(&mut self, draft: Draft) -> (String, Vec<News>) {
        let mut news = Vec::with_capacity(1);
        let answer = self.insert(&draft.room, draft.post, &mut news);
        while let Some(held) =
            self.rooms.get_mut(&draft.room).and_then(|room| room.held.pop_front())
        {
            let at = news.len();
            let answer = self.insert(&draft.room, held.post, &mut news);
            if let Some((seat, ack)) = held.asked {
                news.insert(at, News::Seats(vec![seat], engineio::ack(ack, &answer).into()));
            }
        }
        self.touch();
        (answer, news)
    }

    fn insert(&mut self, room: &Id, post: Post, news: &mut Vec<News>) -> String {
        let Some(place) = self.rooms.get_mut(room) else { return "null".to_owned() };
        place.last_active = post.posted;
        let at = place.posts.partition_point(|earlier| earlier.posted <= post.posted);
        place.posts.insert(at, post);
        let place = &self.rooms[room];
        let post = &place.posts[at];
        news.push(News::Room(room.clone(), self.announcement(place, post)));
        json::to_string(&message(post, json::Owner::Id(&post.owner_id), json::Where::Id(room)))
    }

    /// The `messages:new` of a post, the same for everyone in the room.
    fn announcement(&self, room: &Room, post: &Post) -> Utf8Bytes {
        let owner = self.account(&post.owner_id).filter(|_| self.flavour == Flavour::Mongoose46);
        let viewer = owner.map(|owner| &*owner.id);
        let place = json::Where::Room(self.room_shape(room, viewer, Participants::Bare));
        let owner = owner.map_or(json::Owner::Null, |owner| json::Owner::User(owner.shape()));
        engineio::event("messages:new", &json::to_string(&message(post, owner, place))).into()
    }

    /// A post as `messages:list` tells it.
    pub(in super::super) fn listed(&self, room: &Room, post: &Post, expand: &Expand) -> String {
        let owner = match self.account(&post.owner_id) {
            Some(account) if expand.owner => json::Owner::Brief(account.brief()),
            _ => json::Owner::Id(&post.owner_id),
        };
        let brief = || json::BriefRoom {
            id: &room.id,
            name: &room.name,
            has_password: false,
            participants: [],
        };
        let place =
            if expand.room { json::Where::Brief(brief()) } else { json::Where::Id(&room.id) };
        json::to_string(&message(post, owner, place))
    }
}

fn message<'a>(post: &'a Post, owner: json::Owner<'a>, room: json::Where<'a>) -> json::Message<'a> {
    json::Message { id: &post.id, text: &post.text, posted: id::iso(post.posted), owner, room }
}
