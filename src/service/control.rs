//! The administrator's requests, on their way to the bridge and back.

use std::collections::HashMap;

use tokio::sync::{mpsc, oneshot};

use super::messages::{ControlSender, EngineInput};
use crate::bridge::{
    BridgeReport, CatchUpAnswer, CatchUpRequest, ControlError, ControlReply, ControlRequest,
    EndedLink, Event, LinkChange, QueuePage, QueuedDelivery, UnlinkWho,
};
use crate::domain::{DeliveryId, LinkName};

/// More requests than this are refused.
const MAX_OPEN_CONTROLS: usize = 64;

/// Lets an administrator see and control the bridge. Does not keep it running.
///
/// Each method waits until the bridge has committed what it did. While the disk takes no writes, that is as long as
/// that lasts: callers limit how long they wait. Links are meant by any of their names, see [`LinkName`].
#[derive(Debug, Clone)]
pub struct BridgeControl {
    inbox: mpsc::WeakSender<EngineInput>,
    /// Whether this node waits, so that there is no bridge to be controlled.
    is_waiting: bool,
}

impl BridgeControl {
    pub(super) fn new(inbox: &mpsc::Sender<EngineInput>) -> Self {
        Self { inbox: inbox.downgrade(), is_waiting: false }
    }

    /// For a node that waits: all that is asked is refused.
    #[must_use]
    pub fn of_waiting_node() -> Self {
        Self { inbox: mpsc::channel(1).0.downgrade(), is_waiting: true }
    }

    fn inbox(&self) -> Result<mpsc::Sender<EngineInput>, ControlError> {
        self.inbox.upgrade().ok_or(match self.is_waiting {
            true => ControlError::NotActive,
            false => ControlError::Stopping,
        })
    }

    /// How the bridge is. Cheap enough to be asked every second.
    ///
    /// # Errors
    /// When the bridge is stopping, or too many requests wait.
    pub async fn report(&self) -> Result<BridgeReport, ControlError> {
        match self.ask(ControlRequest::Report).await? {
            ControlReply::Report(report) => Ok(*report),
            _ => Err(ControlError::Stopping),
        }
    }

    /// Delivers nothing over the link, in both directions, until it is resumed, even after a restart.
    ///
    /// # Errors
    /// When the bridge is stopping, too many requests wait, or not exactly one link has this name.
    pub async fn pause(&self, link: &LinkName) -> Result<LinkChange, ControlError> {
        self.change(ControlRequest::Pause(link.clone())).await
    }

    /// Delivers over the link again, first what waits.
    ///
    /// # Errors
    /// When the bridge is stopping, too many requests wait, or not exactly one link has this name.
    pub async fn resume(&self, link: &LinkName) -> Result<LinkChange, ControlError> {
        self.change(ControlRequest::Resume(link.clone())).await
    }

    /// What waits on the link, oldest first, at most `limit` deliveries; the bridge has a limit of its own.
    ///
    /// # Errors
    /// When the bridge is stopping, too many requests wait, or not exactly one link has this name.
    pub async fn queue(&self, link: &LinkName, limit: usize) -> Result<QueuePage, ControlError> {
        match self.ask(ControlRequest::ListQueue(link.clone(), limit)).await? {
            ControlReply::Queue(page) => Ok(page),
            _ => Err(ControlError::Stopping),
        }
    }

    /// Sends what the remote side has deferred now, instead of when it has asked for. [`LinkChange::is_new`] says
    /// whether there was anything.
    ///
    /// # Errors
    /// When the bridge is stopping, too many requests wait, or not exactly one link has this name.
    pub async fn retry(&self, link: &LinkName) -> Result<LinkChange, ControlError> {
        self.change(ControlRequest::Retry(link.clone())).await
    }

    /// Drops a delivery that waits on the link. It is recorded as rejected.
    ///
    /// # Errors
    /// When the bridge is stopping, too many requests wait, not exactly one link has this name, or the delivery does
    /// not wait there.
    pub async fn drop_queued(
        &self,
        link: &LinkName,
        id: DeliveryId,
    ) -> Result<QueuedDelivery, ControlError> {
        match self.ask(ControlRequest::Drop(link.clone(), id)).await? {
            ControlReply::Dropped(delivery) => Ok(delivery),
            _ => Err(ControlError::Stopping),
        }
    }

