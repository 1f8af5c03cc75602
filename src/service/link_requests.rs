//! The requests of the pages on which people link their accounts and log their puppets in, on their way to the bridge
//! and back.

use std::collections::HashMap;

use tokio::sync::{mpsc, oneshot};

use super::messages::EngineInput;
use crate::bridge::Event;
use crate::domain::{LinkReply, LinkRequest, PuppetLoginReply, PuppetLoginRequest};

/// More requests than this are not answered.
const MAX_OPEN: usize = 100;

/// Asks the bridge for the pages. Does not keep the bridge running.
#[derive(Debug, Clone)]
pub struct LinkAsker {
    inbox: mpsc::WeakSender<EngineInput>,
}

impl LinkAsker {
    pub(super) fn new(inbox: &mpsc::Sender<EngineInput>) -> Self {
        Self { inbox: inbox.downgrade() }
    }

    /// Asks about the link of an account; the answer goes to `reply`, which is dropped if the bridge stops.
    pub async fn ask(&self, request: LinkRequest, reply: oneshot::Sender<LinkReply>) {
        self.send(EngineInput::LinkRequest(Box::new(request), reply)).await;
    }

    /// Asks about the login of a puppet; the answer goes to `reply`, which is dropped if the bridge stops.
    pub async fn ask_puppet_login(
        &self,
        request: PuppetLoginRequest,
        reply: oneshot::Sender<PuppetLoginReply>,
    ) {
        self.send(EngineInput::PuppetLoginRequest(Box::new(request), reply)).await;
    }

    async fn send(&self, input: EngineInput) {
        if let Some(inbox) = self.inbox.upgrade() {
            // Fails only when the engine is gone, and so the page.
            let _ = inbox.send(input).await;
        }
    }
}

/// The requests that the bridge has not answered yet.
#[derive(Debug, Default)]
pub(super) struct OpenRequests {
    last: u64,
    links: HashMap<u64, oneshot::Sender<LinkReply>>,
    puppet_logins: HashMap<u64, oneshot::Sender<PuppetLoginReply>>,
}

impl OpenRequests {
    /// The event for a request about the link of an account.
    pub(super) fn open(
        &mut self,
        request: Box<LinkRequest>,
        reply: oneshot::Sender<LinkReply>,
    ) -> Option<Event> {
        let number = self.next()?;
        self.links.insert(number, reply);
        Some(Event::Link(number, request))
    }

    /// The event for a request about the login of a puppet.
    pub(super) fn open_puppet_login(
        &mut self,
        request: Box<PuppetLoginRequest>,
        reply: oneshot::Sender<PuppetLoginReply>,
    ) -> Option<Event> {
        let number = self.next()?;
        self.puppet_logins.insert(number, reply);
        Some(Event::PuppetLogin(number, request))
    }

    /// The bridge has answered.
    pub(super) fn close(&mut self, request: u64, reply: LinkReply) {
        if let Some(sender) = self.links.remove(&request) {
            // The browser may have gone away.
            let _ = sender.send(reply);
        }
    }

    /// The bridge has answered about the login of a puppet.
    pub(super) fn close_puppet_login(&mut self, request: u64, reply: PuppetLoginReply) {
        if let Some(sender) = self.puppet_logins.remove(&request) {
            // The browser may have gone away.
            let _ = sender.send(reply);
        }
    }

    /// The number of the next request; `None` if too many are open.
    fn next(&mut self) -> Option<u64> {
        self.links.retain(|_, reply| !reply.is_closed());
        self.puppet_logins.retain(|_, reply| !reply.is_closed());
        if self.links.len() + self.puppet_logins.len() >= MAX_OPEN {
            return None;
        }
        self.last += 1;
        Some(self.last)
    }
}
