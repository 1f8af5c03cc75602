//! Reads a room page by page, and cuts it into segments that are complete.

use std::collections::BTreeMap;

use crate::protocol::letschat::{PAGE_SIZE, Post, PostId};

/// The overlap of pages in seconds: posts created at once may become visible in reverse order of their ids
/// (docs/letschat-protocol.md, section 6.2).
const OVERLAP_SECONDS: u32 = 2;

/// The posts of a page, and the ids of unreadable ones.
pub(super) type PostPage = (Vec<Post>, Vec<Option<PostId>>);

/// The reading position in a room.
#[derive(Debug)]
pub(super) struct RoomPages {
    since: PostId,
    skip: usize,
    /// Posts of pages that end within the overlap.
    held: Vec<Post>,
    done: bool,
}

/// All posts above `above` up to `up_to`, or to the end of the room.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) above: PostId,
    pub(super) up_to: Option<PostId>,
    pub(super) posts: BTreeMap<PostId, Post>,
}

impl RoomPages {
    /// Everything above `since`.
    pub(super) fn new(since: PostId) -> Self {
        Self { since, skip: 0, held: Vec::new(), done: false }
    }

    /// The next page to request: above which id, and how many posts to skip.
    pub(super) fn next_request(&self) -> Option<(PostId, usize)> {
        (!self.done).then_some((self.since, self.skip))
    }

    /// Adds the page. Returns the segment that it completes, if it does.
    pub(super) fn add_page(&mut self, (page, bad): PostPage) -> Option<Segment> {
        let ids = page.iter().map(|post| post.id).chain(bad.iter().copied().flatten());
        let count = page.len() + bad.len();
        let highest = ids.max();
        self.held.extend(page);
        let above = self.since;
        if count < PAGE_SIZE {
            self.done = true;
            return Some(self.take_segment(above, None));
        }
        let onward = highest.map_or(above, |highest| highest.minus_seconds(OVERLAP_SECONDS));
        if onward <= above {
            self.skip += count;
            return None;
        }
        self.since = onward;
        self.skip = 0;
        Some(self.take_segment(above, Some(onward)))
    }

    /// Posts above `up_to` are read again with the next page.
    fn take_segment(&mut self, above: PostId, up_to: Option<PostId>) -> Segment {
        let posts = std::mem::take(&mut self.held).into_iter();
        let within = |post: &Post| up_to.is_none_or(|up_to| post.id <= up_to);
        let posts = posts.filter(within).map(|post| (post.id, post)).collect();
        Segment { above, up_to, posts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a room with `counts[second]` posts in each second.
    #[track_caller]
    fn check(counts: &[usize], stretches: &[usize]) {
        let ids = (1..).zip(counts).flat_map(|(second, count)| {
            let id = move |n| format!("{second:08x}00000000{n:08x}").parse().expect("an id");
            (1..=*count).map(id)
        });
        let ids: Vec<PostId> = ids.collect();
        let post =
            |id: PostId| Post { id, text: String::new(), posted_at: id.created_at(), author: None };
        let mut pages = RoomPages::new(PostId::MIN);
        let mut seen = Vec::new();
        let mut lengths = Vec::new();
        while let Some((since, skip)) = pages.next_request() {
            let page = ids.iter().copied().filter(|id| *id > since).skip(skip).take(PAGE_SIZE);
            if let Some(stretch) = pages.add_page((page.map(post).collect(), Vec::new())) {
                lengths.push(stretch.posts.len());
                seen.extend(stretch.posts.into_keys());
            }
        }
        assert_eq!(seen, ids, "each post once");
        assert_eq!(lengths, stretches);
    }

    #[test]
    fn each_post_is_read_once() {
        check(&[], &[0]);
        check(&[499], &[499]);
        check(&[500], &[500]);
        check(&[100; 12], &[200, 200, 200, 200, 400]);
        check(&[1, 2_000, 1, 1, 3], &[2_006]);
        check(&[1, 1, 1, 2_000, 1, 1, 3], &[1, 2_007]);
    }
}
