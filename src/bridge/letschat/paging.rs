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

use crate::bridge::context::Ctx;
use crate::bridge::endpoints::room::reading::RoomReading;
use crate::bridge::event::Command;
use crate::bridge::notices;
use crate::bridge::report::NotMirrored;
use crate::domain::EndpointId;
use crate::protocol::letschat;
use crate::protocol::letschat::{PAGE_SIZE, PostId};
use crate::store::StoreError;

/// Maximum number of pages in flight, enough to keep the server busy.
const MAX_PAGES_IN_FLIGHT: usize = 32;

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

impl PageScheduler {
    /// Requests the page at the current position when it is the room's turn; `later` adds a delay.
    pub(super) fn request_page(&mut self, endpoint: EndpointId, later: bool, ctx: &mut Ctx<'_>) {
        self.enqueue(endpoint, later);
        self.request_waiting(ctx);
    }

    /// Requests the queued pages, as far as possible now.
    pub(in crate::bridge) fn request_waiting(&mut self, ctx: &mut Ctx<'_>) {
        for _ in 0..self.waiting.len() {
            if self.is_full() {
                return;
            }
            let Some((endpoint, later)) = self.waiting.pop_front() else { return };
            let is_paused = pause_if_full(endpoint, ctx);
            let Some(room) = ctx.endpoints.room(endpoint) else { continue };
            let RoomReading::Paging { since, skip, .. } = room.reading else { continue };
            let (limit, stay) = (room.page_size.limit, room.stay);
            if is_paused || !self.try_request(endpoint, limit < PAGE_SIZE) {
                self.enqueue(endpoint, later);
                continue;
            }
            ctx.commands.push(Command::LetsChat(letschat::LetsChatCommand::ListMessages {
                endpoint,
                since,
                skip,
                limit,
                delayed: later,
                stay,
            }));
        }
    }

    /// The page has arrived, with its lowest id, number of posts and number of bytes.
    pub(super) fn finish_page(
        &mut self,
        endpoint: EndpointId,
        lowest: Option<PostId>,
        (count, bytes): (usize, usize),
        ctx: &mut Ctx<'_>,
    ) {
        if let Some(room) = ctx.endpoints.room_mut(endpoint) {
            room.page_size.on_page(lowest, count, bytes);
        }
        self.finish(endpoint);
    }

    /// A frame was too large: one of the pages in flight. If it was a single post, that is skipped.
    pub(super) fn on_frame_too_large(&mut self, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        let requested: Vec<EndpointId> = self.requested.iter().copied().collect();
        if let [endpoint] = requested[..]
            && let Some(room) = ctx.endpoints.room_mut(endpoint)
            && let Some((since, skip)) = room.skip_oversized_post()
        {
            tracing::error!(endpoint = %room.link.endpoint, %since, skip, "oversized post skipped");
            ctx.count_traffic(endpoint, |traffic| traffic.oversized += 1);
            ctx.count_not_mirrored(endpoint, NotMirrored::Unreadable);
            let name = ctx.endpoints.display_name(endpoint);
            let text = format!("1 message from {name} skipped: too large");
            return notices::notify_mirrored_channels(endpoint, text, ctx);
        }
        for endpoint in requested {
            if let Some(room) = ctx.endpoints.room_mut(endpoint) {
                room.page_size.shrink();
                tracing::warn!(endpoint = %room.link.endpoint, limit = room.page_size.limit, "page too large; requesting fewer posts");
            }
        }
        Ok(())
    }

    /// The connection was lost, perhaps because of a page in flight.
    pub(super) fn connection_lost(&mut self, ctx: &mut Ctx<'_>) {
        let requested = std::mem::take(self).requested;
        for (endpoint, room) in ctx.endpoints.rooms_mut() {
            room.page_size.connection_lost(requested.contains(&endpoint));
        }
    }
}

/// Pauses reading the room if the queue limit is reached. Returns whether it is; logs when that starts.
fn pause_if_full(endpoint: EndpointId, ctx: &mut Ctx<'_>) -> bool {
    let is_full = ctx.endpoints.quota.is_exceeded_by(endpoint);
    let queued_bytes = ctx.endpoints.quota.queued_bytes();
    let Some(room) = ctx.endpoints.room_mut(endpoint) else { return false };
    if room.page_size.set_paused(is_full) {
        tracing::error!(endpoint = %room.link.endpoint, queued_bytes, "queue limit reached; room paused");
    }
    is_full
}

#[cfg(test)]
mod tests {
    use super::*;

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
