//! How far a room has been read.

use crate::protocol::letschat::PostId;

/// How many seconds before the cursor reading starts. Posts received at once may become visible in reverse
/// order of their ids (docs/letschat-protocol.md, section 6.2). Known posts are dropped;
/// unknown ones were missed.
pub(in crate::bridge) const OVERLAP_SECONDS: u32 = 60;

/// The overlap between two pages of one catch-up, where nothing stays invisible for long.
const PAGE_OVERLAP_SECONDS: u32 = 2;

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
        /// Where to read next, if there is more.
        next_since: Option<PostId>,
    },
    /// Everything is read; live posts are processed.
    Live,
}

impl RoomReading {
    /// Starts to read everything above `since`.
    pub(in crate::bridge) fn paging_from(since: PostId) -> Self {
        Self::Paging { since, skip: 0, next_since: None }
    }

    /// There is something to read above `since`. Returns whether a page must be requested now.
    pub(in crate::bridge) fn request(&mut self, since: PostId) -> bool {
        match self {
            Self::Offline | Self::Baseline { .. } => false,
            Self::Paging { next_since: next, .. } => {
                *next = Some(next.map_or(since, |next| next.min(since)));
                false
            }
            Self::Live => {
                *self = Self::paging_from(since);
                true
            }
        }
    }

    /// A post below the page in flight became visible. The page comes after that post, so it is read again
    /// from there. Returns whether a page must be requested now.
    pub(in crate::bridge) fn restart_if_overtaken(&mut self) -> bool {
        let Self::Paging { since, next_since: Some(next), .. } = self else { return false };
        let overtaken = next < since;
        if overtaken {
            *self = Self::paging_from(*next);
        }
        overtaken
    }

    /// A page of `count` posts was read, of `take` requested, with `highest` as the highest id. Returns
    /// whether another one must be requested.
    pub(in crate::bridge) fn finish_page(
        &mut self,
        count: usize,
        take: usize,
        highest: Option<PostId>,
    ) -> bool {
        let Self::Paging { since, skip, next_since: next } = self else { return false };
        if count > 0 && count >= take {
            // A page that ends within the overlap, or without ids, makes no progress: skip its posts instead.
            match highest.map(|highest| highest.minus_seconds(PAGE_OVERLAP_SECONDS)) {
                Some(onward) if onward > *since => (*since, *skip) = (onward, 0),
                _ => *skip += count,
            }
            return true;
        }
        let next = next.take();
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
                RoomReading::Paging { since: id(7, 0), skip: pages * PAGE_SIZE, next_since: None }
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
            RoomReading::Paging { since: id(7, 0), skip: PAGE_SIZE, next_since: None }
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
    fn posts_during_paging_are_read_next() {
        let mut reading = RoomReading::paging_from(PostId::MIN);
        assert!(!reading.request(id(5, 2)));
        assert!(!reading.request(id(5, 1)));
        assert!(!reading.request(id(5, 3)));
        assert!(reading.finish_page(3, PAGE_SIZE, Some(id(4, 0))));
        assert_eq!(reading, RoomReading::paging_from(id(5, 1)));
    }
}
