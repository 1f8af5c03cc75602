//! Nodes for the tests, over a PostgreSQL that the tests start.

use letsbridge_testkit::postgres::PostgresServer;

use super::{ClusterConfig, ClusterUrl};
use crate::domain::Secret;

/// With this variable set, the tests' stores in memory are those of a node, each on a database of its own.
const SWITCH: &str = "LETSBRIDGE_TEST_POSTGRES";

/// The configuration of a store for a test, if the tests are to use PostgreSQL.
pub(in crate::store) fn config_of_tests() -> Option<ClusterConfig> {
    std::env::var_os(SWITCH)?;
    let server = PostgresServer::shared();
    Some(config(&server.url(&server.create_database()), "test"))
}

/// The configuration of a node.
pub(super) fn config(url: &str, node: &str) -> ClusterConfig {
    ClusterConfig {
        url: ClusterUrl::parse(&Secret::new(url)).expect("is a URL"),
        tls: None,
        node: node.to_owned(),
        program: "0.0.0".to_owned(),
        share_keys: true,
    }
}
