//! What programs ask PostgreSQL that are no nodes.

use std::path::Path;

use jiff::Timestamp;

use super::super::columns::target_to_sql;
use super::super::{Revocation, StoreError, look};
use super::cell::Cell;
use super::error::PostgresError;
use super::migrate::read_meta;
use super::reign::{read_leader, read_nodes};
use super::session::Session;
use super::shape::{REVOCATION, read_shapes};
use super::status::{NodeRole, NodeStatus};
use super::worker::offload;
use super::{ClusterConfig, is_copy, revoked};

/// Asks PostgreSQL which nodes there are, for programs that are none themselves. The role is [`NodeRole::Waiting`], and the
/// turn is that of PostgreSQL.
///
/// # Errors
/// When PostgreSQL cannot be reached or refuses, or holds no store.
pub async fn read_cluster(config: &ClusterConfig) -> Result<NodeStatus, StoreError> {
    let config = config.clone();
    offload(move || async move {
        let session = open(&config).await?;
        let leader = read_leader(&session).await?;
        let mut status = NodeStatus::connecting(&config.node);
        status.set_leader(&leader, leader.position);
        status.set_role(NodeRole::Waiting);
        status.nodes = read_nodes(&session).await?;
        session.close().await;
        Ok(status)
    })
    .await
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
    let (config, directory) = (config.clone(), directory.to_owned());
    offload(move || async move {
        let (target, since, until) = match what {
            Revocation::Target(target) => (Some(target_to_sql(target)), i64::MIN, i64::MAX),
            Revocation::CreatedSince(since) => (None, since.as_millisecond(), now.as_millisecond()),
        };
        let connection = look::open_to_write(&directory)?;
        let shapes = read_shapes(&connection)?;
        let session = open(&config).await?;
        let now = now.as_millisecond();
        let id = revoked::add(&session, (target.clone(), since, until, now)).await?;
        session.close().await;
        // The copy of another store is replaced by the node.
        if let Some(shape) = shapes.iter().find(|shape| shape.name == REVOCATION)
            && is_copy(&connection)?
        {
            let target = target.map_or(Cell::Null, Cell::Blob);
            let numbers = [since, until, now].map(Cell::Integer);
            let row: Vec<Cell> = [Cell::Integer(id), target].into_iter().chain(numbers).collect();
            revoked::insert(&connection, shape, &[row])?;
        }
        Ok(())
    })
    .await
}

/// Connects to a PostgreSQL that holds a store.
async fn open(config: &ClusterConfig) -> Result<Session, PostgresError> {
    let session = Session::open(config).await?;
    if read_meta(&session).await?.is_none() {
        return Err(PostgresError::Empty { place: config.url.server() });
    }
    Ok(session)
}
