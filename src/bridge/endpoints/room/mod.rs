//! The state of a Let's Chat room.

pub(in crate::bridge) mod held;
pub(in crate::bridge) mod members;
pub(in crate::bridge) mod page_size;
pub(in crate::bridge) mod paste_detector;
pub(in crate::bridge) mod reading;

use jiff::Timestamp;

use super::link::LinkedEndpoint;
use super::queue::DeliveryQueue;
use crate::bridge::policy::CatchUpBudget;
use crate::domain::{Delivery, LetsChatUserId, MessageKind, MessagePart};
use crate::protocol::letschat::{PostId, Stay};
use held::HeldPosts;
use members::RoomMembers;
use page_size::PageSize;
use paste_detector::PasteDetector;
use reading::RoomReading;

/// A room of Let's Chat.
#[derive(Debug)]
pub(in crate::bridge) struct RoomEndpoint {
    pub(in crate::bridge) link: LinkedEndpoint,
    pub(in crate::bridge) queue: DeliveryQueue,
    /// Its id on Let's Chat, once known.
    pub(in crate::bridge) room_id: Option<Box<str>>,
    /// The number of the current or last stay in it.
    pub(in crate::bridge) stay: Stay,
    /// How far it has been read.
    pub(in crate::bridge) reading: RoomReading,
    pub(in crate::bridge) page_size: PageSize,
    /// The users in it.
    pub(in crate::bridge) members: RoomMembers,
    /// Posts that wait until the delivery in flight is settled.
    pub(in crate::bridge) held: HeldPosts,
    /// What was mirrored and skipped, during a catch-up.
    pub(in crate::bridge) catchup_budget: Option<CatchUpBudget>,
    /// The cursor when we joined.
    pub(in crate::bridge) cursor_at_join: Option<PostId>,
    /// The newest post when we first saw the room.
    pub(in crate::bridge) first_seen_post: Option<PostId>,
    /// The delivery in doubt was looked for once and not found.
    pub(in crate::bridge) missing_once: bool,
    /// When we were disconnected, until that is reported.
    pub(in crate::bridge) absence: Option<(Timestamp, Timestamp)>,
    /// Whether the next delivery waits for lines that continue it.
    pub(in crate::bridge) merge_wait: MergeWait,
    /// The recent lines of an author on their way here.
    pub(in crate::bridge) paste_detector: Option<PasteDetector>,
}

/// Whether the next delivery waits for lines that continue it.
///
/// ```text
///        timer requested            timer fired
///  Idle ──────────────────▶ Waiting ────────────▶ Expired
///    ▲                         │ enough lines      │
///    └───────── started ───────┴───────────────────┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::bridge) enum MergeWait {
    #[default]
    Idle,
    Waiting,
    Expired,
}

impl MergeWait {
    /// The timer has fired.
    pub(in crate::bridge) fn expire(&mut self) {
        if *self == Self::Waiting {
            *self = Self::Expired;
        }
    }
}

impl RoomEndpoint {
    pub(in crate::bridge) fn new(link: LinkedEndpoint, queue: DeliveryQueue) -> Self {
        Self {
            link,
            queue,
            room_id: None,
            stay: Stay::default(),
            reading: RoomReading::Offline,
            page_size: PageSize::default(),
            members: RoomMembers::default(),
            held: HeldPosts::default(),
            catchup_budget: None,
            cursor_at_join: None,
            first_seen_post: None,
            missing_once: false,
            absence: None,
            merge_wait: MergeWait::default(),
            paste_detector: None,
        }
    }

    /// Whether this user is in the room, and we are, too: they see what is sent.
    pub(in crate::bridge) fn is_seen_by(&self, user: &LetsChatUserId) -> bool {
        self.queue.is_open() && self.members.is_present(&user.0) == Some(true)
    }

    /// Appends a delivery that was just stored.
    pub(in crate::bridge) fn push(&mut self, delivery: Delivery, now: Timestamp) {
        // A part that stands alone ends a run of lines.
        let is_line =
            delivery.part == MessagePart::Whole && delivery.message.kind == MessageKind::Text;
        let run = self.paste_detector.take().filter(|_| is_line);
        let crowded = self.queue.followers().next().is_some();
        self.paste_detector = is_line
            .then(|| PasteDetector::with(run, &delivery.message, (delivery.id, crowded), now));
        self.queue.push(delivery);
    }

    /// The post that was requested alone is too large: it is skipped. Returns its position, if one was
    /// requested alone.
    pub(in crate::bridge) fn skip_oversized_post(&mut self) -> Option<(PostId, usize)> {
        let RoomReading::Paging { since, skip, .. } = self.reading else { return None };
        if self.page_size.limit > 1 {
            return None;
        }
        let in_doubt = self.queue.in_doubt().map(|delivery| delivery.id);
        self.page_size.skip_after(since, skip + 1, in_doubt);
        Some((since, skip))
    }

    /// The connection to Let's Chat is lost, so nothing of the room arrives any more. A room cannot be closed
    /// to us without a connection.
    pub(in crate::bridge) fn connection_lost(&mut self) {
        self.reading = RoomReading::Offline;
        self.catchup_budget = None;
        self.link.outage = None;
        self.held.drop_all();
        self.merge_wait = MergeWait::default();
    }
}
