//! How far a room has been read.

use std::collections::BTreeSet;

use crate::protocol::letschat::PostId;

/// How many seconds before the cursor reading starts. Posts received at once may become visible in reverse
/// order of their ids (docs/letschat-protocol.md, section 6.2). Known posts are dropped;
/// unknown ones were missed.
pub(in crate::bridge) const OVERLAP_SECONDS: u32 = 60;

/// The overlap between two pages of one catch-up, where nothing stays invisible for long.
const PAGE_OVERLAP_SECONDS: u32 = 2;

/// How many live posts are noted one by one while a room is being read; with more, everything above the lowest is
/// read again.
const MAX_NOTED: usize = 4_096;

/// How far a room has been read.
///
/// ```text
///          joined, no cursor              newest post known
///  Offline ──────────────────▶ Baseline ─────────────────▶ Live ◀───────┐ nothing left to read
///    │                                                    │           │
///    │ joined, with a cursor            something to read │           │
///    └──────────────────────────────▶ Paging ◀────────────┴───────────┤
///                                       └───── more to read ─────────┘
///  any state ── connection lost ──▶ Offline
/// ```
///
/// While a room is being read, live posts are not processed, only noted as more to read. So the room's order
/// is kept, and a backlog of any length needs one page of memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::bridge) enum RoomReading {
    /// Not in the room.
    Offline,
    /// In the room for the first time: its newest post is requested, and mirroring starts after it.
    Baseline {
        /// The first live post since.
        first_live: Option<PostId>,
    },
    /// A page was requested.
    Paging {
        /// Only posts above this one.
        since: PostId,
        /// How many of them to skip.
        skip: usize,
        /// What is to be read next.
        unread: UnreadPosts,
    },
    /// Everything is read; live posts are processed.
    Live,
}

/// What became known while a room is being read, and has not been read yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::bridge) struct UnreadPosts {
    /// Everything above this.
    since: Option<PostId>,
    /// Live posts. A page that contains one of them has read it: the server sends the post as soon as it is visible,
    /// often before it has listed the page.
    posts: BTreeSet<PostId>,
}

impl UnreadPosts {
    fn add_since(&mut self, since: PostId) {
        self.since = Some(self.since.map_or(since, |known| known.min(since)));
    }

    fn add_post(&mut self, post: PostId) {
        self.posts.insert(post);
        if self.posts.len() > MAX_NOTED
            && let Some(lowest) = std::mem::take(&mut self.posts).first()
        {
            self.add_since(lowest.predecessor());
        }
    }

    /// Where reading must start.
    fn lowest(&self) -> Option<PostId> {
        let post = self.posts.first().map(|post| post.predecessor());
        self.since.into_iter().chain(post).min()
    }
}

impl RoomReading {
    /// Starts to read everything above `since`.
    pub(in crate::bridge) fn paging_from(since: PostId) -> Self {
        Self::Paging { since, skip: 0, unread: UnreadPosts::default() }
    }

    /// Everything above `since` is to be read. Returns whether a page must be requested now.
    pub(in crate::bridge) fn request(&mut self, since: PostId) -> bool {
        if let Self::Paging { unread, .. } = self {
            unread.add_since(since);
        }
        self.start_at(since)
    }

    /// A live post is to be read, and whatever else has not been by then. Returns whether a page must be requested
    /// now.
    pub(in crate::bridge) fn request_post(&mut self, post: PostId) -> bool {
        if let Self::Paging { unread, .. } = self {
            unread.add_post(post);
        }
        self.start_at(post.predecessor())
    }

    /// Starts to read above `since`, unless it is read already or cannot be. Returns whether it starts.
    fn start_at(&mut self, since: PostId) -> bool {
        let is_live = *self == Self::Live;
        if is_live {
            *self = Self::paging_from(since);
        }
        is_live
    }

    /// A post below the page in flight became visible. The page comes after that post, so it is read again
    /// from there. Returns whether a page must be requested now.
    pub(in crate::bridge) fn restart_if_overtaken(&mut self) -> bool {
        let Self::Paging { since, unread, .. } = self else { return false };
        let lowest = unread.lowest().filter(|lowest| *lowest < *since);
        if let Some(lowest) = lowest {
            *self = Self::paging_from(lowest);
        }
        lowest.is_some()
    }

    /// These posts have been read.
    pub(in crate::bridge) fn mark_read(&mut self, posts: impl Iterator<Item = PostId>) {
        if let Self::Paging { unread, .. } = self {
            for post in posts {
                unread.posts.remove(&post);
            }
        }
    }

