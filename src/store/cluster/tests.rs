//! Nodes over a real PostgreSQL.
#![allow(clippy::unwrap_used)]

mod standby;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use letsbridge_testkit::postgres::{LostPart, PostgresProxy, PostgresServer};

use super::*;
use crate::domain::{
    Author, DeliveryId, Endpoint, FileId, LinkTarget, Message, MessageKind, ObjectId, Secret,
};
use crate::store::{PublicReader, Revocation, Store, StoreError, SyncPoint, revoke};

/// With this variable set, the tests' stores in memory are those of a node, each on a database of its own.
const SWITCH: &str = "LETSBRIDGE_TEST_POSTGRES";

/// The configuration of a store for a test, if the tests are to use PostgreSQL.
pub(in crate::store) fn config_of_tests() -> Option<ClusterConfig> {
    std::env::var_os(SWITCH)?;
    let server = PostgresServer::shared();
    Some(config(&server.url(&server.create_database()), "test"))
}

/// The configuration of a node.
fn config(url: &str, node: &str) -> ClusterConfig {
    ClusterConfig {
        url: ClusterUrl::parse(&Secret::new(url)).expect("is a URL"),
        tls: None,
        node: node.to_owned(),
        program: "0.0.0".to_owned(),
        share_keys: true,
    }
}

type Active = (Store, Lease);

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A database with its server, and directories for nodes.
struct World {
    server: &'static PostgresServer,
    database: String,
    directory: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let server = PostgresServer::shared();
        let database = server.create_database();
        Self { server, database, directory: tempfile::tempdir().unwrap() }
    }

    fn url(&self) -> String {
        self.server.url(&self.database)
    }

    fn config(&self, node: &str) -> ClusterConfig {
        config(&self.url(), node)
    }

    fn state(&self, node: &str) -> std::path::PathBuf {
        self.directory.path().join(node)
    }

    fn node(&self, name: &str) -> ClusterNode {
        start(&self.config(name), &self.state(name))
    }

    fn active(&self, name: &str) -> Active {
        self.node(name).block_until_active().unwrap()
    }

    /// The node `one`, which reaches the server over this proxy.
    fn active_over(&self, proxy: &PostgresProxy) -> Active {
        let url = self.url().replace(&self.server.port().to_string(), &proxy.port().to_string());
        start(&config(&url, "one"), &self.state("one")).block_until_active().unwrap()
    }

    fn sql(&self, sql: &str) -> String {
        self.server.sql(&self.database, sql)
    }

    /// Ends the connection that has the lock.
    fn kill_leader(&self) {
        self.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        );
    }
}

fn start(config: &ClusterConfig, directory: &Path) -> ClusterNode {
    loop {
        match ClusterNode::new(config.clone(), directory) {
            // A program that another test just starts has all open files for a moment, locked ones, too.
            Err(StoreError::InUse(_)) => std::thread::yield_now(),
            node => return node.unwrap(),
        }
    }
}

/// Records a message, and commits.
fn say(store: &mut Store, body: &str) {
    record(store, body);
    store.commit().unwrap();
}

fn record(store: &mut Store, body: &str) -> DeliveryId {
    let endpoint = store.endpoint_id(&Endpoint::room("tea")).unwrap();
    let message = Message {
        source: endpoint,
        author: Author::named("ann\0"),
        kind: MessageKind::Text,
        body: body.to_owned(),
        sent_at: Timestamp::UNIX_EPOCH,
    };
    let id = store.record(&message, Some(body)).unwrap().unwrap();
    store.enqueue(id, endpoint).unwrap()
}

