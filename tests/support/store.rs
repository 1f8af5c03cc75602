//! The stores of tests that look only at what the bridge does: in memory, or in PostgreSQL.

use std::cell::RefCell;
use std::env;
use std::sync::Mutex;

use letsbridge::domain::Secret;
use letsbridge::store::{ClusterConfig, ClusterUrl, Store};
use letsbridge_testkit::postgres::PostgresServer;

/// With this variable set, the stores are in PostgreSQL.
const SWITCH: &str = "LETSBRIDGE_TEST_POSTGRES";

/// Databases that no test uses any more: making one takes long, and much room.
static FREE: Mutex<Vec<String>> = Mutex::new(Vec::new());

thread_local! {
    /// The databases of the test that runs in this thread.
    static LENT: RefCell<Lent> = RefCell::default();
}

#[derive(Default)]
struct Lent(Vec<String>);

impl Drop for Lent {
    /// The test is over.
    fn drop(&mut self) {
        FREE.lock().unwrap().append(&mut self.0);
    }
}

/// Whether the stores are in PostgreSQL.
pub(crate) fn is_in_postgresql() -> bool {
    env::var_os(SWITCH).is_some()
}

/// A new store, in memory or in PostgreSQL.
pub(crate) fn new_store() -> Store {
    if !is_in_postgresql() {
        return Store::in_memory().unwrap();
    }
    let server = PostgresServer::shared();
    let free = FREE.lock().unwrap().pop();
    let database = match free {
        Some(database) => {
            server.sql(&database, "DROP SCHEMA letsbridge CASCADE");
            database
        }
        None => server.create_database(),
    };
    LENT.with_borrow_mut(|lent| lent.0.push(database.clone()));
    let config = ClusterConfig {
        url: ClusterUrl::parse(&Secret::new(server.url(&database))).unwrap(),
        tls: None,
        node: "test".to_owned(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        share_keys: true,
    };
    Store::in_memory_in_cluster(config).unwrap().0
}
