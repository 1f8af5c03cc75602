//! What every part of the bridge works with during a turn.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::endpoints::Endpoints;
use super::event::{Command, Peer};
use super::links::Links;
use super::loop_guard::LoopGuard;
use super::peers::Peers;
use super::phase_state::PhaseState;
use super::policy::BridgePolicy;
use super::report::NotMirrored;
use super::restored::Restored;
use super::routes::Routes;
use super::senders::Senders;
use super::stats::{Stats, TrafficStats};
use super::status_buffer::StatusBuffer;
use crate::domain::{Delivery, DeliveryId, EndpointId, Message};
use crate::protocol::letschat::LetsChatUser;
use crate::store::Store;
use crate::translate::BotCommand;

/// What every part works with, besides the fields of its own.
pub(super) struct Ctx<'a> {
    /// The time of the event.
    pub(super) now: Timestamp,
    pub(super) policy: &'a BridgePolicy,
    pub(super) routes: &'a Routes,
    pub(super) links: &'a mut Links,
    pub(super) endpoints: &'a mut Endpoints,
    pub(super) peers: &'a mut Peers,
    pub(super) senders: &'a mut Senders,
    pub(super) loop_guard: &'a mut LoopGuard,
    pub(super) status: &'a mut StatusBuffer,
    pub(super) stats: &'a mut Stats,
    pub(super) restored: &'a mut Restored,
    pub(super) phases: &'a mut PhaseState,
    /// No more deliveries start.
    pub(super) stopping: bool,
    pub(super) store: &'a mut Store,
    /// What the connections are to do once the store has committed.
    pub(super) commands: &'a mut Vec<Command>,
    /// What other parts are to do before the event is done.
    pub(super) steps: VecDeque<Step>,
}

/// What one part leaves to another. Steps run in order, after the part that asked for them has returned.
#[derive(Debug)]
pub(super) enum Step {
    /// Start the next delivery to this endpoint, if that is possible.
    Schedule(EndpointId),
    /// Look at every recipient of direct messages: somebody may have come, left, or become free to send to.
    ScheduleDirect,
    /// Answer this command.
    Answer(BotCommand, Box<Message>),
    /// Loop protection has muted an author who only repeats another one: everybody is to be notified.
    AuthorMuted {
        /// Where the author is.
        source: EndpointId,
        /// The name of the author.
        author: String,
        /// The name of the other author, and where they are.
        other: (Arc<str>, EndpointId),
        /// For how long.
        pause: SignedDuration,
    },
    /// A delivery to this room is settled: posts that waited for that can be judged.
    ReleaseHeld(EndpointId),
    /// A delivery was rejected, and its author is to be notified.
    FailureRecorded,
    /// A direct message was rejected, and its sender is to be notified.
    DirectFailureRecorded,
    /// A delivery to an end of the canary was acknowledged, or failed for this reason.
    CanarySettled(DeliveryId, Option<String>),
}

impl Ctx<'_> {
    /// Starts the next delivery to `endpoint` after this step.
    pub(super) fn schedule(&mut self, endpoint: EndpointId) {
        self.steps.push_back(Step::Schedule(endpoint));
    }

    /// This delivery was acknowledged, or failed for this reason: leaves it to the canary if it is its own.
    pub(super) fn report_to_canary(&mut self, delivery: &Delivery, failure: Option<&str>) {
        if self.links.is_canary_end(delivery.to) {
            let failure = failure.map(str::to_owned);
            self.steps.push_back(Step::CanarySettled(delivery.id, failure));
        }
    }

    /// Whether a delivery may start on this connection.
    pub(super) fn may_start_on(&self, peer: &Peer) -> bool {
        !self.stopping && !self.peers.is_closing(peer)
    }

    /// Whether everything that this user of Let's Chat posts is the bridge's.
    pub(super) fn is_own_user(&self, user: &LetsChatUser) -> bool {
        self.peers.is_own_account(user) || self.senders.accounts.is_only_ours(&user.id)
    }

    /// Updates a counter of the endpoint's peer. What the canary does is not counted.
    pub(super) fn count_traffic(
        &mut self,
        endpoint: EndpointId,
        raise: impl FnOnce(&mut TrafficStats),
    ) {
        if let Some(state) = self.endpoints.get(endpoint)
            && !self.links.is_canary_end(endpoint)
        {
            raise(self.stats.traffic_mut(state.peer()));
        }
    }

    /// A message of `source` is mirrored nowhere.
    pub(super) fn count_not_mirrored(&mut self, source: EndpointId, why: NotMirrored) {
        let Some(link) = self.endpoints.link(source) else { return };
        for to in link.mirrors.iter() {
            self.links.on_not_mirrored(source, *to, why);
        }
    }
}
