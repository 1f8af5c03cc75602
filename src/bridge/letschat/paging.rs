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

use super::catchup::RoomState;
use crate::bridge::{Bridge, Command, Ctx};
use crate::domain::{DeliveryId, EndpointId};
use crate::protocol::letschat;
use crate::protocol::letschat::{PAGE_SIZE, PostId};
use crate::store::StoreError;

/// By what the page is divided that was too much.
const SHRINK_FACTOR: usize = 32;

/// How many bytes of a page make nobody else wait: longer posts are asked for in smaller pages.
const COMFORTABLE: usize = 2 << 20;

/// How often a connection may be lost while a page is on its way before the page is made smaller.
const MAX_LOSSES: u32 = 2;

/// How many pages may be on their way at once: enough to keep the server at work.
const MAX_PAGES_IN_FLIGHT: usize = 32;

/// What is asked for at once in one room.
#[derive(Debug)]
pub(in crate::bridge) struct PageSize {
    /// How many posts.
    pub(in crate::bridge) limit: usize,
    /// What was too many since the room was last read to its end: it does not become so many again.
    too_many: Option<usize>,
    /// How often the connection was lost meanwhile, in a row.
    connection_losses: u32,
    /// It is not asked for because too much waits to be delivered.
    paused: bool,
    /// Where the next reading begins behind a post that cannot be read.
    skip_point: Option<SkipPoint>,
    /// Everything up to here was read, or cannot be.
    read_up_to: Option<PostId>,
}

/// Behind a post that cannot be read.
#[derive(Debug, Clone, Copy)]
struct SkipPoint {
    /// Only posts above this one.
    since: PostId,
    /// Less this many of them.
    skip: usize,
    /// What was in doubt, and looked for up to there.
    in_doubt: Option<DeliveryId>,
}

/// Whose pages are on their way, and who waits for one.
#[derive(Debug, Default)]
pub(in crate::bridge) struct PageScheduler {
    requested: BTreeSet<EndpointId>,
    /// In turn, and whether the server is given a moment.
    waiting: VecDeque<(EndpointId, bool)>,
    /// The room that is read alone, since one of its pages was too large.
    exclusive: Option<EndpointId>,
}

impl PageScheduler {
    fn is_full(&self) -> bool {
        self.requested.len() >= MAX_PAGES_IN_FLIGHT
    }

    /// The page of `place` is asked for, smaller than usual or not, if it may be now. Says whether it is.
    fn try_request(&mut self, place: EndpointId, small: bool) -> bool {
        if self.is_full() || (small && self.exclusive.is_some_and(|alone| alone != place)) {
            return false;
        }
        if small {
            self.exclusive = Some(place);
        }
        self.requested.insert(place)
    }

    /// That of `place` waits for its turn.
    fn enqueue(&mut self, place: EndpointId, later: bool) {
        self.waiting.push_back((place, later));
    }

    /// That of `place` has come, or will not come.
    fn finish(&mut self, place: EndpointId) {
        self.requested.remove(&place);
        self.waiting.retain(|(held, _)| *held != place);
        self.exclusive = self.exclusive.filter(|alone| *alone != place);
    }
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
    /// Whether it is not asked for because too much waits to be delivered.
    pub(in crate::bridge) fn is_paused(&self) -> bool {
        self.paused
    }

    /// The page that was asked for has come, of which `lowest` is the lowest id: so many posts in so many
    /// bytes.
    fn on_page(&mut self, lowest: Option<PostId>, count: usize, bytes: usize) {
        let comfortable = COMFORTABLE * count.max(1) / bytes.max(1);
        let most = self.too_many.map_or(PAGE_SIZE, |many| many - 1).min(comfortable);
        self.limit = (self.limit * 2).min(most).max(1);
        self.connection_losses = 0;
        if self.skip_point.is_some() && lowest.is_some() {
            self.skip_point = None;
            self.read_up_to = lowest.map(PostId::predecessor);
        }
    }

    /// The page that was asked for was more than the connection takes.
    fn shrink(&mut self) {
        // What is too much alone is passed over, and says nothing of the others.
        self.too_many = (self.limit > 1).then_some(self.limit).or(self.too_many);
        self.limit = (self.limit / SHRINK_FACTOR).max(1);
        self.connection_losses = 0;
    }

    /// The room has been read to its end.
    pub(in crate::bridge) fn all_read(&mut self) {
        self.too_many = None;
    }

    /// Where a reading from `since` begins, so that it does not come upon what cannot be read. What is
    /// in `doubt` is looked for from there all the same, unless it was already.
    pub(in crate::bridge) fn start_state(
        &self,
        since: PostId,
        doubt: Option<DeliveryId>,
    ) -> RoomState {
        match (self.skip_point, self.read_up_to) {
            (Some(beyond), _) if doubt.is_none() || doubt == beyond.in_doubt => {
                RoomState::Paging { since: beyond.since, skip: beyond.skip, next_since: None }
            }
            (None, Some(barrier)) if doubt.is_none() => RoomState::paging_from(since.max(barrier)),
            _ => RoomState::paging_from(since),
        }
    }
}

impl Bridge {
    /// Asks for the page that the reading stands at, when it is its turn; `later` where the server is
    /// given a moment.
    pub(in crate::bridge) fn enqueue_page(
        &mut self,
        place: EndpointId,
        later: bool,
        turn: &mut Ctx<'_>,
    ) {
        self.page_scheduler.enqueue(place, later);
        self.request_waiting_pages(turn);
    }

