//! What is known of one link.

use jiff::Timestamp;

use super::counts::DirectionCounts;
use crate::bridge::link_direction::LinkDirection;
use crate::bridge::report::{DirectionReport, LinkFailure, LinkState};
use crate::domain::{EndpointId, LinkFlow, LinkId, LinkPhase};
use crate::store::UnheardLink;

/// What is known of a link.
#[derive(Debug)]
pub(in crate::bridge) struct LinkRecord {
    pub(in crate::bridge) id: LinkId,
    pub(in crate::bridge) channel: EndpointId,
    pub(in crate::bridge) room: EndpointId,
    /// The configuration no longer has it.
    pub(in crate::bridge) is_leaving: bool,
    /// Only the canary uses it.
    pub(in crate::bridge) is_canary: bool,
    /// How far its people have moved.
    pub(in crate::bridge) phase: LinkPhase,
    /// In which directions it mirrors, as far as its phase does.
    pub(in crate::bridge) flow: LinkFlow,
    /// The pause by an administrator, if there is one.
    pub(in crate::bridge) pause: Option<LinkPause>,
    /// The state when it was last looked at, and since when.
    pub(in crate::bridge) observed: Option<(LinkState, Timestamp)>,
    pub(in crate::bridge) last_error: Option<LinkFailure>,
    pub(super) to_irc: DirectionCounts,
    pub(super) to_letschat: DirectionCounts,
}

/// A link as it is configured.
#[derive(Debug, Clone, Copy)]
pub(in crate::bridge) struct LinkSetup {
    /// Its channel and its room, in any order.
    pub(in crate::bridge) ends: (EndpointId, EndpointId),
    pub(in crate::bridge) phase: LinkPhase,
    pub(in crate::bridge) flow: LinkFlow,
}

/// A pause by an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bridge) struct LinkPause {
    pub(in crate::bridge) since: Timestamp,
    /// People were told.
    pub(in crate::bridge) is_announced: bool,
}

impl LinkRecord {
    pub(in crate::bridge) fn new(
        id: LinkId,
        (channel, room): (EndpointId, EndpointId),
        setup: LinkSetup,
    ) -> Self {
        Self {
            id,
            channel,
            room,
            is_leaving: false,
            is_canary: false,
            phase: setup.phase,
            flow: setup.flow,
            pause: None,
            observed: None,
            last_error: None,
            to_irc: DirectionCounts::default(),
            to_letschat: DirectionCounts::default(),
        }
    }

    /// Whether its phase and its direction let messages pass this way.
    pub(in crate::bridge) fn is_mirrored(&self, direction: LinkDirection) -> bool {
        match direction {
            LinkDirection::ToIrc => {
                self.phase.is_mirrored_to_irc() && self.flow.is_mirrored_to_irc()
            }
            LinkDirection::ToLetsChat => {
                self.phase.is_mirrored_to_letschat() && self.flow.is_mirrored_to_letschat()
            }
        }
    }

    /// One of its directions, as the store calls it.
    pub(in crate::bridge) fn unheard_link(&self, direction: LinkDirection) -> UnheardLink {
        let to_irc = direction == LinkDirection::ToIrc;
        UnheardLink { channel: self.channel, room: self.room, to_irc }
    }

    /// The direction in which this end is the destination.
    pub(in crate::bridge) fn direction_to(&self, end: EndpointId) -> LinkDirection {
        if self.channel == end { LinkDirection::ToIrc } else { LinkDirection::ToLetsChat }
    }

    /// The destination of a direction.
    pub(in crate::bridge) fn end(&self, direction: LinkDirection) -> EndpointId {
        match direction {
            LinkDirection::ToIrc => self.channel,
            LinkDirection::ToLetsChat => self.room,
        }
    }

    pub(in crate::bridge) fn counts(&self, direction: LinkDirection) -> &DirectionCounts {
        match direction {
            LinkDirection::ToIrc => &self.to_irc,
            LinkDirection::ToLetsChat => &self.to_letschat,
        }
    }

    pub(in crate::bridge) fn counts_mut(
        &mut self,
        direction: LinkDirection,
    ) -> &mut DirectionCounts {
        match direction {
            LinkDirection::ToIrc => &mut self.to_irc,
            LinkDirection::ToLetsChat => &mut self.to_letschat,
        }
    }

    /// The figures of a direction. The oldest delivery is known after [`DirectionCounts::set_oldest`].
    pub(in crate::bridge) fn report(&self, direction: LinkDirection) -> DirectionReport {
        self.counts(direction).report()
    }
}
