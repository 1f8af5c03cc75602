//! What programs ask PostgreSQL that are no nodes.

use std::path::Path;

use jiff::Timestamp;

use super::super::columns::target_to_sql;
use super::super::{DB_FILE, Revocation, StoreError, look};
use super::cell::Cell;
use super::error::PostgresError;
use super::migrate::{StoreMeta, read_meta};
use super::open_copy::is_used_alone;
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
        let status = nodes(&session, &config).await?;
        session.close().await;
        Ok(status)
    })
    .await
}

async fn nodes(session: &Session, config: &ClusterConfig) -> Result<NodeStatus, PostgresError> {
    let leader = read_leader(session).await?;
    let mut status = NodeStatus::connecting(&config.node);
    status.set_leader(&leader, leader.position);
    status.set_role(NodeRole::Waiting);
    status.nodes = read_nodes(session).await?;
    Ok(status)
}

/// What a PostgreSQL that can be used is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterCheck {
    /// Its version, as it says it.
    pub version: String,
    /// The store in it; `None` if it holds none yet, and this node may make one.
    pub store: Option<StoredCluster>,
}

/// A store in PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCluster {
    /// The version of its schema. One that is older than that of this program is brought up to date by the active node.
    pub schema_version: i64,
    /// Which nodes there are, as [`read_cluster`] says it.
    pub nodes: NodeStatus,
}

/// Checks whether this node could run: what it needs of PostgreSQL and of the local copy in `directory`, which is not
/// written and may be in use. A newer schema, missing rights, a standby, a pooler, and a version that is too old are
/// refused as by a node that starts.
///
/// # Errors
/// Those with which a node would end, and when PostgreSQL cannot be reached.
pub async fn check_cluster(
    config: &ClusterConfig,
    directory: &Path,
) -> Result<ClusterCheck, StoreError> {
    let (config, path) = (config.clone(), directory.join(DB_FILE));
    offload(move || async move {
        if path.exists() && is_used_alone(&path) {
            return Err(PostgresError::NotACopy { path }.into());
        }
        let session = Session::open(&config).await?;
        session.check_pooler(&config).await?;
        let version = session.version().to_owned();
        let meta = read_meta(&session).await?;
        check_rights(&session, meta.is_some()).await?;
        let store = match meta {
            None => None,
            Some(StoreMeta { moved_to: Some(node), .. }) => {
                return Err(PostgresError::MovedAway { server: config.url.server(), node }.into());
            }
            Some(meta) => {
                let schema_version = meta.schema_version;
                Some(StoredCluster { schema_version, nodes: nodes(&session, &config).await? })
            }
        };
        session.close().await;
        Ok(ClusterCheck { version, store })
    })
    .await
}

/// Checks that our user may make the store, or write the one that is there.
async fn check_rights(session: &Session, is_there: bool) -> Result<(), PostgresError> {
    if !is_there {
        let sql = "SELECT has_database_privilege(current_database(), 'CREATE')";
        return match session.query_one(sql, &[]).await?.get(0) {
            true => Ok(()),
            false => Err(session.lacks("it may not make a schema".to_owned())),
        };
    }
    let sql = "SELECT relname::text FROM pg_class
               WHERE relnamespace = 'letsbridge'::regnamespace AND relkind = 'r' AND NOT (
                   has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
                   AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))
               ORDER BY relname LIMIT 1";
    match session.query(sql, &[]).await?.first() {
        None => Ok(()),
        Some(row) => {
            let table: String = row.get(0);
            Err(session.lacks(format!("it may not write the table letsbridge.{table}")))
        }
    }
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
