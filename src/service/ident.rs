//! The ident server of the running bridge.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::StartError;
use crate::net::identd;
use crate::net::identd::IdentRegistry;

/// The running ident server.
#[derive(Debug)]
pub(super) struct IdentServer {
    registry: Arc<IdentRegistry>,
    task: JoinHandle<()>,
}

impl IdentServer {
    /// Listens at `address`.
    pub(super) fn start(address: SocketAddr) -> Result<Self, StartError> {
        let listener =
            identd::listen(address).map_err(|error| StartError::Ident { address, error })?;
        let registry = Arc::new(IdentRegistry::default());
        let task = tokio::spawn(identd::serve(listener, Arc::clone(&registry)));
        Ok(Self { registry, task })
    }

    /// Where connections are registered.
    pub(super) fn registry(&self) -> Arc<IdentRegistry> {
        Arc::clone(&self.registry)
    }

    /// Ends it. Its address is free then, for the bridge that follows in this process.
    pub(super) async fn stop(self) {
        self.task.abort();
        // It was aborted.
        let _ = self.task.await;
    }
}