    /// A page of `count` posts was read, of `take` requested, with `highest` as the highest id. Returns
    /// whether another one must be requested.
    pub(in crate::bridge) fn finish_page(
        &mut self,
        count: usize,
        take: usize,
        highest: Option<PostId>,
    ) -> bool {
        let Self::Paging { since, skip, unread } = self else { return false };
        if count > 0 && count >= take {
            // A page that ends within the overlap, or without ids, makes no progress: skip its posts instead.
            match highest.map(|highest| highest.minus_seconds(PAGE_OVERLAP_SECONDS)) {
                Some(onward) if onward > *since => (*since, *skip) = (onward, 0),
                _ => *skip += count,
            }
            return true;
        }
        let next = unread.lowest();
        *self = next.map_or(Self::Live, Self::paging_from);
        next.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::letschat::PAGE_SIZE;

    fn id(second: u32, counter: u32) -> PostId {
        format!("{second:08x}00000000{counter:08x}").parse().expect("an id")
    }

    #[test]
    fn short_page_is_the_last() {
        let mut reading = RoomReading::paging_from(PostId::MIN);
        assert!(!reading.finish_page(PAGE_SIZE - 1, PAGE_SIZE, Some(id(9, 1))));
        assert_eq!(reading, RoomReading::Live);
    }

    #[test]
    fn full_page_continues_with_an_overlap() {
        let mut reading = RoomReading::paging_from(PostId::MIN);
        assert!(reading.finish_page(PAGE_SIZE, PAGE_SIZE, Some(id(9, 1))));
        assert_eq!(reading, RoomReading::paging_from(id(7, 0)));
    }

    #[test]
    fn second_with_more_than_a_page_is_read_completely() {
        let mut reading = RoomReading::paging_from(id(7, 0));
        for pages in 1..4 {
            assert!(reading.finish_page(PAGE_SIZE, PAGE_SIZE, Some(id(9, 1))));
            assert_eq!(
                reading,
                RoomReading::Paging {
                    since: id(7, 0),
                    skip: pages * PAGE_SIZE,
                    unread: UnreadPosts::default()
                }
            );
        }
        assert!(reading.finish_page(PAGE_SIZE, PAGE_SIZE, Some(id(10, 1))));
        assert_eq!(reading, RoomReading::paging_from(id(8, 0)));
    }

    #[test]
    fn page_without_ids_is_skipped() {
        let mut reading = RoomReading::paging_from(id(7, 0));
        assert!(reading.finish_page(PAGE_SIZE, PAGE_SIZE, None));
        assert_eq!(
            reading,
            RoomReading::Paging {
                since: id(7, 0),
                skip: PAGE_SIZE,
                unread: UnreadPosts::default()
            }
        );
        assert!(!reading.finish_page(0, PAGE_SIZE, None));
        assert_eq!(reading, RoomReading::Live);
    }

    #[test]
    fn post_below_the_page_restarts_the_page() {
        let mut reading = RoomReading::paging_from(id(5, 1));
        assert!(!reading.restart_if_overtaken());
        reading.request(id(5, 1));
        assert!(!reading.restart_if_overtaken(), "the page holds it");
        reading.request(id(5, 0));
        assert!(reading.restart_if_overtaken());
        assert_eq!(reading, RoomReading::paging_from(id(5, 0)));
    }

    #[test]
    fn live_posts_that_a_page_contains_are_not_read_again() {
        let mut reading = RoomReading::paging_from(PostId::MIN);
        (1..=4).for_each(|counter| assert!(!reading.request_post(id(5, counter))));
        reading.mark_read([id(5, 1), id(5, 2)].into_iter());
        assert!(reading.finish_page(2, PAGE_SIZE, Some(id(5, 2))));
        assert_eq!(reading, RoomReading::paging_from(id(5, 2)));
        reading.request_post(id(5, 3));
        reading.mark_read([id(5, 3), id(5, 4)].into_iter());
        assert!(!reading.finish_page(2, PAGE_SIZE, Some(id(5, 4))));
        assert_eq!(reading, RoomReading::Live);
        assert!(reading.request_post(id(5, 5)));
        assert_eq!(reading, RoomReading::paging_from(id(5, 4)));
    }

    #[test]
    fn what_is_to_be_read_from_a_position_is_read_even_if_a_page_contains_its_first_post() {
        let mut reading = RoomReading::paging_from(PostId::MIN);
        reading.request(id(5, 0));
        reading.mark_read([id(5, 1)].into_iter());
        assert!(reading.finish_page(1, PAGE_SIZE, Some(id(5, 1))));
        assert_eq!(reading, RoomReading::paging_from(id(5, 0)));
    }

    #[test]
    fn with_too_many_live_posts_everything_above_the_lowest_is_read_again() {
        let mut reading = RoomReading::paging_from(PostId::MIN);
        let posts =
            || (0..=MAX_NOTED).map(|counter| id(5, 1 + u32::try_from(counter).expect("few")));
        posts().rev().for_each(|post| assert!(!reading.request_post(post)));
        reading.mark_read(posts());
        assert!(reading.finish_page(1, PAGE_SIZE, Some(id(6, 0))));
        assert_eq!(reading, RoomReading::paging_from(id(5, 0)));
    }

    #[test]
    fn posts_during_paging_are_read_next() {
        let mut reading = RoomReading::paging_from(PostId::MIN);
        assert!(!reading.request(id(5, 2)));
        assert!(!reading.request(id(5, 1)));
        assert!(!reading.request(id(5, 3)));
        assert!(reading.finish_page(3, PAGE_SIZE, Some(id(4, 0))));
        assert_eq!(reading, RoomReading::paging_from(id(5, 1)));
    }
}
