//! Two nodes over PostgreSQL: one speaks, the other waits and takes over.

use std::time::Duration;

use serde_json::Value;

use crate::nodes::{Nodes, assert_mirrors, in_room, is_up, texts};
use crate::program::soon;

#[tokio::test]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_one_node_speaks_and_the_other_is_ready_to() {
    let nodes = Nodes::new().await;
    let mut a = nodes.run("a").start();
    is_up(&mut a).await;
    let mut b = nodes.run("b").start();
    b.err.says("this node (b) waits: a is the active one").await;
    b.ready().await;
    assert_mirrors(&nodes, "tea?").await;
    let status = nodes.command("b", &["status", "--json"]).ends().await;
    assert_eq!(status.code, Some(3), "{}", status.err);
    let status: Value = serde_json::from_str(&status.out).unwrap();
    let cluster = &status["cluster"];
    assert_eq!((&cluster["role"], &cluster["active_node"]), (&"waiting".into(), &"a".into()));
    // The active node hears of the other within a second or two.
    let status = loop {
        let status = nodes.command("a", &["status"]).ends().await;
        assert_eq!(status.code, Some(0), "{}{}", status.out, status.err);
        if status.out.contains("waiting") {
            break status.out;
        }
    };
    for words in ["node a: active for", "everything works"] {
        assert!(status.contains(words), "{words}: {status}");
    }
    let check = nodes.command("b", &["check"]).ends().await;
    assert!(check.out.contains("this node is b, the active one is a"), "{}", check.out);
    let health = nodes.command("b", &["status", "--health"]).ends().await;
    assert_eq!((health.code, health.out.as_str()), (Some(0), "ok\n"));
    let pause = nodes.command("b", &["pause", "#tea"]).ends().await;
    assert_eq!(pause.code, Some(1));
    assert!(pause.err.contains("runs on another node"), "{}", pause.err);
    let handover = nodes.command("b", &["handover"]).ends().await;
    assert_eq!(handover.code, Some(1));
    assert!(handover.err.contains("ask the active node"), "{}", handover.err);
    nodes.configure("b", "[log]\nlevel = \"debug\"\n");
    let reload = nodes.command("b", &["reload"]).ends().await;
    assert_eq!((reload.code, reload.out.as_str()), (Some(0), "log.level changed\n"));
    assert_eq!(b.stop().await.code, Some(0));
    assert_eq!(a.stop().await.code, Some(0));
    // Without a bridge here, PostgreSQL knows.
    let status = nodes.command("a", &["status"]).ends().await;
    assert_eq!(status.code, Some(1));
    assert!(status.err.contains("no bridge is running"), "{}", status.err);
    assert!(status.out.contains("NODE"), "{}{}", status.out, status.err);
}

#[tokio::test]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_other_node_takes_over_after_a_crash_and_a_stop() {
    let nodes = Nodes::new().await;
    let (a, mut b) = nodes.both().await;
    assert_mirrors(&nodes, "one").await;
    a.signal("KILL").await;
    drop(a.ends().await);
    is_up(&mut b).await;
    assert_mirrors(&nodes, "two").await;
    let mut a = nodes.run("a").start();
    a.err.says("this node (a) waits: b is the active one").await;
    assert_eq!(b.stop().await.code, Some(0));
    is_up(&mut a).await;
    assert_mirrors(&nodes, "three").await;
    let posts = in_room(&nodes, "three").await;
    let all: Vec<_> = texts(&posts).into_iter().filter(|it| it.starts_with("<ann>")).collect();
    assert_eq!(all, ["<ann> one", "<ann> two", "<ann> three"]);
    assert_eq!(a.stop().await.code, Some(0));
}

