//! Posts, and how they are selected.

use jiff::Timestamp;

use super::account::Account;
use super::session::SocketId;
use crate::letschat::id::Id;

/// A message in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Its id: 24 hex digits.
    pub id: String,
    /// The text.
    pub text: String,
    /// When, by the server's clock.
    pub posted: Timestamp,
    /// The author's username when it was posted.
    pub owner: String,
    pub(super) owner_id: Id,
}

/// A post that has just become visible in its room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedPost {
    /// When, by this machine's clock, which is finer than [`Post::posted`].
    pub at: Timestamp,
    /// The room's slug.
    pub room: String,
    /// The post.
    pub post: Post,
}

impl Post {
    /// The author's id, which stays when the username changes.
    #[must_use]
    pub fn owner_id(&self) -> &str {
        &self.owner_id
    }

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

/// A draft that waits to be overtaken by the next post in its room, and who is answered then.
#[derive(Debug)]
pub(in super::super) struct HeldPost {
    pub post: Post,
    pub ack: Option<(SocketId, u64)>,
}

/// Why a message cannot be posted. The server gives no reason to anyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Rejected;

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
    pub(in super::super) fn select<'a>(&self, posts: &'a [Post]) -> Vec<&'a Post> {
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
        let listed: Vec<_> = query.select(&posts).iter().map(|post| post.id.clone()).collect();
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
