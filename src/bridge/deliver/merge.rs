//! Merges consecutive lines of an author into one post, and decides how long a line waits for the next.

use std::time::Duration;

use crate::bridge::context::Ctx;
use crate::bridge::endpoints::room::{MergeWait, RoomEndpoint};
use crate::domain::{Delivery, EndpointId, MessagePart};
use crate::translate::{MergeLines, continues};

/// Whether the next delivery waits for lines that continue it.
pub(super) enum LineWait {
    /// It can be sent.
    Over,
    /// It waits, and a timer runs.
    Waiting,
    /// It waits, and a timer must be started.
    Starting(Duration),
}

/// How many deliveries after the first continue it. Only posts are merged, not lines on IRC.
pub(super) fn mergeable_count(endpoint: EndpointId, ctx: &Ctx<'_>) -> usize {
    let Some(room) = ctx.endpoints.room(endpoint) else { return 0 };
    let Some(mut last) = room.queue.head() else { return 0 };
    let following = room.queue.followers().take_while(|next| {
        let is_continued = is_continued(last, next, ctx);
        last = next;
        is_continued
    });
    following.count()
}

fn is_continued(last: &Delivery, next: &Delivery, ctx: &Ctx<'_>) -> bool {
    let is_whole = last.part == MessagePart::Whole && next.part == MessagePart::Whole;
    let source = ctx.endpoints.endpoint(last.message.source).filter(|_| is_whole);
    source.is_some_and(|source| {
        let format = ctx.routes.format(last.message.source, last.to);
        continues(&last.message, &next.message, source, format)
    })
}

/// Whether the next delivery to a room should wait for more lines, with this many merged already.
pub(super) fn wait_for_more_lines(
    endpoint: EndpointId,
    merged: usize,
    ctx: &mut Ctx<'_>,
) -> LineWait {
    let Some(room) = ctx.endpoints.room(endpoint) else { return LineWait::Over };
    let Some(first) = room.queue.head() else { return LineWait::Over };
    let merge_lines = ctx.routes.format(first.message.source, endpoint).room.merge_lines;
    if !may_be_continued(room, first, merged, ctx) {
        return LineWait::Over;
    }
    let Some(room) = ctx.endpoints.room_mut(endpoint) else { return LineWait::Over };
    let Some(first) = room.queue.head() else { return LineWait::Over };
    let wait = match merge_lines {
        MergeLines::Never => None,
        MergeLines::Within(wait) => (room.merge_wait != MergeWait::Expired).then_some(wait),
        MergeLines::Queued => {
            let detector = room.paste_detector.as_mut();
            detector.and_then(|detector| detector.wait(&first.message, first.id, ctx.now))
        }
    };
    let Some(wait) = wait else { return LineWait::Over };
    match std::mem::replace(&mut room.merge_wait, MergeWait::Waiting) {
        MergeWait::Waiting => LineWait::Waiting,
        MergeWait::Idle | MergeWait::Expired => LineWait::Starting(wait),
    }
}

/// Whether the last of the merged lines can be continued: a line that does not continue itself cannot, and
/// nothing may stand after it.
fn may_be_continued(room: &RoomEndpoint, first: &Delivery, merged: usize, ctx: &Ctx<'_>) -> bool {
    let last = room.queue.followers().take(merged).last().unwrap_or(first);
    is_continued(last, last, ctx) && room.queue.followers().nth(merged).is_none()
}
