//! The state of an endpoint.

use std::sync::Arc;

use jiff::Timestamp;

use super::Peer;
use super::deliver::MergeWait;
use super::deliver::queue::DeliveryQueue;
use super::irc::catchup::ChannelState;
use super::irc::history::JoinInfo;
use super::letschat::catchup::RoomState;
use super::letschat::members::RoomMembers;
use super::letschat::paging::PageSize;
use super::notices::outage::{Outage, OutageNotice};
use super::paste_detector::PasteDetector;
use super::policy::CatchUpBudget;
use crate::domain::{Endpoint, EndpointId, Roster};
use crate::protocol::letschat::{PostId, Stay};

/// An endpoint, with all state that the bridge has of it.
#[derive(Debug)]
pub(super) struct EndpointState {
    pub(super) endpoint: Endpoint,
    /// The other endpoints of its group, to which its messages are mirrored.
    pub(super) mirrors: Arc<[EndpointId]>,
    pub(super) queue: DeliveryQueue,
    /// A room's id on Let's Chat.
    pub(super) room_id: Option<Box<str>>,
    /// The number of the current or last stay in the room.
    pub(super) stay: Stay,
    /// How far a room has been read.
    pub(super) room_state: RoomState,
    /// The page size of a room.
    pub(super) page_size: PageSize,
    /// How a channel is being received.
    pub(super) channel_state: ChannelState,
    /// How the channel was joined.
    pub(super) join_info: Option<JoinInfo>,
    /// The other members of a channel.
    pub(super) roster: Roster,
    /// The other users in a room.
    pub(super) room_members: RoomMembers,
    /// What was mirrored and skipped, during a catch-up.
    pub(super) catchup_budget: Option<CatchUpBudget>,
    /// The room's cursor when we joined it.
    pub(super) cursor_at_join: Option<PostId>,
    /// The room's newest post when we first saw it.
    pub(super) first_seen_post: Option<PostId>,
    /// The delivery in doubt was looked for once and not found.
    pub(super) missing_once: bool,
    /// When we were disconnected from the room, until that is reported.
    pub(super) absence: Option<(Timestamp, Timestamp)>,
    /// The current outage.
    pub(super) outage: Option<Outage>,
    /// Whether users were notified of an outage.
    pub(super) outage_notice: OutageNotice,
    /// Whether the next delivery waits for lines that continue it.
    pub(super) merge_wait: MergeWait,
    /// The recent lines of an author on their way to a room.
    pub(super) run: Option<PasteDetector>,
}

impl EndpointState {
    pub(super) fn new(
        endpoint: Endpoint,
        mirrors: Arc<[EndpointId]>,
        queue: DeliveryQueue,
    ) -> Self {
        Self {
            endpoint,
            mirrors,
            queue,
            room_id: None,
            stay: Stay::default(),
            room_state: RoomState::Offline,
            page_size: PageSize::default(),
            join_info: None,
            channel_state: ChannelState::NotJoined,
            roster: Roster::default(),
            room_members: RoomMembers::default(),
            catchup_budget: None,
            cursor_at_join: None,
            first_seen_post: None,
            missing_once: false,
            absence: None,
            outage: None,
            outage_notice: OutageNotice::default(),
            merge_wait: MergeWait::default(),
            run: None,
        }
    }

    pub(super) fn peer(&self) -> Peer {
        self.endpoint.network().map_or(Peer::LetsChat, |network| Peer::Irc(network.clone()))
    }

    pub(super) fn is_on(&self, peer: &Peer) -> bool {
        match peer {
            Peer::Irc(network) => self.endpoint.network() == Some(network),
            Peer::LetsChat => self.endpoint.network().is_none(),
        }
    }
}
