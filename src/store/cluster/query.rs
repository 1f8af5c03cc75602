//! What programs ask PostgreSQL that are no nodes.

use std::path::Path;

use jiff::Timestamp;

use super::super::columns::target_to_sql;
use super::super::{DB_FILE, Revocation, SharedRedaction, StoreError, look};
use super::additions::{Additions, add};
use super::cell::Cell;
use super::error::PostgresError;
use super::migrate::{StoreMeta, read_meta};
use super::open_copy::is_used_alone;
use super::reign::{read_leader, read_nodes};
use super::session::Session;
use super::shape::{REDACTION, REVOCATION, read_shapes};
use super::status::{NodeRole, NodeStatus};
use super::worker::offload;
use super::{ClusterConfig, is_copy};

/// Asks PostgreSQL which nodes there are, for programs that are none themselves. The role is [`NodeRole::Waiting`], and the
/// turn is that of PostgreSQL.
///
/// # Errors
/// When PostgreSQL cannot be reached or refuses, or holds no store.
pub async fn read_cluster(config: &ClusterConfig) -> Result<NodeStatus, StoreError> {
    let config = config.clone();
    offload(move || async move {
        let (session, _) = open(&config).await?;
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
    let (target, since, until) = match what {
        Revocation::Target(target) => {
            (Cell::Blob(target_to_sql(target)), Cell::Integer(i64::MIN), i64::MAX)
        }
        Revocation::CreatedSince(since) => {
            (Cell::Null, Cell::Integer(since.as_millisecond()), now.as_millisecond())
        }
    };
    let values = vec![target, since, Cell::Integer(until), Cell::Integer(now.as_millisecond())];
    add_to(config, directory, REVOCATION, values).await
}

/// Orders all nodes to take something out of their archives. On return the order is in PostgreSQL and in the local copy in
/// `directory`, and the other nodes have it within a second if they are connected.
///
/// # Errors
/// When PostgreSQL cannot be reached or refuses, or the local copy cannot be written.
pub async fn redact_in_cluster(
    config: &ClusterConfig,
    directory: &Path,
    redaction: &SharedRedaction,
) -> Result<(), StoreError> {
    let order = &redaction.order;
    let values = vec![
        Cell::Integer(redaction.token),
        Cell::Integer(order.at.as_millisecond()),
        Cell::Text(order.by.clone()),
        order.reason.clone().map_or(Cell::Null, Cell::Text),
        Cell::Text(redaction.what()),
    ];
    add_to(config, directory, REDACTION, values).await
}

/// Adds a row with these values to a table that any program may add to: in PostgreSQL, and in the local copy.
async fn add_to(
    config: &ClusterConfig,
    directory: &Path,
    table: &'static str,
    values: Vec<Cell>,
) -> Result<(), StoreError> {
    let (config, directory) = (config.clone(), directory.to_owned());
    offload(move || async move {
        let connection = look::open_to_write(&directory)?;
        let shapes = read_shapes(&connection)?;
        let server = config.url.server();
        let missing = || PostgresError::Unknown {
            server: server.clone(),
            reason: format!("there is no table `{table}`"),
        };
        let shape = shapes.iter().find(|shape| shape.name == table).ok_or_else(missing)?;
        let (session, meta) = open(&config).await?;
        if let Some(node) = meta.moved_to {
            return Err(PostgresError::MovedAway { server, node }.into());
        }
        add(&session, shape, &values).await?;
        // The copy of another store is replaced by the node. What others have added before comes along: the node asks for
        // what is beyond the last row.
        if is_copy(&connection)? {
            for added in Additions::known(&shapes, &connection)?.read_new(&session).await? {
                added.insert(&connection)?;
            }
        }
        session.close().await;
        Ok(())
    })
    .await
}

/// Connects to a PostgreSQL that holds a store.
async fn open(config: &ClusterConfig) -> Result<(Session, StoreMeta), PostgresError> {
    let session = Session::open(config).await?;
    let meta = read_meta(&session).await?;
    Ok((session, meta.ok_or(PostgresError::Empty { place: config.url.server() })?))
}