    /// Delivers what was not mirrored over a link, bit by bit, or only tells how much that is.
    ///
    /// # Errors
    /// When the bridge is stopping, too many requests wait, not exactly one link has this name, or the link does not
    /// mirror that way.
    pub async fn catch_up(&self, request: CatchUpRequest) -> Result<CatchUpAnswer, ControlError> {
        match self.ask(ControlRequest::CatchUp(request)).await? {
            ControlReply::CatchUp(answer) => Ok(answer),
            _ => Err(ControlError::Stopping),
        }
    }

    /// Whether the disk takes writes: waits until something that was written a few seconds ago at most, or is written
    /// now for that, is on it.
    ///
    /// # Errors
    /// When the bridge is stopping, or too many requests wait.
    pub async fn check_storage(&self) -> Result<(), ControlError> {
        let inbox = self.inbox()?;
        let (sender, reply) = oneshot::channel();
        let sent = inbox.send(EngineInput::CheckStorage(sender)).await;
        drop(inbox);
        sent.map_err(|_| ControlError::Stopping)?;
        reply.await.map_err(|_| ControlError::Busy)
    }

    /// Gives up the own accounts of these people, or the logins of these puppets. Returns what there was.
    ///
    /// # Errors
    /// When the bridge is stopping, too many requests wait, or nobody is meant.
    pub async fn unlink(&self, who: UnlinkWho) -> Result<Vec<EndedLink>, ControlError> {
        match self.ask(ControlRequest::Unlink(who)).await? {
            ControlReply::Unlinked(ended) => Ok(ended),
            _ => Err(ControlError::Stopping),
        }
    }

    async fn change(&self, request: ControlRequest) -> Result<LinkChange, ControlError> {
        match self.ask(request).await? {
            ControlReply::Changed(change) => Ok(change),
            _ => Err(ControlError::Stopping),
        }
    }

    async fn ask(&self, request: ControlRequest) -> Result<ControlReply, ControlError> {
        let inbox = self.inbox()?;
        let (sender, reply) = oneshot::channel();
        let sent = inbox.send(EngineInput::Control(request, sender)).await;
        // The engine ends when all senders are gone, including this one.
        drop(inbox);
        sent.map_err(|_| ControlError::Stopping)?;
        reply.await.unwrap_or(Err(ControlError::Stopping))
    }
}

/// The requests that the bridge has not answered yet.
#[derive(Debug, Default)]
pub(super) struct OpenControls {
    last: u64,
    replies: HashMap<u64, ControlSender>,
}

impl OpenControls {
    /// The event for a request; `None` if too many are open, which is the answer then.
    pub(super) fn open(&mut self, request: ControlRequest, reply: ControlSender) -> Option<Event> {
        self.replies.retain(|_, reply| !reply.is_closed());
        if self.replies.len() >= MAX_OPEN_CONTROLS {
            // The caller may have gone away.
            let _ = reply.send(Err(ControlError::Busy));
            return None;
        }
        self.last += 1;
        self.replies.insert(self.last, reply);
        Some(Event::Control(self.last, request))
    }

    /// The bridge has answered.
    pub(super) fn close(&mut self, request: u64, answer: Result<ControlReply, ControlError>) {
        if let Some(sender) = self.replies.remove(&request) {
            // The caller may have gone away.
            let _ = sender.send(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_requests_are_open() {
        let mut open = OpenControls::default();
        let mut replies: Vec<_> = (0..MAX_OPEN_CONTROLS)
            .map(|_| {
                let (sender, reply) = oneshot::channel();
                assert!(open.open(ControlRequest::Report, sender).is_some());
                reply
            })
            .collect();
        let (sender, mut refused) = oneshot::channel();
        assert!(open.open(ControlRequest::Report, sender).is_none());
        assert_eq!(refused.try_recv(), Ok(Err(ControlError::Busy)));
        // One that nobody waits for makes room.
        replies.pop();
        let (sender, mut reply) = oneshot::channel();
        let Some(Event::Control(number, _)) = open.open(ControlRequest::Report, sender) else {
            panic!("there is room");
        };
        open.close(number, Err(ControlError::Stopping));
        assert_eq!(reply.try_recv(), Ok(Err(ControlError::Stopping)));
    }

    #[tokio::test]
    async fn bridge_that_has_stopped_says_so() {
        let (inbox, mut queue) = mpsc::channel(1);
        let control = BridgeControl::new(&inbox);
        let asked = tokio::spawn({
            let control = control.clone();
            async move { control.pause(&LinkName::new("tea")).await }
        });
        // The engine ends without an answer.
        drop(queue.recv().await);
        assert_eq!(asked.await.ok(), Some(Err(ControlError::Stopping)));
        drop(inbox);
        assert_eq!(control.report().await, Err(ControlError::Stopping));
    }
}
