//! How much of a room is asked for at once, and when.
//!
//! A page may be more than a connection takes: 500 posts of 16 MB each, which is the most that the
//! server's database holds in one. Whoever asked for such a page is cut off, and would be again, for
//! ever. So the page is made smaller each time, down to one post; and one post that is still too much
//! is passed over, counted, and told of. Long posts are asked for a few at a time as well. While a page is smaller than usual, its room is read alone, so
//! that it is known whose page was too much. Each page that comes makes the next twice as large.
//!
//! And few pages are asked for at once: the server makes one after the other, and whoever asks for a
//! thousand waits longer for the last than a server that is there may stay silent. The rooms take turns,
//! page by page, so none waits for all of another's backlog.

use std::collections::{BTreeSet, VecDeque};

use super::reading::Reading;
use super::{Bridge, Order, Turn};
use crate::domain::{DeliveryId, EndpointId};
use crate::protocol::letschat;
use crate::protocol::letschat::{PAGE_SIZE, PostId};
use crate::store::StoreError;

/// By what the page is divided that was too much.
const SHRINK: usize = 32;

/// How many bytes of a page make nobody else wait: longer posts are asked for in smaller pages.
const COMFORTABLE: usize = 2 << 20;

/// How often a connection may be lost while a page is on its way before the page is made smaller.
const PATIENCE: u32 = 2;

/// How many pages may be on their way at once: enough to keep the server at work.
const AT_ONCE: usize = 32;

/// What is asked for at once in one room.
#[derive(Debug)]
pub(super) struct Page {
    /// How many posts.
    pub(super) take: usize,
    /// What was too many since the room was last read to its end: it does not become so many again.
    too_many: Option<usize>,
    /// How often the connection was lost meanwhile, in a row.
    losses: u32,
    /// It is not asked for because too much waits to be delivered.
    crowded: bool,
    /// Where the next reading begins behind a post that cannot be read.
    beyond: Option<Beyond>,
    /// Everything up to here was read, or cannot be.
    barrier: Option<PostId>,
}

/// Behind a post that cannot be read.
#[derive(Debug, Clone, Copy)]
struct Beyond {
    /// Only posts above this one.
    since: PostId,
    /// Less this many of them.
    skip: usize,
    /// What was in doubt, and looked for up to there.
    doubt: Option<DeliveryId>,
}

/// Whose pages are on their way, and who waits for one.
#[derive(Debug, Default)]
pub(super) struct Pages {
    asked: BTreeSet<EndpointId>,
    /// In turn, and whether the server is given a moment.
    held: VecDeque<(EndpointId, bool)>,
    /// The room that is read alone, since one of its pages was too large.
    alone: Option<EndpointId>,
}

impl Pages {
    fn are_full(&self) -> bool {
        self.asked.len() >= AT_ONCE
    }

    /// The page of `place` is asked for, smaller than usual or not, if it may be now. Says whether it is.
    fn ask(&mut self, place: EndpointId, small: bool) -> bool {
        if self.are_full() || (small && self.alone.is_some_and(|alone| alone != place)) {
            return false;
        }
        if small {
            self.alone = Some(place);
        }
        self.asked.insert(place)
    }

    /// That of `place` waits for its turn.
    fn hold(&mut self, place: EndpointId, later: bool) {
        self.held.push_back((place, later));
    }

    /// That of `place` has come, or will not come.
    fn end(&mut self, place: EndpointId) {
        self.asked.remove(&place);
        self.held.retain(|(held, _)| *held != place);
        self.alone = self.alone.filter(|alone| *alone != place);
    }
}

impl Default for Page {
    fn default() -> Self {
        Self {
            take: PAGE_SIZE,
            too_many: None,
            losses: 0,
            crowded: false,
            beyond: None,
            barrier: None,
        }
    }
}

impl Page {
    /// Whether it is not asked for because too much waits to be delivered.
    pub(super) fn is_crowded(&self) -> bool {
        self.crowded
    }

