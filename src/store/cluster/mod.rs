//! The store of several nodes: PostgreSQL holds what must last, and each node has a local copy of it.
//!
//! One node is active. A turn of its engine is committed in PostgreSQL first, then in the local copy, which is the same
//! SQLite database that a bridge alone has: so all that reads is the same. The others wait, follow PostgreSQL into their own
//! copies, and take over when the active one stops. What keeps two from speaking at once: the session that commits holds a
//! lock of PostgreSQL; each turn is refused unless it follows the last one of the same reign (`epoch`); and the active node
//! may speak only as long as its [`Lease`] is valid, while the next one waits longer than that.

mod additions;
mod cell;
mod changes;
mod digest;
mod error;
mod fill;
mod follow;
mod full_copy;
mod lead;
mod lease;
mod local;
mod meter;
mod migrate;
mod node;
mod open_copy;
mod query;
mod recorder;
mod reign;
mod replicated;
mod request;
mod rows;
mod session;
mod shape;
mod shared_files;
mod sql;
mod status;
#[cfg(test)]
mod tests;
mod transfer;
mod url;
mod worker;
mod write;

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use super::immutable::open_immutable;

#[cfg(test)]
pub(super) use tests::config_of_tests;

pub use digest::{CopiedTable, CopySummary};
pub use error::PostgresError;
pub use lease::Lease;
pub use meter::{CopyProgress, CopyStep};
pub use node::ClusterNode;
pub use query::{
    ClusterCheck, StoredCluster, check_cluster, read_cluster, redact_in_cluster, revoke_in_cluster,
};
pub use status::{NodeRole, NodeStatus, SeenNode};
pub use transfer::{copy_to_postgres, copy_to_sqlite};
pub use url::{ClusterUrl, PostgresTls};

/// Where the store of several nodes is, and which of them this is.
#[derive(Debug, Clone)]
pub struct ClusterConfig {
    /// PostgreSQL.
    pub url: ClusterUrl,
    /// TLS to it, with the rules of [`ClusterUrl::tls`] and [`ClusterUrl::root_certificate`]. Without it, a URL that
    /// requires TLS cannot be used.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// The name of this node, which no other has.
    pub node: String,
    /// The version of this program.
    pub program: String,
    /// Whether the key that protects people's accounts is kept in PostgreSQL, too (`share_keys`), for the other nodes.
    /// The key of the links and what is known of servers' TLS (`sts.json`) are in any case.
    pub share_keys: bool,
}

/// Whether the database at `path` is a node's local copy, as far as it can be read. Leaves no trace.
pub(super) fn is_copy_at(path: &Path) -> bool {
    open_traceless(path).and_then(|connection| is_copy(&connection)).unwrap_or(false)
}

/// Opens the database at `path` for reading. To read one that was closed properly, SQLite would make its log and index
/// beside it; with a log there, it needs them.
fn open_traceless(path: &Path) -> rusqlite::Result<Connection> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    if Path::new(&log).exists() {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        return Connection::open_with_flags(path, flags);
    }
    open_immutable(path)
}

/// Whether this database is a node's local copy.
pub(super) fn is_copy(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(local::read_mark(connection)?.is_some())
}
