use crate::protocol::letschat::PostId;

/// How many seconds before the cursor a reading begins. Posts that the server took at once may
/// have become visible in the other order of their ids (WIRE.md, "Messages"): what is known is
/// dropped, what is not was missed.
pub(super) const OVERLAP: u32 = 60;

/// The same between two pages of one reading, where nothing waited to become visible for long.
const PAGE_OVERLAP: u32 = 2;

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
pub(super) enum Reading {
    /// Not in the room.
    Away,
    /// In the room for the first time: its newest post is asked for, and mirroring begins behind it.
    Baseline {
        /// The first post that was said live since.
        first: Option<PostId>,
    },
    /// A page was asked for.
    Page {
        /// Only posts above this one.
        since: PostId,
        /// Less this many of them.
        skip: usize,
        /// Where the next reading begins, should there be one.
        next: Option<PostId>,
    },
    /// Everything is read; what is said is heard live.
    Live,
}

impl Reading {
    /// A reading of everything above `since`.
    pub(super) fn from(since: PostId) -> Self {
        Self::Page { since, skip: 0, next: None }
    }

    /// There is something to read above `since`. Says whether a page must be asked for now.
    pub(super) fn request(&mut self, since: PostId) -> bool {
        match self {
            Self::Away | Self::Baseline { .. } => false,
            Self::Page { next, .. } => {
                *next = Some(next.map_or(since, |next| next.min(since)));
                false
            }
            Self::Live => {
                *self = Self::from(since);
                true
            }
        }
    }

    /// While a page was being read, a post below it became visible. What is on the page stands behind
    /// that post, so it is read again from there. Says whether a page must be asked for now.
    pub(super) fn overtaken(&mut self) -> bool {
        let Self::Page { since, next: Some(next), .. } = self else { return false };
        let overtaken = next < since;
        if overtaken {
            *self = Self::from(*next);
        }
        overtaken
    }

    /// A page of `count` posts, where `take` were asked for, was read, with `highest` the highest of
    /// their ids. Says whether another must be asked for.
    pub(super) fn turn_page(&mut self, count: usize, take: usize, highest: Option<PostId>) -> bool {
        let Self::Page { since, skip, next } = self else { return false };
        if count > 0 && count >= take {
            // A page that ends within the overlap, or has no ids, leads nowhere new: leave out what it held.
            match highest.map(|highest| highest.minus_seconds(PAGE_OVERLAP)) {
                Some(onward) if onward > *since => (*since, *skip) = (onward, 0),
                _ => *skip += count,
            }
            return true;
        }
        let next = next.take();
        *self = next.map_or(Self::Live, Self::from);
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
    fn a_short_page_is_the_last() {
        let mut reading = Reading::from(PostId::MIN);
        assert!(!reading.turn_page(PAGE_SIZE - 1, PAGE_SIZE, Some(id(9, 1))));
        assert_eq!(reading, Reading::Live);
    }

    #[test]
    fn a_full_page_leads_on_with_an_overlap() {
        let mut reading = Reading::from(PostId::MIN);
        assert!(reading.turn_page(PAGE_SIZE, PAGE_SIZE, Some(id(9, 1))));
        assert_eq!(reading, Reading::from(id(7, 0)));
    }

    #[test]
    fn a_second_with_more_than_a_page_is_read_through() {
        let mut reading = Reading::from(id(7, 0));
        for pages in 1..4 {
            assert!(reading.turn_page(PAGE_SIZE, PAGE_SIZE, Some(id(9, 1))));
            assert_eq!(
                reading,
                Reading::Page { since: id(7, 0), skip: pages * PAGE_SIZE, next: None }
            );
        }
        assert!(reading.turn_page(PAGE_SIZE, PAGE_SIZE, Some(id(10, 1))));
        assert_eq!(reading, Reading::from(id(8, 0)));
    }

    #[test]
    fn a_page_without_any_id_is_read_past() {
        let mut reading = Reading::from(id(7, 0));
        assert!(reading.turn_page(PAGE_SIZE, PAGE_SIZE, None));
        assert_eq!(reading, Reading::Page { since: id(7, 0), skip: PAGE_SIZE, next: None });
        assert!(!reading.turn_page(0, PAGE_SIZE, None));
        assert_eq!(reading, Reading::Live);
    }

    #[test]
    fn what_became_visible_below_the_page_is_read_before_it() {
        let mut reading = Reading::from(id(5, 1));
        assert!(!reading.overtaken());
        reading.request(id(5, 1));
        assert!(!reading.overtaken(), "the page holds it");
        reading.request(id(5, 0));
        assert!(reading.overtaken());
        assert_eq!(reading, Reading::from(id(5, 0)));
    }

    #[test]
    fn what_was_said_meanwhile_is_read_next() {
        let mut reading = Reading::from(PostId::MIN);
        assert!(!reading.request(id(5, 2)));
        assert!(!reading.request(id(5, 1)));
        assert!(!reading.request(id(5, 3)));
        assert!(reading.turn_page(3, PAGE_SIZE, Some(id(4, 0))));
        assert_eq!(reading, Reading::from(id(5, 1)));
    }
}
