//! How much of a room is asked for at once, and when.
//!
//! A page may be more than a connection takes: 500 posts of 16 MB each, which is the most that the
//! server's database holds in one. Whoever asked for such a page is cut off, and would be again, for
//! ever. So the page is made smaller each time, down to one post; and one post that is still too much
//! is passed over, counted, and told of. While a page is smaller than usual, its room is read alone, so
//! that it is known whose page was too much. Each page that comes makes the next twice as large.

use super::reading::Reading;
use super::{Bridge, Order, Turn};
use crate::domain::{PlaceId, Ticket};
use crate::protocol::letschat;
use crate::protocol::letschat::{PAGE, PostId};
use crate::store::StoreError;

/// By what the page is divided that was too much.
const SHRINK: usize = 8;

/// How often a connection may be lost while a page is on its way before the page is made smaller.
const PATIENCE: u32 = 2;

/// What is asked for at once in one room.
#[derive(Debug)]
pub(super) struct Page {
    /// How many posts.
    pub(super) take: usize,
    stage: Stage,
    /// How often the connection was lost meanwhile, in a row.
    losses: u32,
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
    doubt: Option<Ticket>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// None is wanted.
    Idle,
    /// One is wanted, and is asked for later.
    Held,
    /// One is on its way.
    Asked,
}

impl Default for Page {
    fn default() -> Self {
        Self { take: PAGE, stage: Stage::Idle, losses: 0, beyond: None, barrier: None }
    }
}

impl Page {
    /// Whether one is wanted, and is asked for later.
    pub(super) fn is_held(&self) -> bool {
        self.stage == Stage::Held
    }

    fn is_asked(&self) -> bool {
        self.stage == Stage::Asked
    }

    /// The page that was asked for has come, of which `lowest` is the lowest id.
    fn came(&mut self, lowest: Option<PostId>) {
        self.take = (self.take * 2).min(PAGE);
        (self.stage, self.losses) = (Stage::Idle, 0);
        if self.beyond.is_some() && lowest.is_some() {
            self.beyond = None;
            self.barrier = lowest.map(PostId::before);
        }
    }

    /// The page that was asked for was more than the connection takes.
    fn shrink(&mut self) {
        self.take = (self.take / SHRINK).max(1);
        self.losses = 0;
    }

    /// Where a reading from `since` begins, so that it does not come upon what cannot be read. What is
    /// in `doubt` is looked for from there all the same, unless it was already.
    pub(super) fn begin(&self, since: PostId, doubt: Option<Ticket>) -> Reading {
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
    /// Asks for the page that the reading stands at, if it may be asked for now; `later` where the
    /// server is given a moment.
    pub(super) fn ask_page(&mut self, place: PlaceId, later: bool, turn: &mut Turn<'_>) {
        let crowded = self.waiting.overflows(place);
        let alone = self.alone.is_none_or(|alone| alone == place);
        let Some(spot) = self.spots.get_mut(&place) else { return };
        let Reading::Page { since, skip, .. } = spot.reading else { return };
        let small = spot.page.take < PAGE;
        if crowded && !spot.page.is_held() {
            let waiting = self.waiting.total();
            tracing::error!(place = %spot.place, waiting, "too much waits to be delivered: not read until it is less");
        }
        if crowded || (small && !alone) {
            spot.page.stage = Stage::Held;
            return;
        }
        if small {
            self.alone = Some(place);
        }
        spot.page.stage = Stage::Asked;
        let take = spot.page.take;
        let order = letschat::Order::List { place, since, skip, take, later };
        turn.orders.push(Order::LetsChat(order));
    }

    /// The page of `place` has come, with the lowest of its ids, or will not come.
    pub(super) fn page_came(&mut self, place: PlaceId, lowest: Option<PostId>) {
        if let Some(spot) = self.spots.get_mut(&place) {
            spot.page.came(lowest);
        }
        self.alone = self.alone.filter(|alone| *alone != place);
    }

    /// Asks for those pages that were held back, as far as they may be asked for now.
    pub(super) fn ask_held(&mut self, turn: &mut Turn<'_>) {
        let held = |(place, spot): (&PlaceId, &super::Spot)| spot.page.is_held().then_some(*place);
        let mut held: Vec<PlaceId> = self.spots.iter().filter_map(held).collect();
        held.sort();
        for place in held {
            if self.waiting.has_room() || !self.waiting.overflows(place) {
                self.ask_page(place, false, turn);
            }
        }
    }

    /// What the server sent was more than the connection takes: some page that is on its way.
    pub(super) fn too_much(&mut self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let asked =
            |(place, spot): (&PlaceId, &super::Spot)| spot.page.is_asked().then_some(*place);
        let asked: Vec<PlaceId> = self.spots.iter().filter_map(asked).collect();
        if let [place] = asked[..]
            && let Some(spot) = self.spots.get_mut(&place)
            && spot.page.take == 1
            && let Reading::Page { since, skip, .. } = spot.reading
        {
            tracing::error!(place = %spot.place, %since, skip, "a post is too long to be read: passed over");
            let doubt = spot.lane.in_doubt().map(|delivery| delivery.ticket);
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
        self.alone = None;
        for spot in self.spots.values_mut() {
            if spot.page.is_asked() {
                spot.page.losses += 1;
                if spot.page.losses >= PATIENCE {
                    spot.page.shrink();
                }
            }
            spot.page.stage = Stage::Idle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shrinks_to_one_post_and_grows_again() {
        let mut page = Page::default();
        let shrunk: Vec<usize> = (0..4)
            .map(|_| {
                page.shrink();
                page.take
            })
            .collect();
        assert_eq!(shrunk, [62, 7, 1, 1]);
        (0..10).for_each(|_| page.came(None));
        assert_eq!(page.take, PAGE);
    }

    #[test]
    fn what_cannot_be_read_is_not_come_upon_again() {
        let id = |text: &str| text.parse::<PostId>().expect("an id");
        let (before, after) = (id("6b0000100000000000000001"), id("6b0000110000000000000001"));
        let beyond = Beyond { since: before, skip: 3, doubt: Some(Ticket(1)) };
        let mut page = Page { beyond: Some(beyond), ..Page::default() };
        let there = Reading::Page { since: before, skip: 3, next: None };
        for (doubt, reading) in [
            (None, there.clone()),
            (Some(Ticket(1)), there),
            (Some(Ticket(2)), Reading::from(PostId::FIRST)),
        ] {
            assert_eq!(page.begin(PostId::FIRST, doubt), reading);
        }
        page.came(Some(after));
        assert_eq!(page.begin(before, None), Reading::from(after.before()));
        assert_eq!(page.begin(after, None), Reading::from(after));
        assert_eq!(page.begin(before, Some(Ticket(1))), Reading::from(before));
    }
}