    /// Asks for those pages that wait for their turn, as far as they may be asked for now.
    pub(in crate::bridge) fn request_waiting_pages(&mut self, turn: &mut Ctx<'_>) {
        for _ in 0..self.page_scheduler.waiting.len() {
            if self.page_scheduler.is_full() {
                return;
            }
            let Some((place, later)) = self.page_scheduler.waiting.pop_front() else { return };
            let crowded = self.pause_reading_if_full(place);
            let Some(spot) = self.endpoints.get(&place) else { continue };
            let RoomState::Paging { since, skip, .. } = spot.room_state else { continue };
            let (take, stay) = (spot.page_size.limit, spot.stay);
            if crowded || !self.page_scheduler.try_request(place, take < PAGE_SIZE) {
                self.page_scheduler.enqueue(place, later);
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
            turn.commands.push(Command::LetsChat(order));
        }
    }

    /// Whether too much waits to be delivered for `place` to be read; tells of it when that begins.
    fn pause_reading_if_full(&mut self, place: EndpointId) -> bool {
        let crowded = self.queue_quota.is_exceeded_by(place);
        let Some(spot) = self.endpoints.get_mut(&place) else { return false };
        if !std::mem::replace(&mut spot.page_size.paused, crowded) && crowded {
            let waiting = self.queue_quota.queued_bytes();
            tracing::error!(endpoint = %spot.endpoint, queued_bytes = waiting, "queue limit reached; room paused");
        }
        crowded
    }

    /// The page of `place` has come, with the lowest of its ids: so many posts in so many bytes.
    pub(in crate::bridge) fn finish_page(
        &mut self,
        place: EndpointId,
        lowest: Option<PostId>,
        (count, bytes): (usize, usize),
    ) {
        if let Some(spot) = self.endpoints.get_mut(&place) {
            spot.page_size.on_page(lowest, count, bytes);
        }
        self.page_scheduler.finish(place);
    }

    /// The page of `place` will not come, if one was asked for.
    pub(in crate::bridge) fn page_comes_not(&mut self, place: EndpointId) {
        self.finish_page(place, None, (0, 0));
    }

    /// What the server sent was more than the connection takes: some page that is on its way.
    pub(in crate::bridge) fn on_frame_too_large(
        &mut self,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let asked: Vec<EndpointId> = self.page_scheduler.requested.iter().copied().collect();
        if let [place] = asked[..]
            && let Some(spot) = self.endpoints.get_mut(&place)
            && spot.page_size.limit == 1
            && let RoomState::Paging { since, skip, .. } = spot.room_state
        {
            tracing::error!(endpoint = %spot.endpoint, %since, skip, "oversized post skipped");
            let doubt = spot.queue.in_doubt().map(|delivery| delivery.id);
            spot.page_size.skip_point = Some(SkipPoint { since, skip: skip + 1, in_doubt: doubt });
            self.count_traffic(place, |traffic| traffic.oversized += 1);
            let words = format!("1 message from {} skipped: too large", self.display_name(place));
            return self.notify_mirrored_channels(place, words, turn);
        }
        for place in asked {
            if let Some(spot) = self.endpoints.get_mut(&place) {
                spot.page_size.shrink();
                tracing::warn!(endpoint = %spot.endpoint, limit = spot.page_size.limit, "page too large; requesting fewer posts");
            }
        }
        Ok(())
    }

    /// The connection is lost, perhaps because of a page that was on its way.
    pub(in crate::bridge) fn reset_pages(&mut self) {
        let asked = std::mem::take(&mut self.page_scheduler).requested;
        for (place, spot) in &mut self.endpoints {
            spot.page_size.paused = false;
            if asked.contains(place) {
                spot.page_size.connection_losses += 1;
                if spot.page_size.connection_losses >= MAX_LOSSES {
                    spot.page_size.shrink();
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
        let there = RoomState::Paging { since: before, skip: 3, next_since: None };
        for (doubt, reading) in [
            (None, there.clone()),
            (Some(DeliveryId(1)), there),
            (Some(DeliveryId(2)), RoomState::paging_from(PostId::MIN)),
        ] {
            assert_eq!(page.start_state(PostId::MIN, doubt), reading);
        }
        page.on_page(Some(after), 1, 100);
        assert_eq!(page.start_state(before, None), RoomState::paging_from(after.predecessor()));
        assert_eq!(page.start_state(after, None), RoomState::paging_from(after));
        assert_eq!(page.start_state(before, Some(DeliveryId(1))), RoomState::paging_from(before));
    }

    #[test]
    fn pages_are_requested_in_turn_up_to_the_limit() {
        let mut pages = PageScheduler::default();
        let places: Vec<EndpointId> = (0..40).map(EndpointId).collect();
        let asked = places.iter().filter(|place| pages.try_request(**place, false)).count();
        assert_eq!(asked, MAX_PAGES_IN_FLIGHT);
        pages.enqueue(EndpointId(39), false);
        pages.finish(EndpointId(39));
        assert!(pages.waiting.is_empty() && pages.is_full());
        pages.finish(EndpointId(0));
        assert!(
            pages.try_request(EndpointId(39), true) && !pages.try_request(EndpointId(38), true)
        );
        [39, 1, 2].into_iter().for_each(|place| pages.finish(EndpointId(place)));
        assert!(
            pages.try_request(EndpointId(38), true) && !pages.try_request(EndpointId(37), true)
        );
        assert!(pages.try_request(EndpointId(37), false), "of the usual size");
    }
}
