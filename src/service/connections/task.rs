//! The task that keeps a connection, and its end.

use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time;

use super::{DrainTimeout, Shared};
use crate::bridge::Peer;
use crate::service::messages::EngineInput;
use crate::service::supervisor::{self, Connection};

/// How long a session may take to end after it was told to. Then it is told again, since it may have begun just before.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// The task that keeps a connection.
#[derive(Debug)]
pub(super) struct ConnectionTask {
    stop: watch::Sender<bool>,
    handle: JoinHandle<()>,
}

impl ConnectionTask {
    /// Keeps the connection that `connect` makes; it is told when to stop.
    pub(super) fn spawn<C: Connection + Send + 'static>(
        connect: impl FnOnce(watch::Receiver<bool>) -> C,
    ) -> Self {
        let stop = watch::Sender::new(false);
        let connection = connect(stop.subscribe());
        let handle = tokio::spawn(supervisor::supervise(connection, stop.subscribe()));
        Self { stop, handle }
    }

    /// Ends it at once, whatever it does.
    pub(super) fn abort_handle(&self) -> AbortHandle {
        self.handle.abort_handle()
    }

    /// The connection is not made anew when it ends.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Closes the connection to `peer`, once what is in flight there is done, or after `timeout`. Returns when it is
    /// closed.
    pub(super) async fn close(&mut self, peer: &Peer, timeout: DrainTimeout, shared: &Shared) {
        self.stop();
        while !self.handle.is_finished() && !shared.engine.is_closed() {
            let (reply, told) = oneshot::channel();
            shared.tell(EngineInput::Close(peer.clone(), timeout, reply)).await;
            // Fails only when the engine is gone.
            let _ = told.await;
            // A session that does not end in time is told again.
            let _ = time::timeout(END_TIMEOUT, &mut self.handle).await;
        }
    }
}
