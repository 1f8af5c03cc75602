//! Stores of released versions: each is opened, read and continued by this one, and a newer one is refused.
//!
//! `tests/data/stores` has a backup of each released version, with content in every table. CONTRIBUTING.md says how to
//! make the one of the next release.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::harness::World;
use crate::program::{End, soon};

/// Values that the program can read, of columns where the type alone does not say which.
const READABLE: &[(&str, &str)] = &[
    ("puppet_nick.network", "'office'"),
    ("person.network", "'office'"),
    ("person.identity", "'nick carl'"),
    ("person_nick.network", "'office'"),
    ("puppet_login.network", "'office'"),
    ("puppet_login.username", "'bob'"),
    ("speaker_account.username", "'carl'"),
    ("speaker_account.user", "'000000000000000000000001'"),
    // Old, so that nothing on the servers of the tests is affected.
    ("restoration.restored_at", "1000"),
];

/// Tables whose rows would be work to do, and are made here.
fn fill(connection: &Connection, table: &str) {
    let mut statement = connection.prepare(&format!("PRAGMA table_info({table})")).unwrap();
    let columns =
        statement.query_map([], |row| Ok((row.get::<_, String>(1)?, row.get::<_, String>(2)?)));
    let columns: Vec<(String, String)> = columns.unwrap().map(Result::unwrap).collect();
    let readable: HashMap<&str, &str> = READABLE.iter().copied().collect();
    let value = |(name, kind): &(String, String)| match kind.as_str() {
        _ if readable.contains_key(format!("{table}.{name}").as_str()) => {
            readable[format!("{table}.{name}").as_str()].to_owned()
        }
        "INTEGER" => "1".to_owned(),
        "TEXT" => "'x'".to_owned(),
        _ => "x'00'".to_owned(),
    };
    let values: Vec<String> = columns.iter().map(value).collect();
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let sql = format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), values.join(", "));
    connection.execute(&sql, []).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The tables, in the order of their making, with the number of rows of each.
fn tables(connection: &Connection) -> Vec<(String, u64)> {
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid";
    let mut statement = connection.prepare(sql).unwrap();
    let names = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let count = |name: &str| {
        let sql = format!("SELECT COUNT(*) FROM {name}");
        connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap().unsigned_abs()
    };
    names.map(Result::unwrap).map(|name| (name.clone(), count(&name))).collect()
}

fn stores() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/stores")
}

/// Makes the store of this version.
#[tokio::test]
#[ignore = "writes the file of this version into tests/data/stores; see CONTRIBUTING.md"]
async fn keep_a_store_of_this_version() {
    let world = World::new().await;
    let bridge = world.bridge().await;
    world.say_on_irc("kept from IRC");
    world.say_in_letschat("kept from Let's Chat");
    world.room(2).await;
    world.channel(1).await;
    assert_eq!(bridge.stop().await.code, Some(0));
    let connection = Connection::open(world.state().join("letsbridge.sqlite3")).unwrap();
    for (table, rows) in tables(&connection) {
        if rows == 0 {
            fill(&connection, &table);
        }
    }
    drop(connection);
    fs::create_dir_all(stores()).unwrap();
    let file = stores().join(format!("{}.backup", env!("CARGO_PKG_VERSION")));
    let name = file.to_str().unwrap();
    let End { code, out, err } = world.letsbridge(&["backup", "--force", name]).ends().await;
    assert_eq!(code, Some(0), "{out}{err}");
}

#[tokio::test]
async fn store_of_each_released_version_is_opened_and_continued() {
    let files: Vec<PathBuf> =
        fs::read_dir(stores()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    for file in files {
        let kept = tables(&Connection::open(&file).unwrap());
        for (table, rows) in &kept {
            assert!(*rows > 0, "{}: {table} is empty", file.display());
        }
        let world = World::new().await;
        let name = file.to_str().unwrap();
        let End { code, out, err } = world.letsbridge(&["restore", name]).ends().await;
        assert_eq!(code, Some(0), "{name}: {out}{err}");
        for command in [&["people"][..], &["audit", "--no-channels"], &["check"]] {
            let End { code, out, err } = world.letsbridge(command).ends().await;
            // The room of this world lacks what was mirrored in that of the store.
            let fine = if command[0] == "audit" { Some(1) } else { Some(0) };
            assert_eq!(code, fine, "{name}: {command:?}: {out}{err}");
        }
        let bridge = world.bridge().await;
        world.say_on_irc("continued");
        // After a notice about the time since the store was made.
        let continued = world.letschat.wait_for_posts("tea", |posts| {
            posts.iter().any(|post| post.text.contains("continued"))
        });
        soon("what is said now", continued).await;
        assert_eq!(bridge.stop().await.code, Some(0));
        let connection = Connection::open(world.state().join("letsbridge.sqlite3")).unwrap();
        let sql = "SELECT COUNT(*) FROM message WHERE body LIKE 'kept from %'";
        let kept: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(kept, 2, "{name}");
    }
}

#[tokio::test]
async fn store_of_a_newer_version_is_refused_with_words() {
    let world = World::new().await;
    let bridge = world.bridge().await;
    assert_eq!(bridge.stop().await.code, Some(0));
    let connection = Connection::open(world.state().join("letsbridge.sqlite3")).unwrap();
    let version: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    connection.pragma_update(None, "user_version", version + 1).unwrap();
    drop(connection);
    let found = format!("schema version {}, newer than the supported {version}", version + 1);
    for (command, expected) in [(&["run"][..], 2), (&["check"], 1), (&["backup", "b"], 2)] {
        let End { code, out, err } = world.letsbridge(command).ends().await;
        let said = out + &err;
        assert_eq!(code, Some(expected), "{command:?}: {said}");
        for words in [&*found, "upgrade letsbridge", "letsbridge restore"] {
            assert!(said.contains(words), "{command:?}: {words:?} in {said}");
        }
    }
}
