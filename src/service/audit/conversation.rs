//! A conversation with one peer that only reads, and that is not begun again when it is lost.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time;

use crate::net::ConnectionEnd;
use crate::service::connection::Party;
use crate::service::engine::Item;

/// How long the peer may take to let us in, to let us into its places, or to give us a page.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// A conversation under way.
pub(super) struct Conversation {
    /// Whom with, in words.
    peer: String,
    task: Option<JoinHandle<Result<ConnectionEnd, String>>>,
    outlet: mpsc::Receiver<Item>,
    /// Held for as long as the conversation may last.
    _stop: watch::Sender<bool>,
}

impl Conversation {
    /// Begins to converse with the party that `meet` gives, called `peer` in words.
    pub(super) fn begin<P: Party + Send + 'static>(
        peer: &str,
        meet: impl FnOnce(mpsc::Sender<Item>, watch::Receiver<bool>) -> P,
    ) -> Self {
        let (inbox, outlet) = mpsc::channel(1_024);
        let (stop, stopped) = watch::channel(false);
        let mut party = meet(inbox, stopped);
        let task = Some(tokio::spawn(async move { party.converse().await }));
        Self { peer: peer.to_owned(), task, outlet, _stop: stop }
    }

    /// The next thing that is `wanted`, or why there will be none.
    pub(super) async fn next<T>(
        &mut self,
        mut wanted: impl FnMut(Item) -> Option<T>,
    ) -> Result<T, String> {
        let next = async {
            loop {
                let item = self.outlet.recv().await?;
                if let Some(found) = wanted(item) {
                    return Some(found);
                }
            }
        };
        match time::timeout(PATIENCE, next).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(self.why().await),
            Err(_) => Err(format!("{} did not answer in time", self.peer)),
        }
    }

    /// Waits, but not for long, until the peer has heard our goodbye.
    pub(super) async fn end(mut self) {
        let listen = async { while self.outlet.recv().await.is_some() {} };
        let _ = time::timeout(GOODBYE, listen).await;
    }

    /// Why it is over.
    async fn why(&mut self) -> String {
        match self.task.take() {
            Some(task) => match task.await {
                Ok(Err(why) | Ok(ConnectionEnd::Closed(why) | ConnectionEnd::Lost(why))) => why,
                Ok(Ok(ConnectionEnd::Cancelled)) | Err(_) => "the conversation ended".to_owned(),
            },
            None => format!("no connection to {}", self.peer),
        }
    }
}
