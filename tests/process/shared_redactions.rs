//! What is taken out of the archive on one of two nodes is gone on both.

use std::fs;

use rusqlite::{Connection, OpenFlags};

use crate::nodes::Nodes;
use crate::program::{End, soon};

const LOG: &str = "\
2014-03-01 10:00:00\tann\tmy number is zyzzogeton
2014-03-01 10:01:00\tgwendolyn\tplumbiferous words
2014-03-01 10:02:00\tann\tmy other number is quixotry
2014-03-01 10:03:00\tbob\tharmless
";

const PLAN: &str = r##"
version = 1
[reading]
timezone = "UTC"
[[channel]]
network = "office"
channel = "#tea"
room = "tea"
[[files]]
network = "office"
channel = "#tea"
list = [{ path = "FILE", format = "weechat" }]
[[person]]
id = "office/gwendolyn"
name = "gwendolyn"
nicks = ["office/gwendolyn"]
account = "bridge"
"##;

/// Whether any file of the archive of this node contains these bytes.
fn has(nodes: &Nodes, node: &str, bytes: &str) -> bool {
    let state = nodes.directory(node).join("state");
    fs::read_dir(state).unwrap().flatten().any(|entry| {
        entry.file_name().to_string_lossy().starts_with("archive")
            && fs::read(entry.path())
                .unwrap()
                .windows(bytes.len())
                .any(|window| window == bytes.as_bytes())
    })
}

/// Waits until it has them, or has them no more.
async fn waits(nodes: &Nodes, node: &str, bytes: &str, is_there: bool) {
    let wait = async {
        while has(nodes, node, bytes) != is_there {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    soon(&format!("{bytes} on {node}: {is_there}"), wait).await;
}

async fn import(nodes: &Nodes, node: &str, file: &str, log: &str) {
    nodes.world.write(&format!("{node}/{file}"), log);
    nodes.world.write(&format!("{node}/plan.toml"), &PLAN.replace("FILE", file));
    let end = nodes.command(node, &["import", "archive", "plan.toml"]).ends().await;
    assert_eq!(end.code, Some(0), "{}{}", end.out, end.err);
}

async fn redact(nodes: &Nodes, node: &str, what: &[&str]) -> End {
    nodes.command(node, &[&["archive", "redact", "--yes"], what].concat()).ends().await
}

/// The address of the line with this text on this node.
fn address(nodes: &Nodes, node: &str, text: &str) -> String {
    let path = nodes.directory(node).join("state/archive.sqlite3");
    let archive = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let sql = "SELECT id >> 20, digest FROM line WHERE text = ?1";
    let (at, digest): (i64, i64) =
        archive.query_row(sql, [text], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    format!("{:08x}{:04x}{:012x}", at / 1000, at % 1000, digest & 0xffff_ffff_ffff)
}

async fn hand_over(nodes: &Nodes, from: &str) {
    let end = nodes.command(from, &["handover"]).ends().await;
    assert_eq!(end.code, Some(0), "{}{}", end.out, end.err);
}

#[tokio::test]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_what_is_taken_out_is_gone_on_both_nodes() {
    let nodes = Nodes::new().await;
    for node in ["a", "b"] {
        nodes.configure(node, "\n[archive]\nenabled = true\n");
    }
    let (mut a, mut b) = nodes.both().await;
    // The archive of each has begun: a waits now.
    hand_over(&nodes, "a").await;
    b.err.says("all links up").await;
    a.err.says("this node (a) waits: b is the active one").await;
    for node in ["a", "b"] {
        import(&nodes, node, "old.log", LOG).await;
        assert!(has(&nodes, node, "zyzzogeton") && has(&nodes, node, "gwendolyn"), "{node}");
    }

    let line = address(&nodes, "a", "my number is zyzzogeton");
    let end = redact(&nodes, "a", &[&line]).await;
    assert_eq!((end.code, end.err.as_str()), (Some(0), ""), "{}", end.out);
    assert!(!has(&nodes, "a", "zyzzogeton"), "at once where the command was run");
    waits(&nodes, "b", "zyzzogeton", false).await;
    let end = redact(&nodes, "b", &["--person", "gwendolyn"]).await;
    assert!(end.out.contains("1 lines taken out"), "{}{}", end.out, end.err);
    for node in ["a", "b"] {
        for bytes in ["plumbiferous", "gwendolyn"] {
            waits(&nodes, node, bytes, false).await;
        }
    }
    // Logs of somebody else, whose clock was another one.
    let other = "2014-03-01 10:00:41\tann\tMy number is zyzzogeton\n\
                 2014-03-01 10:01:41\tGwendolyn\tplumbiferous words\n";
    for node in ["a", "b"] {
        import(&nodes, node, "other.log", other).await;
        for bytes in ["zyzzogeton", "plumbiferous", "wendolyn"] {
            assert!(!has(&nodes, node, bytes), "{bytes} on {node}");
        }
    }

    // What is heard is in the archive of the active node; the other one copies it when it is active.
    nodes.world.say_on_irc("the xylopolist said so");
    waits(&nodes, "b", "xylopolist", true).await;
    let line = address(&nodes, "b", "the xylopolist said so");
    let end = redact(&nodes, "a", &[&line]).await;
    assert_eq!(end.code, Some(1), "{}", end.out);
    assert!(end.err.contains("The archive of the active node may have it"), "{}", end.err);
    let end = redact(&nodes, "b", &[&line]).await;
    assert_eq!(end.code, Some(0), "{}{}", end.out, end.err);
    waits(&nodes, "b", "xylopolist", false).await;
    hand_over(&nodes, "b").await;
    a.err.says("all links up").await;
    nodes.world.say_on_irc("sesquipedalian");
    waits(&nodes, "a", "sesquipedalian", true).await;
    assert!(!has(&nodes, "a", "xylopolist"), "copied from the ledger");

    // A node that was off.
    assert_eq!(b.stop().await.code, Some(0));
    let line = address(&nodes, "b", "my other number is quixotry");
    nodes.write_url("b", "postgresql://me@127.0.0.1:1/nowhere?sslmode=disable");
    let end = redact(&nodes, "b", &[&line]).await;
    assert_eq!(end.code, Some(1), "{}", end.out);
    assert!(end.err.contains("Nothing was taken out"), "{}", end.err);
    assert!(has(&nodes, "b", "quixotry"));
    nodes.write_url("b", &nodes.server.url(&nodes.database));
    let line = address(&nodes, "a", "my other number is quixotry");
    let end = redact(&nodes, "a", &[&line]).await;
    assert_eq!(end.code, Some(0), "{}{}", end.out, end.err);
    assert!(!has(&nodes, "a", "quixotry") && has(&nodes, "b", "quixotry"));
    let mut b = nodes.run("b").start();
    b.err.says("this node (b) waits: a is the active one").await;
    waits(&nodes, "b", "quixotry", false).await;

    // Where no bridge runs.
    let line = address(&nodes, "b", "harmless");
    for node in [a, b] {
        assert_eq!(node.stop().await.code, Some(0));
    }
    let end = redact(&nodes, "b", &[&line]).await;
    assert_eq!(end.code, Some(0), "{}{}", end.out, end.err);
    assert!(!has(&nodes, "b", "harmless"));
    let a = nodes.run("a").start();
    waits(&nodes, "a", "harmless", false).await;
    assert_eq!(a.stop().await.code, Some(0));
}