#[tokio::test]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_third_node_takes_over_when_the_others_have_crashed() {
    let nodes = Nodes::new().await;
    nodes.add("c");
    let (a, b) = nodes.both().await;
    let mut c = nodes.run("c").start();
    c.err.says("this node (c) waits: a is the active one").await;
    assert_mirrors(&nodes, "one").await;
    assert_states(&nodes, "c", ["active", "waiting", "waiting"]).await;
    a.signal("KILL").await;
    drop(a.ends().await);
    let mut waiting = [("b", b), ("c", c)];
    let [(_, first), (_, second)] = &mut waiting;
    let is_first = tokio::select! {
        () = is_up(first) => true,
        () = is_up(second) => false,
    };
    let [(_, active), (other, mut last)] = if is_first {
        waiting
    } else {
        let [b, c] = waiting;
        [c, b]
    };
    assert_mirrors(&nodes, "two").await;
    let states = if is_first { ["active", "waiting"] } else { ["waiting", "active"] };
    assert_states(&nodes, other, ["away", states[0], states[1]]).await;
    active.signal("KILL").await;
    drop(active.ends().await);
    is_up(&mut last).await;
    assert_mirrors(&nodes, "three").await;
    let states = if is_first { ["away", "active"] } else { ["active", "away"] };
    assert_states(&nodes, other, ["away", states[0], states[1]]).await;
    let mut a = nodes.run("a").start();
    a.err.says(&format!("this node (a) waits: {other} is the active one")).await;
    let posts = in_room(&nodes, "three").await;
    let all: Vec<_> = texts(&posts).into_iter().filter(|it| it.starts_with("<ann>")).collect();
    assert_eq!(all, ["<ann> one", "<ann> two", "<ann> three"]);
    for node in [a, last] {
        assert_eq!(node.stop().await.code, Some(0));
    }
}

/// Waits until `letsbridge status` on that node lists `a`, `b` and `c` so.
async fn assert_states(nodes: &Nodes, on: &str, states: [&str; 3]) {
    let listed = async {
        loop {
            let status = nodes.command(on, &["status"]).ends().await;
            let state = |name: &str| {
                let mut lines = status.out.lines().map(str::split_whitespace);
                let row = lines.find_map(|mut words| (words.next() == Some(name)).then_some(words));
                row.and_then(|mut words| words.next().map(str::to_owned))
            };
            if ["a", "b", "c"].map(state) == states.map(|it| Some(it.to_owned())) {
                return;
            }
        }
    };
    soon(&format!("{states:?}"), listed).await;
}

#[tokio::test]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_handover_loses_and_repeats_nothing() {
    let nodes = Nodes::new().await;
    let mut a = nodes.run("a").start();
    is_up(&mut a).await;
    let alone = nodes.command("a", &["handover"]).ends().await;
    assert_eq!(alone.code, Some(1));
    assert!(alone.err.contains("no other node waits"), "{}", alone.err);
    let mut b = nodes.run("b").start();
    b.err.says("this node (b) waits: a is the active one").await;
    for (number, [from, to]) in [["a", "b"], ["b", "a"], ["a", "b"]].into_iter().enumerate() {
        nodes.world.say_on_irc(&format!("irc {number}"));
        nodes.world.say_in_letschat(&format!("lc {number}"));
        let handover = nodes.command(from, &["handover", "--json"]).ends().await;
        assert_eq!(handover.code, Some(0), "{}{}", handover.out, handover.err);
        let done: Value = serde_json::from_str(&handover.out).unwrap();
        assert_eq!((&done["from"], &done["to"]), (&from.into(), &to.into()));
        let (old, new) = if from == "a" { (&mut a, &mut b) } else { (&mut b, &mut a) };
        is_up(new).await;
        old.err.says(&format!("this node ({from}) waits: {to} is the active one")).await;
    }
    assert_mirrors(&nodes, "the end").await;
    let posts = in_room(&nodes, "the end").await;
    let all: Vec<_> = texts(&posts).into_iter().filter(|it| it.starts_with("<ann>")).collect();
    assert_eq!(all, ["<ann> irc 0", "<ann> irc 1", "<ann> irc 2", "<ann> the end"]);
    let channel = nodes.world.channel(4).await;
    let all: Vec<_> = channel.iter().filter(|it| it.starts_with("<ann>")).collect();
    assert_eq!(all, ["<ann> lc 0", "<ann> lc 1", "<ann> lc 2", "<ann> the end"]);
    for node in [a, b] {
        assert_eq!(node.stop().await.code, Some(0));
    }
}

