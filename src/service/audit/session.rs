//! A read-only session with one peer, without reconnecting.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time;

use crate::net::ConnectionEnd;
use crate::service::messages::EngineInput;
use crate::service::supervisor::Connection;

/// Time limit for the login, each join, and each page.
const REPLY_TIMEOUT: Duration = Duration::from_secs(60);

/// Time limit for quitting.
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);

/// A running session.
pub(super) struct AuditSession {
    /// The peer's name, for messages.
    peer: String,
    task: Option<JoinHandle<Result<ConnectionEnd, String>>>,
    inputs: mpsc::Receiver<EngineInput>,
    /// Keeps the session running while held.
    _stop: watch::Sender<bool>,
}

impl AuditSession {
    /// Starts a session with the connection that `meet` creates; `peer` is its name.
    pub(super) fn start<P: Connection + Send + 'static>(
        peer: &str,
        meet: impl FnOnce(mpsc::Sender<EngineInput>, watch::Receiver<bool>) -> P,
    ) -> Self {
        let (inbox, outlet) = mpsc::channel(1_024);
        let (stop, stopped) = watch::channel(false);
        let mut connection = meet(inbox, stopped);
        let task = Some(tokio::spawn(async move { connection.run_session().await }));
        Self { peer: peer.to_owned(), task, inputs: outlet, _stop: stop }
    }

    /// The next event that `wanted` accepts, or why there is none.
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

    /// Waits briefly until the peer has received our goodbye.
    pub(super) async fn finish(mut self) {
        let listen = async { while self.inputs.recv().await.is_some() {} };
        let _ = time::timeout(QUIT_TIMEOUT, listen).await;
    }

    /// Why it has ended.
    async fn end_reason(&mut self) -> String {
        match self.task.take() {
            Some(task) => match task.await {
                Ok(
                    Err(reason) | Ok(ConnectionEnd::Closed(reason) | ConnectionEnd::Lost(reason)),
                ) => reason,
                Ok(Ok(ConnectionEnd::Cancelled | ConnectionEnd::Released)) | Err(_) => {
                    "the connection ended".to_owned()
                }
            },
            None => format!("no connection to {}", self.peer),
        }
    }
}
