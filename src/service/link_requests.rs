//! The requests of the page on which people link their accounts, on their way to the bridge and back.

use std::collections::HashMap;

use tokio::sync::{mpsc, oneshot};

use super::messages::EngineInput;
use crate::bridge::Event;
use crate::domain::{LinkReply, LinkRequest};

/// More requests than this are not answered.
const MAX_OPEN: usize = 100;

/// Asks the bridge for the page. Does not keep the bridge running.
#[derive(Debug, Clone)]
pub struct LinkAsker {
    inbox: mpsc::WeakSender<EngineInput>,
}

impl LinkAsker {
    pub(super) fn new(inbox: &mpsc::Sender<EngineInput>) -> Self {
        Self { inbox: inbox.downgrade() }
    }

    /// Asks; the answer goes to `reply`, which is dropped if the bridge stops.
    pub async fn ask(&self, request: LinkRequest, reply: oneshot::Sender<LinkReply>) {
        if let Some(inbox) = self.inbox.upgrade() {
            // Fails only when the engine is gone, and so the page.
            let _ = inbox.send(EngineInput::LinkRequest(Box::new(request), reply)).await;
        }
    }
}

/// The requests that the bridge has not answered yet.
#[derive(Debug, Default)]
pub(super) struct OpenRequests {
    last: u64,
    replies: HashMap<u64, oneshot::Sender<LinkReply>>,
}

impl OpenRequests {
    /// The event for a request.
    pub(super) fn open(
        &mut self,
        request: Box<LinkRequest>,
        reply: oneshot::Sender<LinkReply>,
    ) -> Option<Event> {
        self.replies.retain(|_, reply| !reply.is_closed());
        if self.replies.len() >= MAX_OPEN {
            return None;
        }
        self.last += 1;
        self.replies.insert(self.last, reply);
        Some(Event::Link(self.last, request))
    }

    /// The bridge has answered.
    pub(super) fn close(&mut self, request: u64, reply: LinkReply) {
        if let Some(sender) = self.replies.remove(&request) {
            // The browser may have gone away.
            let _ = sender.send(reply);
        }
    }
}