#[tokio::test]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_node_that_was_paused_says_nothing_and_waits() {
    let nodes = Nodes::new().await;
    let (mut a, mut b) = nodes.both().await;
    assert_mirrors(&nodes, "before").await;
    a.signal("STOP").await;
    // What waits in the sockets of the node that is paused.
    nodes.world.say_on_irc("meanwhile");
    is_up(&mut b).await;
    assert_mirrors(&nodes, "after").await;
    let before = nodes.world.irc.transcript().len();
    a.signal("CONT").await;
    a.err.says("this node (a) waits: b is the active one").await;
    let said = nodes.world.irc.transcript();
    let said: Vec<_> = said.iter().skip(before).map(|it| it.text().into_owned()).collect();
    assert!(!said.iter().any(|it| it.starts_with("PRIVMSG") || it.starts_with("QUIT")), "{said:?}");
    assert_mirrors(&nodes, "at the end").await;
    let posts = in_room(&nodes, "at the end").await;
    let all: Vec<_> = texts(&posts).into_iter().filter(|it| it.starts_with("<ann>")).collect();
    let expected = ["before", "meanwhile", "after", "at the end"].map(|it| format!("<ann> {it}"));
    let without: Vec<_> = expected.iter().filter(|it| !it.contains("meanwhile")).collect();
    // This server keeps no history: what was said while b was not there may be lost.
    assert!(all == expected || all.iter().eq(without.iter().copied()), "{all:?}");
    for node in [a, b] {
        assert_eq!(node.stop().await.code, Some(0));
    }
}

#[tokio::test]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_nodes_are_upgraded_one_after_the_other() {
    let nodes = Nodes::new().await;
    let (mut a, mut b) = nodes.both().await;
    let waiting = nodes.command("b", &["upgrade"]).ends().await;
    assert_eq!(waiting.code, Some(0), "{}{}", waiting.out, waiting.err);
    b.err.says("this node (b) waits: a is the active one").await;
    let active = nodes.command("a", &["upgrade"]).ends().await;
    assert_eq!(active.code, Some(0), "{}{}", active.out, active.err);
    // The other one has taken over meanwhile.
    is_up(&mut b).await;
    a.err.says("this node (a) waits: b is the active one").await;
    assert_mirrors(&nodes, "tea?").await;
    assert_eq!(a.stop().await.code, Some(0));
    // Without another one, the connections are kept.
    let alone = loop {
        let alone = nodes.command("b", &["upgrade"]).ends().await;
        // The other one counts as present for a moment.
        if !alone.out.contains("0 of 0 connections") {
            break alone;
        }
        is_up(&mut b).await;
    };
    assert_eq!(alone.code, Some(0), "{}{}", alone.out, alone.err);
    assert!(alone.out.contains("1 of 1 connections to IRC kept"), "{}", alone.out);
    is_up(&mut b).await;
    assert_mirrors(&nodes, "more?").await;
    assert_eq!(b.stop().await.code, Some(0));
}

