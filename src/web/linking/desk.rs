//! The way from the pages to the bridge: each request is answered once.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time;

use crate::domain::{LinkReply, LinkRequest, PuppetLoginReply, PuppetLoginRequest};

/// How many requests may wait for the bridge.
const MAX_WAITING: usize = 32;

/// How long the bridge may take for an answer.
const REPLY_TIMEOUT: Duration = Duration::from_secs(30);

/// A request of a page, and where its answer goes.
#[derive(Debug)]
pub enum LinkCall {
    /// Of the page on which people link their accounts.
    Link(LinkRequest, oneshot::Sender<LinkReply>),
    /// Of the page on which users give their puppets a services account.
    PuppetLogin(PuppetLoginRequest, oneshot::Sender<PuppetLoginReply>),
}

/// Hands the requests of the pages to the bridge. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct LinkDesk {
    calls: mpsc::Sender<LinkCall>,
}

impl LinkDesk {
    /// A desk, and the end where the bridge takes the requests.
    #[must_use]
    pub fn channel() -> (Self, mpsc::Receiver<LinkCall>) {
        let (calls, receiver) = mpsc::channel(MAX_WAITING);
        (Self { calls }, receiver)
    }

    /// Asks the bridge. `None` if it does not answer within 30 seconds, or has ended: whether it did what was
    /// asked is then unknown.
    pub async fn ask(&self, request: LinkRequest) -> Option<LinkReply> {
        let (reply, answer) = oneshot::channel();
        self.call(LinkCall::Link(request, reply), answer).await
    }

    /// Asks the bridge about the login of a puppet. `None` if it does not answer within 30 seconds, or has ended.
    pub async fn ask_puppet_login(&self, request: PuppetLoginRequest) -> Option<PuppetLoginReply> {
        let (reply, answer) = oneshot::channel();
        self.call(LinkCall::PuppetLogin(request, reply), answer).await
    }

    async fn call<T>(&self, call: LinkCall, answer: oneshot::Receiver<T>) -> Option<T> {
        let asking = async {
            self.calls.send(call).await.ok()?;
            answer.await.ok()
        };
        time::timeout(REPLY_TIMEOUT, asking).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::LinkAction;

    fn request() -> LinkRequest {
        LinkRequest { code: "c".to_owned(), browser: "b".to_owned(), action: LinkAction::View }
    }

    #[tokio::test(start_paused = true)]
    async fn silent_bridge_is_given_up() {
        let (desk, mut calls) = LinkDesk::channel();
        let asking = tokio::spawn(async move { desk.ask(request()).await });
        let Some(LinkCall::Link(asked, reply)) = calls.recv().await else { panic!("a call") };
        assert_eq!(asked, request());
        // The clock goes on by itself while everybody waits.
        assert_eq!(asking.await.expect("ends"), None);
        assert!(reply.is_closed());
    }

    #[tokio::test]
    async fn bridge_that_has_ended_is_noticed() {
        let (desk, calls) = LinkDesk::channel();
        drop(calls);
        assert_eq!(desk.ask(request()).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_beyond_the_bound_are_given_up() {
        let (desk, mut calls) = LinkDesk::channel();
        let all = (0..MAX_WAITING + 1).map(|_| desk.ask(request()));
        let answers = futures_util::future::join_all(all).await;
        assert!(answers.iter().all(Option::is_none));
        let mut waiting = 0;
        while calls.try_recv().is_ok() {
            waiting += 1;
        }
        assert_eq!(waiting, MAX_WAITING);
    }
}
