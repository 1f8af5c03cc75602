//! One place, with all that the bridge holds of it.

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
use super::policy::CatchUpBudget;
use super::run::Run;
use crate::domain::{Endpoint, EndpointId, Roster};
use crate::protocol::letschat::{PostId, Stay};

/// One place, seen from the bridge.
#[derive(Debug)]
pub(super) struct EndpointState {
    pub(super) endpoint: Endpoint,
    /// The other places of its conversation: what is said here is mirrored to each of them.
    pub(super) mirrors: Arc<[EndpointId]>,
    pub(super) queue: DeliveryQueue,
    /// The id that Let's Chat gives a room.
    pub(super) room_id: Option<Box<str>>,
    /// Which of our stays in the room this is, or the last was.
    pub(super) stay: Stay,
    /// How far a room is read.
    pub(super) room_state: RoomState,
    /// How much of it is asked for at once.
    pub(super) page_size: PageSize,
    /// How a channel is heard.
    pub(super) channel_state: ChannelState,
    /// How we came into it.
    pub(super) join_info: Option<JoinInfo>,
    /// Who is in a channel, besides us.
    pub(super) roster: Roster,
    /// Who is in a room, besides us.
    pub(super) room_members: RoomMembers,
    /// What was done with what was missed, until all of it is read.
    pub(super) catchup_budget: Option<CatchUpBudget>,
    /// The room's cursor when we joined it.
    pub(super) cursor_at_join: Option<PostId>,
    /// The room's newest post when we first saw it.
    pub(super) first_seen_post: Option<PostId>,
    /// What is in doubt was looked for once and not found.
    pub(super) missing_once: bool,
    /// From when to when we were cut off from the room, until that is told.
    pub(super) absence: Option<(Timestamp, Timestamp)>,
    /// That it is closed to us.
    pub(super) outage: Option<Outage>,
    /// People were told that it is.
    pub(super) outage_notice: OutageNotice,
    /// Whether it is waited for lines that go on with the next delivery.
    pub(super) merge_wait: MergeWait,
    /// What somebody says to a room, line after line.
    pub(super) run: Option<Run>,
}

impl EndpointState {
    pub(super) fn new(place: Endpoint, mirrors: Arc<[EndpointId]>, lane: DeliveryQueue) -> Self {
        Self {
            endpoint: place,
            mirrors,
            queue: lane,
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
