//! The state of a user who receives direct messages.

use super::queue::DeliveryQueue;
use crate::domain::UserRef;

/// A user with queued direct messages.
#[derive(Debug)]
pub(in crate::bridge) struct UserEndpoint {
    pub(in crate::bridge) user: UserRef,
    pub(in crate::bridge) queue: DeliveryQueue,
    /// How many consecutive deliveries were not acknowledged.
    pub(in crate::bridge) ack_timeouts: u32,
    /// Why nothing more can be delivered to them under this identity.
    pub(in crate::bridge) gone_reason: Option<String>,
}

impl UserEndpoint {
    /// Direct messages are held to no room or channel, so the queue is always open: whether the user can be
    /// reached is decided for each delivery.
    pub(in crate::bridge) fn new(user: UserRef, mut queue: DeliveryQueue) -> Self {
        queue.open();
        Self { user, queue, ack_timeouts: 0, gone_reason: None }
    }
}