    /// The page that was asked for has come, of which `lowest` is the lowest id: so many posts in so many
    /// bytes.
    fn came(&mut self, lowest: Option<PostId>, count: usize, bytes: usize) {
        let comfortable = COMFORTABLE * count.max(1) / bytes.max(1);
        let most = self.too_many.map_or(PAGE_SIZE, |many| many - 1).min(comfortable);
        self.take = (self.take * 2).min(most).max(1);
        self.losses = 0;
        if self.beyond.is_some() && lowest.is_some() {
            self.beyond = None;
            self.barrier = lowest.map(PostId::predecessor);
        }
    }

    /// The page that was asked for was more than the connection takes.
    fn shrink(&mut self) {
        // What is too much alone is passed over, and says nothing of the others.
        self.too_many = (self.take > 1).then_some(self.take).or(self.too_many);
        self.take = (self.take / SHRINK).max(1);
        self.losses = 0;
    }

    /// The room has been read to its end.
    pub(super) fn all_read(&mut self) {
        self.too_many = None;
    }

    /// Where a reading from `since` begins, so that it does not come upon what cannot be read. What is
    /// in `doubt` is looked for from there all the same, unless it was already.
    pub(super) fn begin(&self, since: PostId, doubt: Option<DeliveryId>) -> Reading {
        match (self.beyond, self.barrier) {
            (Some(beyond), _) if doubt.is_none() || doubt == beyond.doubt => {
                Reading::Page { since: beyond.since, skip: beyond.skip, next: None }
            }
            (None, Some(barrier)) if doubt.is_none() => Reading::from(since.max(barrier)),
            _ => Reading::from(since),
        }
    }
}

impl Bridge {
    /// Asks for the page that the reading stands at, when it is its turn; `later` where the server is
    /// given a moment.
    pub(super) fn ask_page(&mut self, place: EndpointId, later: bool, turn: &mut Turn<'_>) {
        self.pages.hold(place, later);
        self.ask_held(turn);
    }

    /// Asks for those pages that wait for their turn, as far as they may be asked for now.
    pub(super) fn ask_held(&mut self, turn: &mut Turn<'_>) {
        for _ in 0..self.pages.held.len() {
            if self.pages.are_full() {
                return;
            }
            let Some((place, later)) = self.pages.held.pop_front() else { return };
            let crowded = self.is_crowded(place);
            let Some(spot) = self.spots.get(&place) else { continue };
            let Reading::Page { since, skip, .. } = spot.reading else { continue };
            let (take, stay) = (spot.page.take, spot.stay);
            if crowded || !self.pages.ask(place, take < PAGE_SIZE) {
                self.pages.hold(place, later);
                continue;
            }
            let order = letschat::LetsChatCommand::ListMessages {
                endpoint: place,
                since,
                skip,
                limit: take,
                delayed: later,
                stay,
            };
            turn.orders.push(Order::LetsChat(order));
        }
    }

    /// Whether too much waits to be delivered for `place` to be read; tells of it when that begins.
    fn is_crowded(&mut self, place: EndpointId) -> bool {
        let crowded = self.waiting.overflows(place);
        let Some(spot) = self.spots.get_mut(&place) else { return false };
        if !std::mem::replace(&mut spot.page.crowded, crowded) && crowded {
            let waiting = self.waiting.total();
            tracing::error!(place = %spot.place, waiting, "too much waits to be delivered: not read until it is less");
        }
        crowded
    }

    /// The page of `place` has come, with the lowest of its ids: so many posts in so many bytes.
    pub(super) fn page_came(
        &mut self,
        place: EndpointId,
        lowest: Option<PostId>,
        (count, bytes): (usize, usize),
    ) {
        if let Some(spot) = self.spots.get_mut(&place) {
            spot.page.came(lowest, count, bytes);
        }
        self.pages.end(place);
    }

    /// The page of `place` will not come, if one was asked for.
    pub(super) fn page_comes_not(&mut self, place: EndpointId) {
        self.page_came(place, None, (0, 0));
    }

