//! Posts that wait until the delivery in flight to their room is settled.
//!
//! Somebody who is linked speaks on IRC and in the page by one account. While one of their messages from IRC is in
//! flight, a post by them with the same text is either that message, and the answer comes later, or they typed the same.
//! The answer tells. Until then, this post and all later ones of the room wait, so that their order is kept.

use std::collections::VecDeque;

use crate::protocol::letschat::{Post, PostId};

/// More posts than this are read again from the room instead.
const MAX_HELD: usize = 100;

/// The posts that wait, oldest first.
#[derive(Debug, Default)]
pub(in crate::bridge) struct HeldPosts {
    posts: VecDeque<Post>,
    /// The first of those that were dropped, since too many wait.
    dropped: Option<PostId>,
}

impl HeldPosts {
    /// Whether posts wait, so that later ones must, too.
    pub(in crate::bridge) fn is_waiting(&self) -> bool {
        !self.posts.is_empty()
    }

    /// Holds a post.
    pub(in crate::bridge) fn push(&mut self, post: Post) {
        if self.posts.len() < MAX_HELD && self.dropped.is_none() {
            self.posts.push_back(post);
        } else {
            self.dropped = Some(self.dropped.map_or(post.id, |first| first.min(post.id)));
        }
    }

    /// Takes the posts that wait, and the first one that must be read again.
    pub(in crate::bridge) fn take(&mut self) -> (VecDeque<Post>, Option<PostId>) {
        (std::mem::take(&mut self.posts), self.dropped.take())
    }

    /// The connection is lost: the posts are read again, since the cursor is below them.
    pub(in crate::bridge) fn drop_all(&mut self) {
        *self = Self::default();
    }
}
