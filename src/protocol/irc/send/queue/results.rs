//! What the send queue returns: lines to send, and what became of deliveries.

use crate::domain::{DeliveryId, EndpointId};
use crate::protocol::irc::send::receipt::SendOutcome;
use crate::protocol::irc::wire::line::Line;

/// What became of a delivery.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::protocol::irc) struct SendResult {
    pub(in crate::protocol::irc) delivery: DeliveryId,
    pub(in crate::protocol::irc) endpoint: EndpointId,
    pub(in crate::protocol::irc) outcome: SendOutcome,
}

/// The origin of a line under our nick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::protocol::irc) enum EchoClaim {
    /// We sent it.
    Own,
    /// Perhaps an altered echo of the line in flight.
    Maybe,
    /// Another client of the same user sent it.
    OtherClient,
}

/// Which line a reply refers to.
#[derive(Debug, Clone, Copy)]
pub(in crate::protocol::irc) enum ReplyTarget<'a> {
    /// The one with this label.
    Label(&'a str),
    /// A line to this endpoint.
    Endpoint(EndpointId),
    /// Unspecified.
    Oldest,
}

/// The results of timeouts.
#[derive(Debug, Default)]
pub(in crate::protocol::irc) struct Timeouts {
    pub(in crate::protocol::irc) results: Vec<SendResult>,
    /// Endpoints that can be retried.
    pub(in crate::protocol::irc) retries: Vec<EndpointId>,
    /// A PING was not answered.
    pub(in crate::protocol::irc) ping_timed_out: bool,
}

/// Lines to send now.
#[derive(Debug)]
pub(in crate::protocol::irc) struct NextLines {
    /// One line, or several that must not be interrupted.
    pub(in crate::protocol::irc) lines: Vec<Line>,
    /// The endpoint they are sent to or ask about.
    pub(in crate::protocol::irc) endpoint: Option<EndpointId>,
    /// The delivery, if this is its first or next line.
    pub(in crate::protocol::irc) delivery: Option<DeliveryId>,
}

impl NextLines {
    /// A line that belongs to no endpoint.
    pub(in crate::protocol::irc) fn control(line: Line) -> Self {
        Self { lines: vec![line], endpoint: None, delivery: None }
    }
}