/// What the database in this directory says that was said.
fn said(directory: &Path) -> String {
    let connection = Connection::open(directory.join("letsbridge.sqlite3")).unwrap();
    let sql =
        "SELECT coalesce(group_concat(body, ' '), '') FROM (SELECT body FROM message ORDER BY id)";
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// What PostgreSQL says that was said.
const SAID: &str = "SELECT string_agg(body, ' ' ORDER BY id) FROM letsbridge.message";

/// How many other connections there are to the database.
const OTHERS: &str = "SELECT count(*) FROM pg_stat_activity
                      WHERE datname = current_database() AND pid <> pg_backend_pid()";

fn is_waiting(node: &ClusterNode) -> bool {
    let status = node.status();
    let status = status.borrow();
    status.role == NodeRole::Waiting && status.behind == 0 && status.active_node.is_some()
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_second_node_takes_over_at_once_when_the_first_releases() {
    let world = World::new();
    let (mut store, lease) = world.active("one");
    say(&mut store, "a");
    let second = world.node("two");
    wait_until("two waits", || is_waiting(&second));
    say(&mut store, "b\0c");
    wait_until("two has it", || said(&world.state("two")) == "a b\0c");
    assert!(lease.is_valid());
    let status = second.status().borrow().clone();
    assert_eq!(status.active_node.as_deref(), Some("one"));
    let names: Vec<_> = status.nodes.iter().map(|node| (&*node.name, node.active)).collect();
    assert_eq!(names, [("one", true), ("two", false)]);
    store.release().unwrap();
    assert!(!lease.is_valid());
    let since = Instant::now();
    let (mut store, lease) = second.block_until_active().unwrap();
    assert!(lease.is_valid() && since.elapsed() < super::lease::GRACE, "{:?}", since.elapsed());
    say(&mut store, "d");
    assert_eq!(world.sql(SAID), "a b\u{1A}0c d");
    let error = store.commit().map(|()| store.has_uncommitted());
    assert!(matches!(error, Ok(false)), "nothing was written");
    let found = run(read_cluster(&world.config("-"))).unwrap();
    assert_eq!((found.active_node.as_deref(), found.released), (Some("two"), false));
}

/// Runs something asynchronous.
fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_node_that_hands_over_waits_and_is_active_again() {
    let world = World::new();
    let (mut store, _) = world.active("one");
    say(&mut store, "a");
    let second = world.node("two");
    wait_until("two waits", || is_waiting(&second));
    store.release().unwrap();
    assert!(matches!(store.try_write().and_then(|()| store.commit()), Err(StoreError::NotActive)));
    drop(store);
    let first = world.node("one");
    let (mut store, _) = second.block_until_active().unwrap();
    wait_until("one waits", || is_waiting(&first));
    say(&mut store, "b");
    drop(store);
    let since = Instant::now();
    let (mut store, lease) = first.block_until_active().unwrap();
    assert!(lease.is_valid());
    assert!(
        since.elapsed() > super::lease::GRACE,
        "two has not released it: {:?}",
        since.elapsed()
    );
    say(&mut store, "c");
    assert_eq!(world.sql(SAID), "a b c");
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_what_a_restored_server_has_lost_is_not_kept_by_a_node() {
    let world = World::new();
    let say_alone = |config: ClusterConfig, body: &str| {
        let node = ClusterNode::new(config, &world.state("one")).unwrap();
        let (mut store, _) = node.block_until_active().unwrap();
        say(&mut store, body);
        store
    };
    say_alone(world.config("one"), "a").release().unwrap();
    let backup = format!("{}_backup", world.database);
    let copy = format!("CREATE DATABASE {backup} TEMPLATE {}", world.database);
    wait_until("nobody is connected", || world.sql(OTHERS) == "0");
    world.server.sql("postgres", &copy);
    let store = say_alone(world.config("one"), "lost");
    let second = world.node("two");
    wait_until("two has it", || said(&world.state("two")) == "a lost");
    drop((second, store));
    // As many turns again, in a reign that follows the same one.
    let restored = |node| config(&world.server.url(&backup), node);
    let store = say_alone(restored("one"), "b");
    let second = ClusterNode::new(restored("two"), &world.state("two")).unwrap();
    wait_until("two has the other history", || said(&world.state("two")) == "a b");
    drop((second, store));
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_never_two_leases_are_valid_while_connections_are_killed() {
    let world = World::new();
    let leases: Arc<std::sync::Mutex<Vec<Lease>>> = Arc::default();
    let stop = Arc::new(AtomicBool::new(false));
    let sampler = {
        let (leases, stop) = (leases.clone(), stop.clone());
        thread::spawn(move || {
            while !stop.load(Ordering::Acquire) {
                let valid = leases.lock().unwrap().iter().filter(|lease| lease.is_valid()).count();
                assert!(valid <= 1, "{valid} nodes may speak");
            }
        })
    };
    let nodes: Vec<_> = ["one", "two", "three"]
        .map(|name| {
            let (config, state) = (world.config(name), world.state(name));
            let (leases, stop) = (leases.clone(), stop.clone());
            thread::spawn(move || {
                let mut committed = Vec::new();
                for round in 0.. {
                    let (mut store, lease) = start(&config, &state).block_until_active().unwrap();
                    leases.lock().unwrap().push(lease);
                    for number in 0.. {
                        let body = format!("{name}-{round}-{number}");
                        record(&mut store, &body);
                        match store.commit() {
                            Ok(()) => committed.push(body),
                            Err(StoreError::NotActive) => break,
                            Err(error) => panic!("{error}"),
                        }
                        if stop.load(Ordering::Acquire) {
                            // It fails if its connection was killed and the other node is just taking over.
                            drop(store.release());
                            return committed;
                        }
                        thread::sleep(Duration::from_millis(3));
                    }
                }
                committed
            })
        })
        .into();
    for _ in 0..15 {
        thread::sleep(Duration::from_millis(400));
        world.kill_leader();
    }
    stop.store(true, Ordering::Release);
    let committed: Vec<Vec<String>> = nodes.into_iter().map(|node| node.join().unwrap()).collect();
    sampler.join().unwrap();
    let there = world.sql("SELECT string_agg(body, ' ') FROM letsbridge.message");
    let there: std::collections::BTreeSet<_> = there.split(' ').collect();
    assert!(committed.iter().flatten().count() > 20, "{committed:?}");
    for body in committed.iter().flatten() {
        assert!(there.contains(body.as_str()), "{body} is lost");
    }
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_commit_whose_answer_is_lost_happens_once() {
    for part in [LostPart::Request, LostPart::Answer] {
        let world = World::new();
        let proxy = PostgresProxy::start(world.server);
        let (mut store, _) = world.active_over(&proxy);
        say(&mut store, "a");
        for body in ["bread", "cheese"] {
            proxy.lose(body.as_bytes(), part);
            say(&mut store, body);
            assert!(!proxy.is_loss_due(), "{part:?}");
        }
        say(&mut store, "d");
        assert_eq!(world.sql(SAID), "a bread cheese d", "{part:?}");
        let turns = "SELECT max(turn) - count(*) FROM letsbridge.change";
        assert_eq!(world.sql(turns), "0", "{part:?}");
        drop(store);
        assert_eq!(said(&world.state("one")), "a bread cheese d");
    }
}

/// Records a message, and hands it over. Returns when it may be seen.
fn hand_over(store: &mut Store, body: &str) -> SyncPoint {
    record(store, body);
    store.commit_in_background().unwrap();
    store.sync_point()
}

/// Looks for answers until there is that one.
fn wait_for(store: &mut Store, point: SyncPoint) {
    wait_until("it is durable", || {
        store.poll_sync().unwrap();
        store.is_synced(point)
    });
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_turns_are_committed_while_the_next_goes_on() {
    let world = World::new();
    let (mut store, _) = world.active("one");
    let (tell, told) = std::sync::mpsc::channel();
    store.sync_in_background(move || tell.send(()).unwrap()).unwrap();
    let here = || said(&world.state("one"));
    let a = hand_over(&mut store, "a");
    assert!(!store.is_synced(a), "nobody has looked for the answer");
    told.recv_timeout(PATIENCE).unwrap();
    assert_eq!((world.sql(SAID), here()), ("a".into(), String::new()));
    wait_for(&mut store, a);
    assert_eq!(here(), "a", "nothing is behind it");
    let b = hand_over(&mut store, "b");
    record(&mut store, "c");
    wait_for(&mut store, b);
    assert_eq!((world.sql(SAID), here()), ("a b".into(), "a".into()), "the turn goes on");
    let c = store.sync_point();
    assert_eq!(b, c, "it is not handed over");
    store.commit().unwrap();
    assert_eq!((world.sql(SAID), here()), ("a b c".into(), "a b c".into()));
    assert!(store.is_synced(store.sync_point()));
    hand_over(&mut store, "d");
    hand_over(&mut store, "e");
    store.sync_log().unwrap();
    assert_eq!((world.sql(SAID), here()), ("a b c d e".into(), "a b c".into()));
    // As if it was killed: the copy gets from PostgreSQL what it does not have.
    record(&mut store, "f");
    drop(store);
    assert_eq!(here(), "a b c");
    let (mut store, _) = world.active("one");
    say(&mut store, "g");
    assert_eq!((world.sql(SAID), here()), ("a b c d e g".into(), "a b c d e g".into()));
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_turn_that_was_handed_over_happens_once_whatever_fails() {
    for part in [LostPart::Request, LostPart::Answer] {
        let world = World::new();
        let proxy = PostgresProxy::start(world.server);
        let (mut store, _) = world.active_over(&proxy);
        hand_over(&mut store, "a");
        for body in ["bread", "cheese"] {
            proxy.lose(body.as_bytes(), part);
            hand_over(&mut store, body);
            world.kill_leader();
            hand_over(&mut store, &format!("{body}2"));
        }
        // The disk fails while turns are handed over, and takes what follows later.
        let pages = |connection: &Connection, most: i64| {
            connection.pragma_update(None, "max_page_count", most).expect("can be set");
        };
        pages(&store.connection, 1);
        store.wait_for_disk = |connection| {
            connection.pragma_update(None, "max_page_count", 1 << 20).expect("can be set");
        };
        let long = "x".repeat(100_000);
        hand_over(&mut store, &long);
        store.sync().unwrap();
        let all = format!("a bread bread2 cheese cheese2 {long}");
        assert_eq!((world.sql(SAID), said(&world.state("one"))), (all.clone(), all), "{part:?}");
    }
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_much_that_was_handed_over_comes_into_the_local_copy() {
    let world = World::new();
    let (mut store, _) = world.active("one");
    let mut number = 0;
    while said(&world.state("one")).is_empty() {
        number += 1;
        hand_over(&mut store, &number.to_string());
        assert!(number < 3_000, "it never comes");
    }
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_node_that_is_replaced_learns_it_of_what_it_has_handed_over() {
    let world = World::new();
    let (mut store, lease) = world.active("one");
    let point = hand_over(&mut store, "a");
    wait_for(&mut store, point);
    let second = world.node("two");
    wait_until("two waits", || is_waiting(&second));
    let epoch = "UPDATE letsbridge.leader SET epoch = epoch + 1, node = 'two'";
    world.sql(epoch);
    let point = hand_over(&mut store, "b");
    let error = store.sync_log().unwrap_err();
    assert!(matches!(error, StoreError::NotActive), "{error}");
    assert!(!store.is_synced(point) && !lease.is_valid());
    assert_eq!(world.sql(SAID), "a");
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_turns_that_a_crash_of_the_server_has_taken_are_written_again() {
    let server = PostgresServer::start_durable();
    server.sql("postgres", "ALTER SYSTEM SET wal_writer_delay = '10s'");
    server.sql("postgres", "SELECT pg_reload_conf()");
    let database = server.create_database();
    let directory = tempfile::tempdir().unwrap();
    let node = ClusterNode::new(config(&server.url(&database), "one"), directory.path()).unwrap();
    let (mut store, _) = node.block_until_active().unwrap();
    let delivery = record(&mut store, "a");
    let tea = store.endpoint_id(&Endpoint::room("tea")).unwrap();
    store.commit().unwrap();
    let turn = || server.sql(&database, "SELECT turn FROM letsbridge.leader");
    let since = Instant::now();
    let mut progress = 0;
    loop {
        for _ in 0..3 {
            progress += 1;
            store.set_progress((delivery, tea), progress).unwrap();
            store.commit().unwrap();
        }
        let before = turn();
        server.crash();
        server.go_on();
        // Unless something else has brought them to the disk, or the node was faster.
        let is_lost = turn() != before;
        say(&mut store, &format!("said-{progress}"));
        assert_eq!(turn(), (before.parse::<u64>().unwrap() + 1).to_string());
        let there = "SELECT progress FROM letsbridge.delivery ORDER BY id LIMIT 1";
        assert_eq!(server.sql(&database, there), progress.to_string());
        if is_lost {
            break;
        }
        assert!(since.elapsed() < PATIENCE, "no turn is ever lost");
    }
    // What was said is on the disk.
    server.crash();
    server.go_on();
    let there = server.sql(&database, SAID);
    assert!(there.ends_with(&format!("said-{progress}")), "{there}");
    drop(store);
    assert_eq!(said(directory.path()), there);
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_turn_that_is_not_the_next_one_of_this_reign_changes_nothing() {
    let world = World::new();
    let (mut store, _) = world.active("one");
    say(&mut store, "a");
    let leader = "SELECT epoch, turn FROM letsbridge.leader";
    let before = world.sql(leader);
    let (epoch, turn) = before.split_once('|').unwrap();
    let (epoch, turn): (i64, i64) = (epoch.parse().unwrap(), turn.parse().unwrap());
    let mut connection = Connection::open_in_memory().unwrap();
    crate::store::schema::create(&mut connection).unwrap();
    let shapes = shape::read_shapes(&connection).unwrap();
    let endpoints = changes::TableChanges {
        table: "restoration_reading".to_owned(),
        columns: vec!["endpoint".to_owned()],
        keys: vec!["endpoint".to_owned()],
        rows: vec![vec![cell::Cell::Integer(7)]],
        gone: Vec::new(),
    };
    let changes = changes::TurnChanges { tables: vec![endpoints] };
    run(async {
        let session = session::Session::open(&world.config("two")).await.unwrap();
        let writer = write::TurnWriter::new(&shapes);
        for (epoch, number) in [(epoch + 1, turn + 1), (epoch, turn), (epoch, turn + 2)] {
            for durable in [true, false] {
                let turn = write::Turn { number, changes: changes.clone(), is_recoverable: true };
                let error = writer.write(&session, epoch, (&turn, durable)).await.unwrap_err();
                assert!(matches!(error, PostgresError::Refused { .. }), "{error}");
            }
        }
    });
    assert_eq!(world.sql(leader), before);
    assert_eq!(world.sql("SELECT count(*) FROM letsbridge.restoration_reading"), "0");
    let above = format!("SELECT count(*) FROM letsbridge.change WHERE turn > {turn}");
    assert_eq!(world.sql(&above), "0");
    say(&mut store, "b");
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_node_that_is_cut_off_while_it_copies_everything_copies_it_again() {
    let world = World::new();
    let (mut store, _) = world.active("one");
    say(&mut store, "a");
    let proxy = PostgresProxy::start(world.server);
    let url = world.url().replace(&world.server.port().to_string(), &proxy.port().to_string());
    proxy.lose(b"REPEATABLE READ", LostPart::Everything);
    let second = ClusterNode::new(config(&url, "two"), &world.state("two")).unwrap();
    wait_until("two gives up", || {
        matches!(second.status().borrow().role, NodeRole::Connecting { problem: Some(_) })
    });
    assert!(!proxy.is_loss_due());
    proxy.set_cut_off(false);
    wait_until("two waits", || is_waiting(&second));
    say(&mut store, "b");
    drop(store);
    drop(second.block_until_active().unwrap());
    assert_eq!(said(&world.state("two")), "a b");
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_node_that_is_cut_off_is_replaced_and_silent() {
    let world = World::new();
    let proxy = PostgresProxy::start(world.server);
    let url = world.url().replace(&world.server.port().to_string(), &proxy.port().to_string());
    let first = ClusterNode::new(config(&url, "one"), &world.state("one")).unwrap();
    let (mut store, lease) = first.block_until_active().unwrap();
    say(&mut store, "a");
    let second = world.node("two");
    wait_until("two waits", || is_waiting(&second));
    proxy.set_cut_off(true);
    let writing = thread::spawn(move || {
        record(&mut store, "lost");
        store.commit()
    });
    let (mut store, lease_of_two) = second.block_until_active().unwrap();
    assert!(!lease.is_valid() && lease_of_two.is_valid());
    say(&mut store, "b");
    proxy.set_cut_off(false);
    assert!(matches!(writing.join().unwrap(), Err(StoreError::NotActive)));
    assert!(!lease.is_valid());
    assert_eq!(world.sql(SAID), "a b");
    let first = world.node("one");
    wait_until("one has what two said", || said(&world.state("one")) == "a b");
    drop(first);
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_commits_go_on_when_the_server_is_back() {
    let server = PostgresServer::start();
    let database = server.create_database();
    let directory = tempfile::tempdir().unwrap();
    let node = ClusterNode::new(config(&server.url(&database), "one"), directory.path()).unwrap();
    let status = node.status();
    let (mut store, lease) = node.block_until_active().unwrap();
    let stalls = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = stalls.clone();
    store.on_stall(move |stuck| noted.lock().unwrap().push(stuck));
    say(&mut store, "a");
    server.crash();
    let writing = thread::spawn(move || {
        say(&mut store, "b");
        store
    });
    wait_until("the lease ends", || !lease.is_valid());
    let problem = |role: &NodeRole| matches!(role, NodeRole::Active { problem: Some(_) });
    wait_until("the problem is told", || problem(&status.borrow().role));
    server.go_on();
    let mut store = writing.join().unwrap();
    assert!(lease.is_valid());
    say(&mut store, "c");
    assert_eq!(server.sql(&database, SAID), "a b c");
    assert_eq!(*stalls.lock().unwrap(), [true, false]);
    assert_eq!(status.borrow().role, NodeRole::Active { problem: None });
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_follower_too_far_behind_or_with_another_history_copies_anew() {
    let world = World::new();
    let (mut store, _) = world.active("one");
    say(&mut store, "a");
    let second = world.node("two");
    wait_until("two has it", || said(&world.state("two")) == "a");
    drop(second);
    for (number, change) in [
        "DELETE FROM letsbridge.change WHERE turn < (SELECT max(turn) FROM letsbridge.change)",
        "UPDATE letsbridge.change SET epoch = epoch + 100",
    ]
    .into_iter()
    .enumerate()
    {
        say(&mut store, &format!("b{number}"));
        say(&mut store, &format!("c{number}"));
        world.sql(change);
        let second = world.node("two");
        let expected = said(&world.state("one"));
        wait_until("two has all", || said(&world.state("two")) == expected);
        wait_until("two waits", || is_waiting(&second));
        drop(second);
    }
    // The copy of another store.
    let other = World::new();
    let (mut store, _) = other.active("one");
    say(&mut store, "x");
    let moved = ClusterNode::new(other.config("two"), &world.state("two")).unwrap();
    wait_until("two has the other one", || said(&world.state("two")) == "x");
    drop(moved);
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_follower_that_ends_within_a_copy_begins_anew() {
    let world = World::new();
    let (mut store, _) = world.active("one");
    for number in 0..3_000 {
        record(&mut store, &format!("{number}"));
    }
    store.commit().unwrap();
    let expected = said(&world.state("one"));
    for _ in 0..5 {
        let second = world.node("two");
        let status = second.status();
        wait_until("it begins", || status.borrow().role == NodeRole::Waiting);
        drop(second);
        let found = said(&world.state("two"));
        assert!(found.is_empty() || found == expected, "half a copy");
    }
    let second = world.node("two");
    wait_until("two has all", || said(&world.state("two")) == expected);
    drop(second);
}

/// The words of the error that a node ends with.
fn refused(config: ClusterConfig) -> String {
    let directory = tempfile::tempdir().unwrap();
    let error = ClusterNode::new(config, directory.path())
        .and_then(ClusterNode::block_until_active)
        .expect_err("is refused");
    assert!(error.is_lasting(), "{error}");
    error.to_string()
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_what_cannot_be_used_is_refused_with_words() {
    let server = PostgresServer::shared();
    let database = server.create_database();
    server.sql(
        &database,
        "CREATE ROLE with_password LOGIN PASSWORD 'right'; CREATE ROLE bare LOGIN;
         CREATE ROLE careful LOGIN SUPERUSER; ALTER ROLE careful SET default_transaction_read_only = on",
    );
    let url = |user: &str| server.url(&database).replace("postgres@", &format!("{user}@"));
    let standby = server.start_standby();
    let pooler = server.start_pooler().to_string();
    let pooled = server.url(&database).replace(&server.port().to_string(), &pooler);
    let newer = server.create_database();
    drop(Store::in_memory_in_cluster(config(&server.url(&newer), "one")).unwrap());
    server.sql(&newer, "UPDATE letsbridge.meta SET schema_version = 99");
    for (url, words) in [
        (url("with_password:wrong"), "refuses the login"),
        (url("with_password"), "password"),
        (url("nobody"), "refuses the login"),
        (server.url("nowhere"), "\"nowhere\" does not exist"),
        (url("bare"), "GRANT CREATE"),
        (url("careful"), "default_transaction_read_only"),
        (standby.url(&database), "it is a standby"),
        (pooled, "session mode"),
        (server.url(&newer), "schema version 99"),
    ] {
        let error = refused(config(&url, "one"));
        assert!(error.contains(words), "{url}: {error}");
        assert!(!error.contains("wrong"), "{error}");
    }
    let right = url("with_password:right");
    server.sql(&database, &format!("GRANT CREATE ON DATABASE {database} TO with_password"));
    let (mut store, _) = Store::in_memory_in_cluster(config(&right, "one")).unwrap();
    say(&mut store, "a");
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_older_schema_is_brought_up_to_date_by_the_active_node() {
    let world = World::new();
    let (mut store, _) = world.active("one");
    say(&mut store, "a");
    drop(store);
    world.sql(
        "UPDATE letsbridge.meta SET schema_version = 3; DROP TABLE letsbridge.unheard;
         ALTER TABLE letsbridge.message DROP COLUMN bot",
    );
    let (mut store, _) = world.active("one");
    say(&mut store, "b");
    assert_eq!(world.sql("SELECT schema_version FROM letsbridge.meta"), "4");
    assert_eq!(world.sql("SELECT count(*) FROM letsbridge.unheard"), "0");
    assert_eq!(world.sql(SAID), "a b");
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_unreachable_server_is_waited_for() {
    let server = PostgresServer::start();
    let database = server.create_database();
    server.crash();
    let directory = tempfile::tempdir().unwrap();
    let node = ClusterNode::new(config(&server.url(&database), "one"), directory.path()).unwrap();
    let status = node.status();
    let problem = |role: &NodeRole| matches!(role, NodeRole::Connecting { problem: Some(_) });
    wait_until("the problem is told", || problem(&status.borrow().role));
    server.go_on();
    let (mut store, _) = node.block_until_active().unwrap();
    say(&mut store, "a");
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_keys_reach_the_other_node() {
    let world = World::new();
    let (_store, _) = world.active("one");
    std::fs::write(world.state("one").join("sts.json"), "{}").unwrap();
    std::fs::create_dir_all(world.state("two")).unwrap();
    std::fs::write(world.state("two").join("links.key"), [7; 32]).unwrap();
    let second = world.node("two");
    let read = |node: &str, name: &str| std::fs::read(world.state(node).join(name)).ok();
    for name in ["links.key", "accounts.key", "sts.json"] {
        let first = read("one", name);
        assert!(first.is_some());
        wait_until(name, || read("two", name) == first);
    }
    assert_eq!(read("two", "links.key.before"), Some(vec![7; 32]));
    drop(second);
    let secretive = ClusterConfig { share_keys: false, ..world.config("three") };
    let third = ClusterNode::new(secretive, &world.state("three")).unwrap();
    wait_until("three waits", || is_waiting(&third));
    assert!(read("three", "links.key").is_some() && read("three", "accounts.key").is_none());
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_revocation_is_in_effect_on_all_nodes() {
    let world = World::new();
    let (mut store, _) = world.active("one");
    say(&mut store, "a");
    let second = world.node("two");
    wait_until("two has it", || said(&world.state("two")) == "a");
    let target = |n| LinkTarget::File(FileId(ObjectId([n; 12])));
    let what = |n| Revocation::Target(target(n));
    let now = Timestamp::UNIX_EPOCH;
    let error = revoke(&world.state("two"), what(1), now).expect_err("is a copy");
    assert!(matches!(error, StoreError::IsCopy { .. }) && error.is_lasting(), "{error}");
    for (n, node) in [(1, "two"), (2, "one")] {
        run(revoke_in_cluster(&world.config("-"), &world.state(node), what(n), now)).unwrap();
        let is_revoked = |node: &str| {
            let reader = PublicReader::open(&world.state(node)).unwrap();
            reader.is_revoked(target(n), now).unwrap()
        };
        assert!(is_revoked(node), "at once where it was revoked");
        wait_until("one knows", || is_revoked("one"));
        wait_until("two knows", || is_revoked("two"));
    }
    say(&mut store, "b");
    assert_eq!(world.sql("SELECT count(*) FROM letsbridge.revocation"), "2");
    // One that was added elsewhere, while this node is off and adds another.
    drop(second);
    for (n, node) in [(3, "one"), (4, "two")] {
        run(revoke_in_cluster(&world.config("-"), &world.state(node), what(n), now)).unwrap();
    }
    let reader = PublicReader::open(&world.state("two")).unwrap();
    assert!([3, 4].iter().all(|n| reader.is_revoked(target(*n), now).unwrap()));
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_store_is_copied_both_ways() {
    let world = World::new();
    let alone = world.state("alone");
    let mut store = Store::open(&alone).unwrap();
    for number in 0..1_200 {
        record(&mut store, &format!("{number}\0\u{1A}"));
    }
    store.commit().unwrap();
    let error = run(copy_to_postgres(&alone, &world.config("one"), |_| {})).expect_err("in use");
    assert!(matches!(error, StoreError::InUse(_)), "{error}");
    drop(store);
    let before = said(&alone);
    let error = ClusterNode::new(world.config("one"), &alone).expect_err("is a store");
    assert!(
        error.is_lasting() && error.to_string().contains("store copy --to postgresql"),
        "{error}"
    );
    let there = run(copy_to_postgres(&alone, &world.config("one"), |_| {})).unwrap();
    let messages = there.tables.iter().find(|table| table.name == "message").unwrap();
    assert_eq!(messages.rows, 1_200);
    assert_eq!(there.files, ["links.key", "accounts.key"]);
    let error = Store::open(&alone).expect_err("is a copy");
    assert!(matches!(error, StoreError::IsCopy { .. }), "{error}");

    let other = world.state("other");
    let mut store = Store::open(&other).unwrap();
    say(&mut store, "x");
    drop(store);
    let error =
        run(copy_to_postgres(&other, &world.config("two"), |_| {})).expect_err("is occupied");
    assert!(error.is_lasting() && error.to_string().contains("holds a store already"), "{error}");
    let error = run(copy_to_sqlite(&world.config("two"), &other, |_| {})).expect_err("is occupied");
    assert!(error.is_lasting() && error.to_string().contains("holds a store already"), "{error}");

    let node = ClusterNode::new(world.config("one"), &alone).unwrap();
    let (mut store, _) = node.block_until_active().unwrap();
    say(&mut store, "more");
    let error =
        run(copy_to_sqlite(&world.config("two"), &world.state("two"), |_| {})).expect_err("runs");
    assert!(error.to_string().contains("the node one is active"), "{error}");
    store.release().unwrap();
    drop(store);
    let back = run(copy_to_sqlite(&world.config("two"), &world.state("two"), |_| {})).unwrap();
    assert_eq!(back.tables.iter().find(|table| table.name == "message").unwrap().rows, 1_201);
    assert_eq!(said(&world.state("two")), format!("{before} more"));
    drop(Store::open(&world.state("two")).unwrap());
    let error = refused(world.config("one"));
    assert!(error.contains("was copied to SQLite on two"), "{error}");
    let mut store = Store::open(&world.state("two")).unwrap();
    say(&mut store, "alone");
    drop(store);
    run(copy_to_postgres(&world.state("two"), &world.config("two"), |_| {})).unwrap();
    let node = ClusterNode::new(world.config("one"), &alone).unwrap();
    drop(node.block_until_active().unwrap());
    assert_eq!(said(&alone), format!("{before} more alone"));
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_backup_is_not_restored_into_a_copy() {
    use crate::store::{BackupRequest, RestoreRequest, back_up, restore};
    let world = World::new();
    let (mut store, _) = world.active("one");
    say(&mut store, "a");
    let (directory, file) = (&world.state("one"), &world.directory.path().join("backup"));
    let now = Timestamp::UNIX_EPOCH;
    back_up(&BackupRequest { directory, file, overwrite: false, program: "0", now }).unwrap();
    drop(store);
    let request = RestoreRequest { directory, file, replace: true, moved: false, now };
    let error = restore(&request).expect_err("is a copy").to_string();
    assert!(error.contains("store copy --to postgresql"), "{error}");
    let directory = &world.state("alone");
    restore(&RestoreRequest { directory, ..request }).unwrap();
    drop(Store::open(directory).unwrap());
    assert_eq!(said(directory), "a");
}
