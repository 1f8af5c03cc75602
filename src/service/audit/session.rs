//! A conversation with one peer that only reads, and that is not begun again when it is lost.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time;

use crate::net::ConnectionEnd;
use crate::service::engine::EngineInput;
use crate::service::supervisor::Connection;

/// How long the peer may take to let us in, to let us into its places, or to give us a page.
const REPLY_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a goodbye may take.
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);

/// A conversation under way.
pub(super) struct AuditSession {
    /// Whom with, in words.
    peer: String,
    task: Option<JoinHandle<Result<ConnectionEnd, String>>>,
    inputs: mpsc::Receiver<EngineInput>,
    /// Held for as long as the conversation may last.
    _stop: watch::Sender<bool>,
}

impl AuditSession {
    /// Begins to converse with the party that `meet` gives, called `peer` in words.
    pub(super) fn start<P: Connection + Send + 'static>(
        peer: &str,
        meet: impl FnOnce(mpsc::Sender<EngineInput>, watch::Receiver<bool>) -> P,
    ) -> Self {
        let (inbox, outlet) = mpsc::channel(1_024);
        let (stop, stopped) = watch::channel(false);
        let mut party = meet(inbox, stopped);
        let task = Some(tokio::spawn(async move { party.run_session().await }));
        Self { peer: peer.to_owned(), task, inputs: outlet, _stop: stop }
    }

    /// The next thing that is `wanted`, or why there will be none.
    pub(super) async fn next_match<T>(
        &mut self,
        mut wanted: impl FnMut(EngineInput) -> Option<T>,
    ) -> Result<T, String> {
        let next = async {
            loop {
                let item = self.inputs.recv().await?;
                if let Some(found) = wanted(item) {
                    return Some(found);
                }
            }
        };
        match time::timeout(REPLY_TIMEOUT, next).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(self.end_reason().await),
            Err(_) => Err(format!("{} did not answer in time", self.peer)),
        }
    }

    /// Waits, but not for long, until the peer has heard our goodbye.
    pub(super) async fn finish(mut self) {
        let listen = async { while self.inputs.recv().await.is_some() {} };
        let _ = time::timeout(QUIT_TIMEOUT, listen).await;
    }

    /// Why it is over.
    async fn end_reason(&mut self) -> String {
        match self.task.take() {
            Some(task) => match task.await {
                Ok(Err(why) | Ok(ConnectionEnd::Closed(why) | ConnectionEnd::Lost(why))) => why,
                Ok(Ok(ConnectionEnd::Cancelled)) | Err(_) => "the connection ended".to_owned(),
            },
            None => format!("no connection to {}", self.peer),
        }
    }
}