#[tokio::test]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_what_cannot_be_used_is_refused_with_words() {
    let nodes = Nodes::new().await;
    let server = nodes.server;
    server.sql(
        "postgres",
        "DO $$ BEGIN
             CREATE ROLE with_password LOGIN PASSWORD 'right';
             CREATE ROLE guest LOGIN;
         EXCEPTION WHEN duplicate_object THEN NULL; END $$",
    );
    let (port, database) = (server.port(), &nodes.database);
    let at = |user: &str, port: u16, database: &str| {
        format!("postgresql://{user}@127.0.0.1:{port}/{database}?sslmode=disable")
    };
    let mut a = nodes.run("a").start();
    is_up(&mut a).await;
    assert_eq!(a.stop().await.code, Some(0));
    let newer = format!("{database}_newer");
    server.sql("postgres", &format!("CREATE DATABASE {newer} TEMPLATE {database}"));
    server.sql(&newer, "UPDATE letsbridge.meta SET schema_version = 99");
    for (url, words) in [
        (at("with_password:wrong", port, database), "refuses the login"),
        (at("guest", port, database), "does not allow what letsbridge needs"),
        (at("postgres", port, "nowhere"), "refuses the login"),
        (at("postgres", port, &newer), "newer than the supported"),
        (at("postgres", server.start_pooler(), database), "connection pooler"),
    ] {
        nodes.write_url("a", &url);
        let end = nodes.run("a").ends().await;
        assert_eq!(end.code, Some(2), "{words}: {}", end.err);
        assert!(end.err.contains(words) && !end.err.contains("wrong@"), "{words}: {}", end.err);
        let check = nodes.command("a", &["check"]).ends().await;
        assert_eq!(check.code, Some(2), "{words}: {}", check.out);
        assert!(check.out.contains(words) && !check.out.contains("wrong@"), "{}", check.out);
    }
}

#[tokio::test]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_store_moves_there_and_back() {
    let nodes = Nodes::new().await;
    nodes.run_alone("a");
    let mut alone = nodes.run("a").start();
    is_up(&mut alone).await;
    assert_mirrors(&nodes, "alone").await;
    assert_eq!(alone.stop().await.code, Some(0));
    nodes.configure("a", "");
    let refused = nodes.run("a").ends().await;
    assert_eq!(refused.code, Some(2), "{}", refused.err);
    assert!(refused.err.contains("letsbridge store copy"), "{}", refused.err);
    let there = nodes.command("a", &["store", "copy", "--to", "postgresql"]).ends().await;
    assert_eq!(there.code, Some(0), "{}{}", there.out, there.err);
    assert!(there.out.contains("the same here and there"), "{}", there.out);
    let (a, b) = nodes.both().await;
    assert_mirrors(&nodes, "together").await;
    let in_use = nodes.command("a", &["store", "copy", "--to", "sqlite"]).ends().await;
    assert!(matches!(in_use.code, Some(1 | 2)), "{}", in_use.out);
    for node in [b, a] {
        assert_eq!(node.stop().await.code, Some(0));
    }
    let back = nodes.command("a", &["store", "copy", "--to", "sqlite"]).ends().await;
    assert_eq!(back.code, Some(0), "{}{}", back.out, back.err);
    let moved = nodes.run("b").ends().await;
    assert_eq!(moved.code, Some(2), "{}", moved.err);
    nodes.run_alone("a");
    let mut alone = nodes.run("a").start();
    is_up(&mut alone).await;
    assert_mirrors(&nodes, "alone again").await;
    let posts = in_room(&nodes, "alone again").await;
    let all: Vec<_> = texts(&posts).into_iter().filter(|it| it.starts_with("<ann>")).collect();
    assert_eq!(all, ["<ann> alone", "<ann> together", "<ann> alone again"]);
    assert_eq!(alone.stop().await.code, Some(0));
}

#[tokio::test]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_node_waits_for_a_database_that_is_away() {
    let nodes = Nodes::with_own_server().await;
    nodes.server.crash();
    let mut a = nodes.run("a").start();
    a.err.says("cannot be reached").await;
    a.ready().await;
    let status = nodes.command("a", &["status"]).ends().await;
    assert_eq!(status.code, Some(3));
    assert!(status.out.contains("cannot be reached"), "{}", status.out);
    nodes.server.go_on();
    is_up(&mut a).await;
    assert_mirrors(&nodes, "one").await;
    nodes.server.crash();
    nodes.world.say_on_irc("two");
    // Longer than the lease.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!texts(&nodes.world.letschat.posts("tea")).contains(&"<ann> two"));
    nodes.server.go_on();
    in_room(&nodes, "two").await;
    assert_eq!(a.stop().await.code, Some(0));
}
