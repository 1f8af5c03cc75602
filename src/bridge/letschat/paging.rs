//! Decides the size and the order of page requests for rooms.
//!
//! A page may exceed what a connection accepts: 500 posts of up to 16 MB each, the limit of the server's
//! database. A client that requests such a page is disconnected, and would be again and again. So the page is
//! made smaller each time, down to one post. A single post that is still too large is skipped, counted and
//! reported. While a page is smaller than usual, its room is read alone, so that it is known whose page was
//! too large. Each successful page doubles the size again. Long posts are also requested in smaller pages.
//!
//! Few pages are requested at once, since the server creates them one after the other; with a thousand
//! requests, the last would time out. Rooms take turns, page by page, so that none waits for the whole
//! backlog of another.

use std::collections::{BTreeSet, VecDeque};

use super::catchup::RoomState;
use crate::bridge::{Bridge, Command, Ctx};
use crate::domain::{DeliveryId, EndpointId};
use crate::protocol::letschat;
use crate::protocol::letschat::{PAGE_SIZE, PostId};
use crate::store::StoreError;

/// By how much a page that was too large is reduced.
const SHRINK_FACTOR: usize = 32;

/// A page of this many bytes does not delay others; longer posts are requested in smaller pages.
const COMFORTABLE: usize = 2 << 20;

/// How often the connection may be lost with a page in flight before the page is reduced.
const MAX_LOSSES: u32 = 2;

/// Maximum number of pages in flight, enough to keep the server busy.
const MAX_PAGES_IN_FLIGHT: usize = 32;

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

/// The pages in flight, and the rooms waiting.
#[derive(Debug, Default)]
pub(in crate::bridge) struct PageScheduler {
    requested: BTreeSet<EndpointId>,
    /// In order, and whether the request is to be delayed.
    waiting: VecDeque<(EndpointId, bool)>,
    /// The room that is read alone, since one of its pages was too large.
    exclusive: Option<EndpointId>,
}

impl PageScheduler {
    fn is_full(&self) -> bool {
        self.requested.len() >= MAX_PAGES_IN_FLIGHT
    }

    /// Starts the request for a page, reduced or not, if possible now. Returns whether it is.
    fn try_request(&mut self, endpoint: EndpointId, small: bool) -> bool {
        if self.is_full() || (small && self.exclusive.is_some_and(|alone| alone != endpoint)) {
            return false;
        }
        if small {
            self.exclusive = Some(endpoint);
        }
        self.requested.insert(endpoint)
    }

    /// Queues the request for a page.
    fn enqueue(&mut self, endpoint: EndpointId, later: bool) {
        self.waiting.push_back((endpoint, later));
    }

    /// The page has arrived, or never will.
    fn finish(&mut self, endpoint: EndpointId) {
        self.requested.remove(&endpoint);
        self.waiting.retain(|(held, _)| *held != endpoint);
        self.exclusive = self.exclusive.filter(|alone| *alone != endpoint);
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
    /// Whether reading is paused because the queue limit is reached.
    pub(in crate::bridge) fn is_paused(&self) -> bool {
        self.paused
    }

    /// The page has arrived, with this lowest id, number of posts and number of bytes.
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

    /// The page was too large.
    fn shrink(&mut self) {
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
    ) -> RoomState {
        match (self.skip_point, self.read_up_to) {
            (Some(beyond), _) if in_doubt.is_none() || in_doubt == beyond.in_doubt => {
                RoomState::Paging { since: beyond.since, skip: beyond.skip, next_since: None }
            }
            (None, Some(barrier)) if in_doubt.is_none() => {
                RoomState::paging_from(since.max(barrier))
            }
            _ => RoomState::paging_from(since),
        }
    }
}

impl Bridge {
    /// Requests the page at the current position when it is the room's turn; `later` adds a delay.
    pub(in crate::bridge) fn enqueue_page(
        &mut self,
        endpoint: EndpointId,
        later: bool,
        ctx: &mut Ctx<'_>,
    ) {
        self.page_scheduler.enqueue(endpoint, later);
        self.request_waiting_pages(ctx);
    }

    /// Requests the queued pages, as far as possible now.
    pub(in crate::bridge) fn request_waiting_pages(&mut self, ctx: &mut Ctx<'_>) {
        for _ in 0..self.page_scheduler.waiting.len() {
            if self.page_scheduler.is_full() {
                return;
            }
            let Some((endpoint, later)) = self.page_scheduler.waiting.pop_front() else { return };
            let crowded = self.pause_reading_if_full(endpoint);
            let Some(state) = self.endpoints.get(&endpoint) else { continue };
            let RoomState::Paging { since, skip, .. } = state.room_state else { continue };
            let (take, stay) = (state.page_size.limit, state.stay);
            if crowded || !self.page_scheduler.try_request(endpoint, take < PAGE_SIZE) {
                self.page_scheduler.enqueue(endpoint, later);
                continue;
            }
            let command = letschat::LetsChatCommand::ListMessages {
                endpoint,
                since,
                skip,
                limit: take,
                delayed: later,
                stay,
            };
            ctx.commands.push(Command::LetsChat(command));
        }
    }

