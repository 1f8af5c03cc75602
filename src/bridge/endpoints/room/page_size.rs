//! How many posts of a room are requested at once.

use super::reading::{RoomReading, UnreadPosts};
use crate::domain::DeliveryId;
use crate::protocol::letschat::{PAGE_SIZE, PostId};

/// By how much a page that was too large is reduced.
const SHRINK_FACTOR: usize = 32;

/// A page of this many bytes does not delay others; longer posts are requested in smaller pages.
const COMFORTABLE: usize = 2 << 20;

/// How often the connection may be lost with a page in flight before the page is reduced.
const MAX_LOSSES: u32 = 2;

/// The page size for one room.
#[derive(Debug)]
pub(in crate::bridge) struct PageSize {
    /// The number of posts.
    pub(in crate::bridge) limit: usize,
    /// A size that was too large since the room was last fully read; it is not reached again.
    too_many: Option<usize>,
    /// How often in a row the connection was lost meanwhile.
    connection_losses: u32,
    /// Reading is paused because the queue limit is reached.
    paused: bool,
    /// Where to continue after an unreadable post.
    skip_point: Option<SkipPoint>,
    /// Everything up to here was read or skipped.
    read_up_to: Option<PostId>,
}

/// A position after an unreadable post.
#[derive(Debug, Clone, Copy)]
struct SkipPoint {
    /// Only posts above this one.
    since: PostId,
    /// How many of them to skip.
    skip: usize,
    /// The delivery in doubt that was looked for up to there.
    in_doubt: Option<DeliveryId>,
}

impl Default for PageSize {
    fn default() -> Self {
        Self {
            limit: PAGE_SIZE,
            too_many: None,
            connection_losses: 0,
            paused: false,
            skip_point: None,
            read_up_to: None,
        }
    }
}

impl PageSize {
    /// Whether reading is paused because the queue limit is reached.
    pub(in crate::bridge) fn is_paused(&self) -> bool {
        self.paused
    }

    /// Reading is paused or not. Returns whether it is paused only now.
    pub(in crate::bridge) fn set_paused(&mut self, paused: bool) -> bool {
        !std::mem::replace(&mut self.paused, paused) && paused
    }

    /// The connection was lost, with a page of the room in flight or not.
    pub(in crate::bridge) fn connection_lost(&mut self, page_in_flight: bool) {
        self.paused = false;
        if page_in_flight {
            self.connection_losses += 1;
            if self.connection_losses >= MAX_LOSSES {
                self.shrink();
            }
        }
    }

    /// The post at this position cannot be read, even alone. A delivery in doubt was looked for up to there.
    pub(in crate::bridge) fn skip_after(
        &mut self,
        since: PostId,
        skip: usize,
        in_doubt: Option<DeliveryId>,
    ) {
        self.skip_point = Some(SkipPoint { since, skip, in_doubt });
    }

    /// The page has arrived, with this lowest id, number of posts and number of bytes.
    pub(in crate::bridge) fn on_page(
        &mut self,
        lowest: Option<PostId>,
        count: usize,
        bytes: usize,
    ) {
        let comfortable = COMFORTABLE * count.max(1) / bytes.max(1);
        let most = self.too_many.map_or(PAGE_SIZE, |many| many - 1).min(comfortable);
        self.limit = (self.limit * 2).min(most).max(1);
        self.connection_losses = 0;
        if self.skip_point.is_some() && lowest.is_some() {
            self.skip_point = None;
            self.read_up_to = lowest.map(PostId::predecessor);
        }
    }

    /// The page was too large.
    pub(in crate::bridge) fn shrink(&mut self) {
        // A single post that is too large is skipped, and says nothing about the others.
        self.too_many = (self.limit > 1).then_some(self.limit).or(self.too_many);
        self.limit = (self.limit / SHRINK_FACTOR).max(1);
        self.connection_losses = 0;
    }

    /// The room has been fully read.
    pub(in crate::bridge) fn all_read(&mut self) {
        self.too_many = None;
    }

    /// The state for reading from `since`, skipping unreadable posts. A delivery in doubt is still looked for
    /// from `since`, unless it was already.
    pub(in crate::bridge) fn start_state(
        &self,
        since: PostId,
        in_doubt: Option<DeliveryId>,
    ) -> RoomReading {
        match (self.skip_point, self.read_up_to) {
            (Some(beyond), _) if in_doubt.is_none() || in_doubt == beyond.in_doubt => {
                RoomReading::Paging {
                    since: beyond.since,
                    skip: beyond.skip,
                    unread: UnreadPosts::default(),
                }
            }
            (None, Some(barrier)) if in_doubt.is_none() => {
                RoomReading::paging_from(since.max(barrier))
            }
            _ => RoomReading::paging_from(since),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_long_posts_makes_the_next_as_small_as_is_comfortable() {
        let mut page = PageSize::default();
        page.on_page(None, 62, 62 * 200_000);
        assert_eq!(page.limit, 10);
        page.on_page(None, 10, 10 * 200_000);
        assert_eq!(page.limit, 10, "no larger than what came easily");
        page.on_page(None, 1, 12_000_000);
        assert_eq!(page.limit, 1);
        for _ in 0..10 {
            page.on_page(None, page.limit, page.limit * 100);
        }
        assert_eq!(page.limit, PAGE_SIZE);
    }

    #[test]
    fn page_size_shrinks_to_one_and_grows_back() {
        let mut page = PageSize::default();
        let shrunk: Vec<usize> = (0..4)
            .map(|_| {
                page.shrink();
                page.limit
            })
            .collect();
        assert_eq!(shrunk, [15, 1, 1, 1]);
        (0..10).for_each(|_| page.on_page(None, 1, 100));
        assert_eq!(page.limit, 14, "fifteen were too many");
        page.all_read();
        (0..10).for_each(|_| page.on_page(None, 0, 0));
        assert_eq!(page.limit, PAGE_SIZE);
    }

    #[test]
    fn unreadable_post_is_skipped_in_later_readings() {
        let id = |text: &str| text.parse::<PostId>().expect("an id");
        let (before, after) = (id("6b0000100000000000000001"), id("6b0000110000000000000001"));
        let beyond = SkipPoint { since: before, skip: 3, in_doubt: Some(DeliveryId(1)) };
        let mut page = PageSize { skip_point: Some(beyond), ..PageSize::default() };
        let there = RoomReading::Paging { since: before, skip: 3, unread: UnreadPosts::default() };
        for (in_doubt, reading) in [
            (None, there.clone()),
            (Some(DeliveryId(1)), there),
            (Some(DeliveryId(2)), RoomReading::paging_from(PostId::MIN)),
        ] {
            assert_eq!(page.start_state(PostId::MIN, in_doubt), reading);
        }
        page.on_page(Some(after), 1, 100);
        assert_eq!(page.start_state(before, None), RoomReading::paging_from(after.predecessor()));
        assert_eq!(page.start_state(after, None), RoomReading::paging_from(after));
        assert_eq!(page.start_state(before, Some(DeliveryId(1))), RoomReading::paging_from(before));
    }
}
