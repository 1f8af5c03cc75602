//! A store whose primary server has a standby, or had one.

use std::net::TcpListener;

use super::*;

/// A primary server whose commits wait for its standby, and a node that is active over both.
struct Pair {
    primary: PostgresServer,
    standby: PostgresServer,
    database: String,
    directory: tempfile::TempDir,
}

impl Pair {
    fn start() -> Self {
        let primary = PostgresServer::start();
        let database = primary.create_database();
        let standby = primary.start_standby();
        primary.wait_for_standby();
        Self { primary, standby, database, directory: tempfile::tempdir().unwrap() }
    }

    fn active(&self) -> Active {
        let hosts = format!("127.0.0.1:{},127.0.0.1:{}", self.primary.port(), self.standby.port());
        let query = "sslmode=disable&target_session_attrs=read-write";
        let url = format!("postgresql://postgres@{hosts}/{}?{query}", self.database);
        let node = ClusterNode::new(config(&url, "one"), self.directory.path()).unwrap();
        node.block_until_active().unwrap()
    }

    /// How many statements like this wait for the standby.
    fn waiting(&self, statement: &str) -> String {
        self.primary.sql(
            &self.database,
            &format!(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE '%{statement}%'"
            ),
        )
    }
}

/// What is part of each turn, and of no other statement; and of each sign of life. The server only keeps the beginning of
/// statements.
const TURN: &str = "WITH fence AS";
const BEAT: &str = "letsbridge.beat";

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_commit_that_waits_for_the_standby_survives_the_primary_server() {
    let pair = Pair::start();
    let (mut store, lease) = pair.active();
    say(&mut store, "a");
    let mut expected = "a".to_owned();
    for number in 0.. {
        pair.standby.crash();
        let word = format!("b{number}");
        expected = format!("{expected} {word}");
        let writing = thread::spawn(move || {
            say(&mut store, &word);
            store
        });
        wait_until("something waits", || pair.waiting("letsbridge") != "0");
        if pair.waiting(TURN) == "1" {
            wait_until("the lease ends", || !lease.is_valid());
            // The node connects again, which ends the connection before: the turn is seen then.
            wait_until("it is seen", || pair.primary.sql(&pair.database, SAID) == expected);
            wait_until("it is found", || pair.waiting(BEAT) == "1");
            assert!(!writing.is_finished() && !lease.is_valid(), "the standby does not have it");
            pair.primary.crash();
            pair.standby.go_on();
            pair.standby.promote();
            store = writing.join().unwrap();
            break;
        }
        // A sign of life came first, which the turn waits for.
        pair.standby.go_on();
        store = writing.join().unwrap();
    }
    assert!(lease.is_valid());
    assert_eq!(pair.standby.sql(&pair.database, SAID), expected);
    say(&mut store, "c");
    assert_eq!(pair.standby.sql(&pair.database, SAID), format!("{expected} c"));
    drop(store);
    assert_eq!(said(pair.directory.path()), format!("{expected} c"));
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_turns_that_a_failover_has_taken_are_written_again() {
    // Unless a sign of life comes right then, which brings to the standby what came before it.
    let since = Instant::now();
    while !lose_turns_in_a_failover() {
        assert!(since.elapsed() < PATIENCE, "no turn is ever lost");
    }
}

/// Says whether turns were lost.
fn lose_turns_in_a_failover() -> bool {
    let pair = Pair::start();
    // Only what is on the disk goes to the standby.
    pair.primary.sql("postgres", "ALTER SYSTEM SET wal_writer_delay = '10s'");
    pair.primary.sql("postgres", "SELECT pg_reload_conf()");
    let (mut store, lease) = pair.active();
    let delivery = record(&mut store, "a");
    let tea = store.endpoint_id(&Endpoint::room("tea")).unwrap();
    store.commit().unwrap();
    for progress in 1..=3 {
        store.set_progress((delivery, tea), progress).unwrap();
        store.commit().unwrap();
    }
    let read = |server: &PostgresServer, sql| server.sql(&pair.database, sql);
    let turn = "SELECT turn FROM letsbridge.leader";
    let before: u64 = read(&pair.primary, turn).parse().unwrap();
    pair.primary.crash();
    let is_lost = read(&pair.standby, turn).parse::<u64>().unwrap() < before;
    pair.standby.promote();
    say(&mut store, "b");
    assert!(lease.is_valid());
    assert_eq!(read(&pair.standby, turn), (before + 1).to_string());
    let there = "SELECT progress FROM letsbridge.delivery ORDER BY id LIMIT 1";
    assert_eq!(read(&pair.standby, there), "3");
    assert_eq!(read(&pair.standby, SAID), "a b");
    drop(store);
    assert_eq!(said(pair.directory.path()), "a b");
    is_lost
}

#[test]
#[ignore = "needs postgresql: tests/all runs it"]
fn needs_postgres_host_that_says_nothing_is_passed_over() {
    let world = World::new();
    // It takes connections, as a server does that stands still, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let hosts = format!("@{},", silent.local_addr().unwrap());
    let config = config(&world.url().replace('@', &hosts), "one");
    let node = ClusterNode::new(config, &world.state("one")).unwrap();
    let (mut store, _) = node.block_until_active().unwrap();
    say(&mut store, "a");
    world.kill_leader();
    say(&mut store, "b");
    assert_eq!(world.sql(SAID), "a b");
    let alone = format!("postgresql://postgres@{}/x?sslmode=disable", silent.local_addr().unwrap());
    let error = run(read_cluster(&super::config(&alone, "one"))).expect_err("says nothing");
    assert!(error.to_string().contains("no answer for 5 s") && error.is_transient(), "{error}");
}