    /// What the server sent was more than the connection takes: some page that is on its way.
    pub(super) fn too_much(&mut self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let asked: Vec<EndpointId> = self.pages.asked.iter().copied().collect();
        if let [place] = asked[..]
            && let Some(spot) = self.spots.get_mut(&place)
            && spot.page.take == 1
            && let Reading::Page { since, skip, .. } = spot.reading
        {
            tracing::error!(place = %spot.place, %since, skip, "a post is too long to be read: passed over");
            let doubt = spot.lane.in_doubt().map(|delivery| delivery.id);
            spot.page.beyond = Some(Beyond { since, skip: skip + 1, doubt });
            self.count(place, |traffic| traffic.unreadable += 1);
            let words =
                format!("1 message of {} is too long to be shown here", self.spelled(place));
            return self.announce_in_channels(place, words, turn);
        }
        for place in asked {
            if let Some(spot) = self.spots.get_mut(&place) {
                spot.page.shrink();
                tracing::warn!(place = %spot.place, posts = spot.page.take, "a page was too large: fewer at once");
            }
        }
        Ok(())
    }

    /// The connection is lost, perhaps because of a page that was on its way.
    pub(super) fn pages_lost(&mut self) {
        let asked = std::mem::take(&mut self.pages).asked;
        for (place, spot) in &mut self.spots {
            spot.page.crowded = false;
            if asked.contains(place) {
                spot.page.losses += 1;
                if spot.page.losses >= PATIENCE {
                    spot.page.shrink();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_long_posts_makes_the_next_as_small_as_is_comfortable() {
        let mut page = Page::default();
        page.came(None, 62, 62 * 200_000);
        assert_eq!(page.take, 10);
        page.came(None, 10, 10 * 200_000);
        assert_eq!(page.take, 10, "no larger than what came easily");
        page.came(None, 1, 12_000_000);
        assert_eq!(page.take, 1);
        for _ in 0..10 {
            page.came(None, page.take, page.take * 100);
        }
        assert_eq!(page.take, PAGE_SIZE);
    }

    #[test]
    fn a_page_shrinks_to_one_post_and_grows_again() {
        let mut page = Page::default();
        let shrunk: Vec<usize> = (0..4)
            .map(|_| {
                page.shrink();
                page.take
            })
            .collect();
        assert_eq!(shrunk, [15, 1, 1, 1]);
        (0..10).for_each(|_| page.came(None, 1, 100));
        assert_eq!(page.take, 14, "fifteen were too many");
        page.all_read();
        (0..10).for_each(|_| page.came(None, 0, 0));
        assert_eq!(page.take, PAGE_SIZE);
    }

    #[test]
    fn what_cannot_be_read_is_not_come_upon_again() {
        let id = |text: &str| text.parse::<PostId>().expect("an id");
        let (before, after) = (id("6b0000100000000000000001"), id("6b0000110000000000000001"));
        let beyond = Beyond { since: before, skip: 3, doubt: Some(DeliveryId(1)) };
        let mut page = Page { beyond: Some(beyond), ..Page::default() };
        let there = Reading::Page { since: before, skip: 3, next: None };
        for (doubt, reading) in [
            (None, there.clone()),
            (Some(DeliveryId(1)), there),
            (Some(DeliveryId(2)), Reading::from(PostId::MIN)),
        ] {
            assert_eq!(page.begin(PostId::MIN, doubt), reading);
        }
        page.came(Some(after), 1, 100);
        assert_eq!(page.begin(before, None), Reading::from(after.predecessor()));
        assert_eq!(page.begin(after, None), Reading::from(after));
        assert_eq!(page.begin(before, Some(DeliveryId(1))), Reading::from(before));
    }

    #[test]
    fn who_waits_for_a_page_is_in_turn() {
        let mut pages = Pages::default();
        let places: Vec<EndpointId> = (0..40).map(EndpointId).collect();
        let asked = places.iter().filter(|place| pages.ask(**place, false)).count();
        assert_eq!(asked, AT_ONCE);
        pages.hold(EndpointId(39), false);
        pages.end(EndpointId(39));
        assert!(pages.held.is_empty() && pages.are_full());
        pages.end(EndpointId(0));
        assert!(pages.ask(EndpointId(39), true) && !pages.ask(EndpointId(38), true));
        [39, 1, 2].into_iter().for_each(|place| pages.end(EndpointId(place)));
        assert!(pages.ask(EndpointId(38), true) && !pages.ask(EndpointId(37), true));
        assert!(pages.ask(EndpointId(37), false), "of the usual size");
    }
}
