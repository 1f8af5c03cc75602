//! The settings of a node, where several share a store.

use crate::domain::Secret;

/// How several nodes share a store in PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSettings {
    /// The URL of the database, as libpq reads it. It may contain a password.
    pub url: Secret,
    /// The name of this node; `None` for the name of the machine.
    pub node: Option<String>,
    /// Whether the account key is kept in PostgreSQL, too.
    pub share_keys: bool,
}