    /// Whether the queue limit keeps the room from being read; logs when that starts.
    fn pause_reading_if_full(&mut self, endpoint: EndpointId) -> bool {
        let crowded = self.queue_quota.is_exceeded_by(endpoint);
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return false };
        if !std::mem::replace(&mut state.page_size.paused, crowded) && crowded {
            let waiting = self.queue_quota.queued_bytes();
            tracing::error!(endpoint = %state.endpoint, queued_bytes = waiting, "queue limit reached; room paused");
        }
        crowded
    }

    /// The page has arrived, with its lowest id, number of posts and number of bytes.
    pub(in crate::bridge) fn finish_page(
        &mut self,
        endpoint: EndpointId,
        lowest: Option<PostId>,
        (count, bytes): (usize, usize),
    ) {
        if let Some(state) = self.endpoints.get_mut(&endpoint) {
            state.page_size.on_page(lowest, count, bytes);
        }
        self.page_scheduler.finish(endpoint);
    }

    /// The page will never arrive, if one was requested.
    pub(in crate::bridge) fn page_comes_not(&mut self, endpoint: EndpointId) {
        self.finish_page(endpoint, None, (0, 0));
    }

    /// A frame was too large: one of the pages in flight.
    pub(in crate::bridge) fn on_frame_too_large(
        &mut self,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let asked: Vec<EndpointId> = self.page_scheduler.requested.iter().copied().collect();
        if let [endpoint] = asked[..]
            && let Some(state) = self.endpoints.get_mut(&endpoint)
            && state.page_size.limit == 1
            && let RoomState::Paging { since, skip, .. } = state.room_state
        {
            tracing::error!(endpoint = %state.endpoint, %since, skip, "oversized post skipped");
            let in_doubt = state.queue.in_doubt().map(|delivery| delivery.id);
            state.page_size.skip_point = Some(SkipPoint { since, skip: skip + 1, in_doubt });
            self.count_traffic(endpoint, |traffic| traffic.oversized += 1);
            let words =
                format!("1 message from {} skipped: too large", self.display_name(endpoint));
            return self.notify_mirrored_channels(endpoint, words, ctx);
        }
        for endpoint in asked {
            if let Some(state) = self.endpoints.get_mut(&endpoint) {
                state.page_size.shrink();
                tracing::warn!(endpoint = %state.endpoint, limit = state.page_size.limit, "page too large; requesting fewer posts");
            }
        }
        Ok(())
    }

    /// The connection was lost, perhaps because of a page in flight.
    pub(in crate::bridge) fn reset_pages(&mut self) {
        let asked = std::mem::take(&mut self.page_scheduler).requested;
        for (endpoint, state) in &mut self.endpoints {
            state.page_size.paused = false;
            if asked.contains(endpoint) {
                state.page_size.connection_losses += 1;
                if state.page_size.connection_losses >= MAX_LOSSES {
                    state.page_size.shrink();
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
        for (in_doubt, reading) in [
            (None, there.clone()),
            (Some(DeliveryId(1)), there),
            (Some(DeliveryId(2)), RoomState::paging_from(PostId::MIN)),
        ] {
            assert_eq!(page.start_state(PostId::MIN, in_doubt), reading);
        }
        page.on_page(Some(after), 1, 100);
        assert_eq!(page.start_state(before, None), RoomState::paging_from(after.predecessor()));
        assert_eq!(page.start_state(after, None), RoomState::paging_from(after));
        assert_eq!(page.start_state(before, Some(DeliveryId(1))), RoomState::paging_from(before));
    }

    #[test]
    fn pages_are_requested_in_turn_up_to_the_limit() {
        let mut pages = PageScheduler::default();
        let endpoints: Vec<EndpointId> = (0..40).map(EndpointId).collect();
        let asked =
            endpoints.iter().filter(|endpoint| pages.try_request(**endpoint, false)).count();
        assert_eq!(asked, MAX_PAGES_IN_FLIGHT);
        pages.enqueue(EndpointId(39), false);
        pages.finish(EndpointId(39));
        assert!(pages.waiting.is_empty() && pages.is_full());
        pages.finish(EndpointId(0));
        assert!(
            pages.try_request(EndpointId(39), true) && !pages.try_request(EndpointId(38), true)
        );
        [39, 1, 2].into_iter().for_each(|endpoint| pages.finish(EndpointId(endpoint)));
        assert!(
            pages.try_request(EndpointId(38), true) && !pages.try_request(EndpointId(37), true)
        );
        assert!(pages.try_request(EndpointId(37), false), "of the usual size");
    }
}
