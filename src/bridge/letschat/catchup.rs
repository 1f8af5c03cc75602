use crate::protocol::letschat::PostId;

/// How many seconds before the cursor a reading begins. Posts that the server took at once may
/// have become visible in the other order of their ids (WIRE.md, "Messages"): what is known is
/// dropped, what is not was missed.
pub(in crate::bridge) const OVERLAP_SECONDS: u32 = 60;

/// The same between two pages of one reading, where nothing waited to become visible for long.
const PAGE_OVERLAP_SECONDS: u32 = 2;

/// How far a room is read.
///
/// ```text
///           joined, no cursor            newest known
///  Away ───────────────────▶ Baseline ────────────────▶ Live ◀──────┐ nothing more to read
///    │                                                   │          │
///    │ joined, with a cursor            something to read│          │
///    └──────────────────────────────▶ Page ◀─────────────┴──────────┤
///                                      └── more to read ────────────┘
///  any ── lost ──▶ Away
/// ```
///
/// While a room is being read, what is said in it live is not taken in, only noted as more to read:
/// so the room's order is kept, and a backlog of any length takes one page of memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::bridge) enum RoomState {
    /// Not in the room.
    Offline,
    /// In the room for the first time: its newest post is asked for, and mirroring begins behind it.
    Baseline {
        /// The first post that was said live since.
        first_live: Option<PostId>,
    },
    /// A page was asked for.
    Paging {
        /// Only posts above this one.
        since: PostId,
        /// Less this many of them.
        skip: usize,
        /// Where the next reading begins, should there be one.
        next_since: Option<PostId>,
    },
    /// Everything is read; what is said is heard live.
    Live,
}

impl RoomState {
    /// A reading of everything above `since`.
    pub(in crate::bridge) fn paging_from(since: PostId) -> Self {
        Self::Paging { since, skip: 0, next_since: None }
    }

    /// There is something to read above `since`. Says whether a page must be asked for now.
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

    /// While a page was being read, a post below it became visible. What is on the page stands behind
    /// that post, so it is read again from there. Says whether a page must be asked for now.
    pub(in crate::bridge) fn restart_if_overtaken(&mut self) -> bool {
        let Self::Paging { since, next_since: Some(next), .. } = self else { return false };
        let overtaken = next < since;
        if overtaken {
            *self = Self::paging_from(*next);
        }
        overtaken
    }

    /// A page of `count` posts, where `take` were asked for, was read, with `highest` the highest of
    /// their ids. Says whether another must be asked for.
    pub(in crate::bridge) fn finish_page(
        &mut self,
        count: usize,
        take: usize,
        highest: Option<PostId>,
    ) -> bool {
        let Self::Paging { since, skip, next_since: next } = self else { return false };
        if count > 0 && count >= take {
            // A page that ends within the overlap, or has no ids, leads nowhere new: leave out what it held.
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
        let mut reading = RoomState::paging_from(PostId::MIN);
        assert!(!reading.finish_page(PAGE_SIZE - 1, PAGE_SIZE, Some(id(9, 1))));
        assert_eq!(reading, RoomState::Live);
    }

    #[test]
    fn full_page_continues_with_an_overlap() {
        let mut reading = RoomState::paging_from(PostId::MIN);
        assert!(reading.finish_page(PAGE_SIZE, PAGE_SIZE, Some(id(9, 1))));
        assert_eq!(reading, RoomState::paging_from(id(7, 0)));
    }

    #[test]
    fn second_with_more_than_a_page_is_read_completely() {
        let mut reading = RoomState::paging_from(id(7, 0));
        for pages in 1..4 {
            assert!(reading.finish_page(PAGE_SIZE, PAGE_SIZE, Some(id(9, 1))));
            assert_eq!(
                reading,
                RoomState::Paging { since: id(7, 0), skip: pages * PAGE_SIZE, next_since: None }
            );
        }
        assert!(reading.finish_page(PAGE_SIZE, PAGE_SIZE, Some(id(10, 1))));
        assert_eq!(reading, RoomState::paging_from(id(8, 0)));
    }

    #[test]
    fn page_without_ids_is_skipped() {
        let mut reading = RoomState::paging_from(id(7, 0));
        assert!(reading.finish_page(PAGE_SIZE, PAGE_SIZE, None));
        assert_eq!(
            reading,
            RoomState::Paging { since: id(7, 0), skip: PAGE_SIZE, next_since: None }
        );
        assert!(!reading.finish_page(0, PAGE_SIZE, None));
        assert_eq!(reading, RoomState::Live);
    }

    #[test]
    fn post_below_the_page_restarts_the_page() {
        let mut reading = RoomState::paging_from(id(5, 1));
        assert!(!reading.restart_if_overtaken());
        reading.request(id(5, 1));
        assert!(!reading.restart_if_overtaken(), "the page holds it");
        reading.request(id(5, 0));
        assert!(reading.restart_if_overtaken());
        assert_eq!(reading, RoomState::paging_from(id(5, 0)));
    }

    #[test]
    fn posts_during_paging_are_read_next() {
        let mut reading = RoomState::paging_from(PostId::MIN);
        assert!(!reading.request(id(5, 2)));
        assert!(!reading.request(id(5, 1)));
        assert!(!reading.request(id(5, 3)));
        assert!(reading.finish_page(3, PAGE_SIZE, Some(id(4, 0))));
        assert_eq!(reading, RoomState::paging_from(id(5, 1)));
    }
}
