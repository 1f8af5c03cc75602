//! A room.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::post::{HeldPost, Post};
use super::session::SocketId;
use crate::letschat::id::Id;

/// A room, its posts, and who is present.
#[derive(Debug)]
pub(in super::super) struct Room {
    pub id: Id,
    pub slug: String,
    pub name: String,
    pub description: Option<String>,
    pub last_active: Timestamp,
    pub created: Timestamp,
    pub owner: Id,
    pub private: bool,
    pub password: Option<String>,
    pub participants: Vec<Id>,
    pub archived: bool,
    /// By the time of posting; equal times in the order of arrival.
    pub posts: Vec<Post>,
    /// Posts that have their ids but wait to be overtaken.
    pub held_posts: VecDeque<HeldPost>,
    /// The sockets that joined, in that order.
    pub sockets: Vec<SocketId>,
}

impl Room {
    /// The real server's `isAuthorized`: whether `who` may read, write and enter without a password.
    pub(in super::super) fn is_authorized(&self, who: &str) -> bool {
        (!self.private && !self.has_password())
            || *self.owner == *who
            || self.participants.iter().any(|participant| **participant == *who)
    }

    /// Whether `who` may enter with this password.
    pub(in super::super) fn may_join(&self, who: &str, password: Option<&str>) -> bool {
        self.is_authorized(who) || (self.has_password() && self.password.as_deref() == password)
    }

    pub(in super::super) fn has_password(&self) -> bool {
        self.password.as_ref().is_some_and(|password| !password.is_empty())
    }

    /// Only these are told of it: it is private and no password opens it.
    pub(in super::super) fn is_secret(&self) -> bool {
        self.private && !self.has_password()
    }
}

/// How the participants of a private room are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Participants {
    /// By username: the room was read with its participants.
    Named,
    /// By id: it was read without.
    Bare,
}
