//! How messages are posted, broadcast and listed.

use axum::extract::ws::Utf8Bytes;
use jiff::Timestamp;

use super::post::{Draft, Expand, Post, Rejected};
use super::room::{Participants, Room};
use super::session::Broadcast;
use super::{ServerState, json};
use crate::letschat::engineio;
use crate::letschat::id::{self, Id};
use crate::letschat::setup::MongooseVersion;

impl ServerState {
    /// `owner` sends `to` a private message: the message as the answer has it, and its broadcasts.
    pub(in super::super) fn private_message(
        &mut self,
        owner: &Id,
        to: &Id,
        text: &str,
    ) -> (String, [Broadcast; 2]) {
        let posted = id::now();
        let id = self.ids.next(posted);
        let message = json::PrivateMessage { id: &id, owner, text, posted: id::iso(posted) };
        let json = json::to_string(&message);
        let frame: Utf8Bytes = engineio::event("user-messages:new", &json).into();
        // Once for each of the two: an account that writes to itself gets it twice.
        let broadcasts = [owner, to].map(|who| {
            let sockets = self.sessions.iter().filter(|(_, session)| session.account_id == *who);
            Broadcast::Sockets(sockets.map(|(socket, _)| *socket).collect(), frame.clone())
        });
        // Off the record: sent and not kept.
        if !text.starts_with("?OTR") {
            let to = self.account(to).map(|account| account.username.clone());
            let post = self.account(owner).map(|owner| Post::new(&id, text, posted, owner));
            self.sent_private_messages.extend(to.zip(post));
            keep_last(&mut self.sent_private_messages, self.max_posts);
            self.notify_changed();
        }
        (json, broadcasts)
    }

    /// Checks a message and gives it its id and its time, as the server does before it inserts it.
    pub(in super::super) fn draft(
        &mut self,
        room: &str,
        who: &Id,
        text: &str,
        posted: Timestamp,
    ) -> Result<Draft, Rejected> {
        let room = self
            .rooms
            .get(room)
            .filter(|room| !room.archived && room.is_authorized(who))
            .ok_or(Rejected)?;
        if text.is_empty() {
            return Err(Rejected);
        }
        let room = room.id.clone();
        let id = self.ids.next(posted);
        let owner = self.account(who).ok_or(Rejected)?;
        Ok(Draft { room, post: Post::new(&id, text, posted, owner) })
    }

    /// Puts a draft into its room, and with it those that waited to be overtaken. The answer for its
    /// author, and the broadcasts to the others.
    pub(in super::super) fn publish(&mut self, draft: Draft) -> (String, Vec<Broadcast>) {
        let mut broadcasts = Vec::with_capacity(1);
        let answer = self.insert(&draft.room, draft.post, &mut broadcasts);
        while let Some(held) =
            self.rooms.get_mut(&draft.room).and_then(|room| room.held_posts.pop_front())
        {
            let at = broadcasts.len();
            let answer = self.insert(&draft.room, held.post, &mut broadcasts);
            if let Some((socket, ack)) = held.ack {
                broadcasts.insert(
                    at,
                    Broadcast::Sockets(vec![socket], engineio::ack(ack, &answer).into()),
                );
            }
        }
        self.notify_changed();
        (answer, broadcasts)
    }

    /// Puts a post into its room in the order of time. Nobody is told.
    pub(in super::super) fn restore(&mut self, room: &Id, post: Post) {
        let Some(place) = self.rooms.get_mut(room) else { return };
        let at = place.posts.partition_point(|earlier| earlier.posted <= post.posted);
        place.posts.insert(at, post);
        self.notify_changed();
    }

    fn insert(&mut self, room: &Id, post: Post, broadcasts: &mut Vec<Broadcast>) -> String {
        let Some(place) = self.rooms.get_mut(room) else { return "null".to_owned() };
        place.last_active = post.posted;
        let at = place.posts.partition_point(|earlier| earlier.posted <= post.posted);
        place.posts.insert(at, post);
        let place = &self.rooms[room];
        let post = &place.posts[at];
        self.tell_watchers(&place.slug, post);
        broadcasts.push(Broadcast::Room(room.clone(), self.announcement(place, post)));
        let answer =
            json::to_string(&message(post, json::Owner::Id(&post.owner_id), json::Where::Id(room)));
        let most = self.max_posts;
        if let Some(place) = self.rooms.get_mut(room) {
            keep_last(&mut place.posts, most);
        }
        answer
    }

    /// The `messages:new` of a post, the same for everyone in the room.
    fn announcement(&self, room: &Room, post: &Post) -> Utf8Bytes {
        let owner = self.account(&post.owner_id).filter(|_| self.mongoose == MongooseVersion::V4_6);
        let viewer = owner.map(|owner| &*owner.id);
        let place = json::Where::Room(self.room_json(room, viewer, Participants::Bare));
        let owner = owner.map_or(json::Owner::Null, |owner| json::Owner::User(owner.as_json()));
        engineio::event("messages:new", &json::to_string(&message(post, owner, place))).into()
    }

    /// A post as `messages:list` tells it.
    pub(in super::super) fn list_entry(&self, room: &Room, post: &Post, expand: &Expand) -> String {
        let owner = match self.account(&post.owner_id) {
            Some(account) if expand.owner => json::Owner::Brief(account.as_brief_json()),
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

/// Forgets all but the last `most`.
pub(in super::super) fn keep_last<T>(all: &mut Vec<T>, most: usize) {
    all.drain(..all.len().saturating_sub(most));
}

fn message<'a>(post: &'a Post, owner: json::Owner<'a>, room: json::Where<'a>) -> json::Message<'a> {
    json::Message { id: &post.id, text: &post.text, posted: id::iso(post.posted), owner, room }
}
