use axum::extract::ws::Utf8Bytes;
use jiff::Timestamp;

use super::account::Account;
use super::room::{Participants, Room};
use super::{News, Seat, World, json};
use crate::letschat::engineio;
use crate::letschat::id::{self, Id};
use crate::letschat::setup::Flavour;

/// What somebody said in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Its id: 24 hex digits.
    pub id: String,
    /// What was said.
    pub text: String,
    /// When, by the server's clock.
    pub posted: Timestamp,
    /// The username of the one who said it.
    pub owner: String,
    pub(super) owner_id: Id,
}

impl Post {
    pub(in super::super) fn new(id: &Id, text: &str, posted: Timestamp, owner: &Account) -> Self {
        Self {
            id: id.to_string(),
            text: text.to_owned(),
            posted,
            owner: owner.username.clone(),
            owner_id: owner.id.clone(),
        }
    }
}

/// A message that has its id and its time, and is not in its room yet.
#[derive(Debug, Clone)]
pub(in super::super) struct Draft {
    pub room: Id,
    pub post: Post,
}

/// A draft that waits to be overtaken by the next post in its room, and whom to answer then.
#[derive(Debug)]
pub(in super::super) struct Held {
    pub post: Post,
    pub asked: Option<(Seat, u64)>,
}

/// Why a message cannot be posted. The server gives no reason to anyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Refused;

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
    fn announcement(&self, room: &Room, post: &Post) -> axum::extract::ws::Utf8Bytes {
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

/// Which ids of a list are to be told in full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Expand {
    pub owner: bool,
    pub room: bool,
}

/// Which posts of a room to list.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Query {
    /// Those with a later id.
    pub since_id: Option<Id>,
    /// Those posted after this.
    pub from: Option<Timestamp>,
    /// Those posted at this or before.
    pub to: Option<Timestamp>,
    /// The latest first.
    pub reverse: bool,
    pub skip: usize,
    pub take: usize,
}

impl Query {
    /// The posts, of those that lie in order of their times.
    pub(in super::super) fn of<'a>(&self, posts: &'a [Post]) -> Vec<&'a Post> {
        let start = self.from.map_or(0, |from| posts.partition_point(|post| post.posted <= from));
        let end = self.to.map_or(posts.len(), |to| posts.partition_point(|post| post.posted <= to));
        let posts = posts[start.min(end)..end].iter();
        let newer = |post: &&Post| self.since_id.as_ref().is_none_or(|since| *post.id > **since);
        if self.reverse {
            posts.rev().filter(newer).skip(self.skip).take(self.take).collect()
        } else {
            posts.filter(newer).skip(self.skip).take(self.take).collect()
        }
    }
}

fn message<'a>(post: &'a Post, owner: json::Owner<'a>, room: json::Where<'a>) -> json::Message<'a> {
    json::Message { id: &post.id, text: &post.text, posted: id::iso(post.posted), owner, room }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(times: &[i64]) -> Vec<Post> {
        times
            .iter()
            .enumerate()
            .map(|(at, second)| Post {
                id: format!("{at:024x}"),
                text: "x".to_owned(),
                posted: Timestamp::from_second(*second).unwrap_or_default(),
                owner: "alice".to_owned(),
                owner_id: "0".into(),
            })
            .collect()
    }

    #[track_caller]
    fn lists(query: &Query, ids: &[usize]) {
        let posts = room(&[10, 20, 20, 30]);
        let listed: Vec<_> = query.of(&posts).iter().map(|post| post.id.clone()).collect();
        assert_eq!(listed, ids.iter().map(|at| format!("{at:024x}")).collect::<Vec<_>>());
    }

    fn all() -> Query {
        Query { take: 500, ..Query::default() }
    }

    fn second(second: i64) -> Option<Timestamp> {
        Timestamp::from_second(second).ok()
    }

    #[test]
    fn a_list_is_by_time_and_backwards_if_asked() {
        lists(&all(), &[0, 1, 2, 3]);
        lists(&Query { reverse: true, ..all() }, &[3, 2, 1, 0]);
    }

    #[test]
    fn from_leaves_its_own_moment_out_and_to_keeps_it() {
        lists(&Query { from: second(20), ..all() }, &[3]);
        lists(&Query { to: second(20), ..all() }, &[0, 1, 2]);
        lists(&Query { from: second(30), to: second(10), ..all() }, &[]);
    }

    #[test]
    fn since_id_skip_and_take_cut_in_that_order() {
        let since = Some(format!("{:024x}", 0).into());
        lists(&Query { since_id: since.clone(), ..all() }, &[1, 2, 3]);
        lists(&Query { since_id: since.clone(), skip: 1, take: 1, ..all() }, &[2]);
        lists(&Query { since_id: since, skip: 1, take: 1, reverse: true, ..all() }, &[2]);
    }
}
