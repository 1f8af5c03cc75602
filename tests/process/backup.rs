//! `letsbridge backup` and `letsbridge restore`: beside a running bridge, and back, also where that cannot be.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use letsbridge_testkit::{irc, letschat};
use rusqlite::Connection;

use crate::harness::World;
use crate::program::End;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A world whose IRC server keeps history.
async fn world_with_history() -> World {
    let irc = irc::Setup { caps: irc::Caps::all(), ..irc::Setup::default() };
    let world = World::with(irc, letschat::Setup::default()).await;
    world.configure(|toml| format!("{toml}\n[format]\nmerge_lines = \"never\"\n"));
    world
}

/// `letsbridge` with these arguments, which must end with this code and say these words.
async fn ends(world: &World, arguments: &[&str], code: i32, words: &[&str]) -> End {
    let end = world.letsbridge(arguments).ends().await;
    let said = format!("{}{}", end.out, end.err);
    assert_eq!(end.code, Some(code), "{arguments:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{arguments:?}: {word:?} is missing in {said}");
    }
    end
}

#[tokio::test]
async fn backup_of_a_running_bridge_is_whole_and_private() {
    let world = world_with_history().await;
    let bridge = world.bridge().await;
    world.say_on_irc("hello");
    world.room(1).await;
    ends(
        &world,
        &["backup", "state.backup"],
        0,
        &["written and checked", "of a running bridge", "accounts.key", "It gives access"],
    )
    .await;
    let file = world.path().join("state.backup");
    assert_eq!(mode(&file), 0o600);
    let connection = Connection::open(&file).unwrap();
    let intact: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(intact, "ok");
    let said: String = connection
        .query_row("SELECT body FROM message WHERE author = 'ann'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(said, "hello");
    drop(connection);
    // It exists; a second one is wanted.
    let before = fs::read(&file).unwrap();
    ends(&world, &["backup", "state.backup"], 1, &["state.backup exists", "--force"]).await;
    assert_eq!(fs::read(&file).unwrap(), before);
    ends(&world, &["backup", "--force", "state.backup"], 0, &["written and checked"]).await;
    assert_eq!(mode(&file), 0o600);
    assert!(!names(world.path()).iter().any(|name| name.ends_with(".new")));
    assert_eq!(bridge.stop().await.code, Some(0));
    let end =
        ends(&world, &["backup", "--force", "state.backup"], 0, &["of a stopped bridge"]).await;
    assert!(!end.out.contains("archive"), "there is none: {}", end.out);
}

#[tokio::test]
async fn backup_says_that_the_archive_is_not_in_it() {
    let world = World::new().await;
    world.configure(|toml| toml + "\n[archive]\nenabled = true\n");
    world.bridge().await.stop().await;
    let words = ["The archive is not in it", "letsbridge archive copy FILE"];
    ends(&world, &["backup", "state.backup"], 0, &words).await;
    let tables = Connection::open(world.path().join("state.backup")).unwrap();
    let sql = "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'line'";
    let lines: i64 = tables.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(lines, 0);
}

#[tokio::test]
async fn restored_bridge_repeats_nothing_and_mirrors_what_is_missing() {
    let world = world_with_history().await;
    let bridge = world.bridge().await;
    world.say_on_irc("before");
    world.room(1).await;
    ends(&world, &["backup", "state.backup"], 0, &[]).await;
    // Traffic in both directions that the backup does not know.
    for number in 0..20 {
        world.say_on_irc(&format!("line {number}"));
        world.say_in_letschat(&format!("post {number}"));
    }
    let room = world.room(41).await;
    let channel = world.channel(20).await;
    bridge.signal("KILL").await;
    assert_eq!(bridge.ends().await.code, None);
    // Said while nothing ran.
    world.say_on_irc("missed line");
    world.say_in_letschat("missed post");
    let words = ["restored from a backup of", "The state that was there before is in", "links.key"];
    ends(&world, &["restore", "--replace", "state.backup"], 0, &words[..2]).await;
    let aside =
        names(&world.state()).into_iter().find(|name| name.starts_with("replaced-")).unwrap();
    assert!(names(&world.state().join(&aside)).contains(&"letsbridge.sqlite3".to_owned()));
    for name in ["letsbridge.sqlite3", "accounts.key"] {
        assert_eq!(mode(&world.state().join(name)), 0o600, "{name}");
    }
    let bridge = world.bridge().await;
    world.say_on_irc("after");
    let now = world.room(44).await;
    assert_eq!(now[..41], room[..], "nothing is repeated");
    assert!(now[41..].contains(&"missed post".to_owned()), "{now:?}");
    assert!(now[41..].contains(&"<ann> missed line".to_owned()), "{now:?}");
    assert!(now[41..].contains(&"<ann> after".to_owned()), "{now:?}");
    let heard = world.channel(21).await;
    assert_eq!(heard[..20], channel[..], "nothing is repeated");
    assert_eq!(heard[20..], ["<a\u{200b}nn> missed post"]);
    let words = ["0 missing, 0 duplicated", "by the bridge's account, but not by this bridge: 20"];
    ends(&world, &["audit"], 0, &words).await;
    let queue = ends(&world, &["queue", "#tea"], 0, &[]).await.out;
    assert!(queue.contains("nothing waits"), "what was there already does not wait: {queue}");
    let End { code, out, err } = bridge.stop().await;
    assert_eq!(code, Some(0), "{out}{err}");
}

#[tokio::test]
async fn restore_is_refused_where_it_would_destroy_something() {
    let world = world_with_history().await;
    ends(&world, &["backup", "state.backup"], 1, &["nothing to back up"]).await;
    let bridge = world.bridge().await;
    ends(&world, &["backup", "state.backup"], 0, &[]).await;
    ends(&world, &["restore", "--replace", "state.backup"], 1, &["in use by another letsbridge"])
        .await;
    assert_eq!(bridge.stop().await.code, Some(0));
    let before = names(&world.state());
    ends(&world, &["restore", "state.backup"], 1, &["holds a state already", "--replace"]).await;
    ends(
        &world,
        &["restore", "--replace", "--moved", "state.backup"],
        2,
        &["was made while the bridge was running"],
    )
    .await;
    ends(&world, &["restore", "--replace", "no.backup"], 1, &["cannot read no.backup"]).await;
    assert_eq!(names(&world.state()), before);
}

#[tokio::test]
async fn file_that_is_no_usable_backup_is_rejected_and_nothing_changes() {
    let world = world_with_history().await;
    let bridge = world.bridge().await;
    assert_eq!(bridge.stop().await.code, Some(0));
    ends(&world, &["backup", "state.backup"], 0, &[]).await;
    let whole = fs::read(world.path().join("state.backup")).unwrap();
    let garbled = |range: std::ops::Range<usize>| {
        let mut bytes = whole.clone();
        bytes[range].fill(0xAA);
        bytes
    };
    let newer = |version: u32| {
        let mut bytes = whole.clone();
        bytes[60..64].copy_from_slice(&version.to_be_bytes());
        bytes
    };
    let database = fs::read(world.state().join("letsbridge.sqlite3")).unwrap();
    let before = names(&world.state());
    for (bytes, words) in [
        (vec![], "is empty"),
        (b"hello".to_vec(), "too short"),
        (vec![7; 8_192], "not an SQLite database"),
        (whole[..whole.len() - 100].to_vec(), "is truncated"),
        (whole[..whole.len() - 4_096].to_vec(), "not a usable backup"),
        (garbled(20_000..24_000), "not a usable backup"),
        (database, "not a usable backup"),
        (newer(99), "schema version 99, newer than the supported"),
        (newer(1), "from before the first release"),
    ] {
        fs::write(world.path().join("bad.backup"), bytes).unwrap();
        ends(&world, &["restore", "--replace", "bad.backup"], 2, &["bad.backup", words]).await;
        assert_eq!(names(&world.state()), before, "{words}");
    }
}

#[tokio::test]
async fn stopped_bridge_moves_to_another_directory() {
    let world = world_with_history().await;
    let bridge = world.bridge().await;
    world.say_on_irc("one");
    world.room(1).await;
    assert_eq!(bridge.stop().await.code, Some(0));
    ends(&world, &["backup", "state.backup"], 0, &["of a stopped bridge"]).await;
    world.say_in_letschat("two");
    world.configure(|toml| toml.replace("state_dir = \"state\"", "state_dir = \"elsewhere\""));
    ends(&world, &["restore", "--moved", "state.backup"], 0, &["restored from a backup"]).await;
    assert_eq!(mode(&world.path().join("elsewhere")), 0o700);
    let key = |directory| fs::read(world.path().join(directory).join("accounts.key")).unwrap();
    assert_eq!(key("state"), key("elsewhere"));
    let bridge = world.bridge().await;
    assert_eq!(world.channel(1).await, ["<a\u{200b}nn> two"]);
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn backup_that_cannot_be_written_leaves_nothing_behind() {
    let world = world_with_history().await;
    let bridge = world.bridge().await;
    assert_eq!(bridge.stop().await.code, Some(0));
    ends(&world, &["backup", "no/such/file"], 1, &["cannot write the backup no/such/file"]).await;
    fs::create_dir(world.path().join("folder")).unwrap();
    ends(&world, &["backup", "--force", "folder"], 1, &["not a file"]).await;
    // A limit on the size of files is a disk that takes nothing more.
    let limited = "trap '' XFSZ; ulimit -f 80; exec \"$0\" backup small.backup";
    let binary = env!("CARGO_BIN_EXE_letsbridge");
    let output = tokio::process::Command::new("sh")
        .args(["-c", limited, binary])
        .current_dir(world.path())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot write the backup small.backup"), "{said}");
    assert!(!names(world.path()).iter().any(|name| name.contains("small.backup")));
    // Root may write everywhere.
    if rustix::process::geteuid().as_raw() != 0 {
        let folder = world.path().join("folder");
        fs::set_permissions(&folder, Permissions::from_mode(0o500)).unwrap();
        ends(&world, &["backup", "folder/file"], 1, &["cannot write the backup"]).await;
        assert!(names(&folder).is_empty());
    }
}

#[tokio::test]
async fn root_restores_for_the_user_who_owns_the_directory() {
    use std::os::unix::fs::{MetadataExt, chown};
    if rustix::process::geteuid().as_raw() != 0 {
        return;
    }
    let world = world_with_history().await;
    let bridge = world.bridge().await;
    assert_eq!(bridge.stop().await.code, Some(0));
    ends(&world, &["backup", "state.backup"], 0, &[]).await;
    chown(world.state(), Some(12_345), Some(12_345)).unwrap();
    for name in names(&world.state()) {
        chown(world.state().join(name), Some(12_345), Some(12_345)).unwrap();
    }
    ends(&world, &["backup", "--force", "state.backup"], 0, &[]).await;
    ends(&world, &["restore", "--replace", "state.backup"], 0, &[]).await;
    for name in names(&world.state()) {
        let owner = fs::metadata(world.state().join(&name)).unwrap().uid();
        assert_eq!(owner, 12_345, "{name}");
    }
}

#[tokio::test]
async fn only_backups_are_overwritten_and_nothing_beside_the_database_is_written() {
    let world = World::new().await;
    let bridge = world.bridge().await;
    for file in ["state/letsbridge.sqlite3", "state/new.backup", "bridge.toml"] {
        let end = world.letsbridge(&["backup", "--force", file]).ends().await;
        assert_eq!(end.code, Some(1), "{file}: {}{}", end.out, end.err);
        assert!(end.err.contains("choose another"), "{file}: {}", end.err);
    }
    for _ in 0..2 {
        let end = world.letsbridge(&["backup", "--force", "mine.backup"]).ends().await;
        assert_eq!(end.code, Some(0), "{}", end.err);
    }
    world.say_on_irc("still there");
    assert_eq!(world.room(1).await, ["<ann> still there"]);
    assert_eq!(bridge.stop().await.code, Some(0));
}
