//! `[archive]`, `letsbridge archive` and `letsbridge import archive`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::harness::World;
use crate::program::{End, Program, soon};

const ON: &str = "\n[archive]\nenabled = true\n";

pub(crate) async fn archiving() -> World {
    let world = World::new().await;
    world.configure(|toml| toml + ON);
    world
}

/// What the archive holds, by how often.
pub(crate) fn archived(world: &World) -> BTreeMap<String, usize> {
    archived_in(&world.state())
}

/// What the archive in this directory holds, by how often; nothing if it cannot be read.
pub(crate) fn archived_in(state: &Path) -> BTreeMap<String, usize> {
    let read = || -> rusqlite::Result<Vec<String>> {
        let path = state.join("archive.sqlite3");
        let archive = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        archive.prepare("SELECT text FROM line")?.query_map([], |row| row.get(0))?.collect()
    };
    let mut texts = BTreeMap::new();
    for text in read().unwrap_or_default() {
        *texts.entry(text).or_default() += 1;
    }
    texts
}

pub(crate) fn each_once(texts: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    texts.into_iter().map(|text| (text, 1)).collect()
}

/// Waits until the archive holds so many lines.
pub(crate) async fn holds(world: &World, count: usize) {
    let wait = async {
        while archived(world).len() < count {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon("the archive", wait).await;
}

async fn archive(world: &World, arguments: &[&str]) -> End {
    world.letsbridge(&[&["archive"], arguments].concat()).ends().await
}

async fn reload(bridge: &mut Program) {
    bridge.signal("HUP").await;
    bridge.err.says("configuration reloaded").await;
}

#[tokio::test]
async fn killed_bridge_archives_each_message_once() {
    let world = World::new().await;
    world.configure(|toml| format!("{toml}{ON}[format]\nmerge_lines = \"never\"\n"));
    let mut said = Vec::new();
    for round in 0..6 {
        let bridge = world.bridge().await;
        for number in 0..8 {
            let (irc, room) = (format!("irc {round} {number}"), format!("room {round} {number}"));
            world.say_on_irc(&irc);
            world.say_in_letschat(&room);
            said.extend([irc, room]);
        }
        // All are in the ledger, and some of them in the archive.
        world.room(said.len()).await;
        world.channel(said.len() / 2).await;
        bridge.signal("KILL").await;
        bridge.ends().await;
    }
    let bridge = world.bridge().await;
    world.say_on_irc("!status");
    assert_eq!(bridge.stop().await.code, Some(0));
    assert_eq!(archived(&world), each_once(said));
    let mode = fs::metadata(world.state().join("archive.sqlite3")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn archive_comes_and_goes_with_the_configuration() {
    let world = World::new().await;
    let mut bridge = world.bridge().await;
    world.say_on_irc("before");
    world.room(1).await;
    world.configure(|toml| toml + ON);
    reload(&mut bridge).await;
    bridge.err.says("archiving what is said").await;
    world.say_on_irc("one");
    holds(&world, 1).await;
    world.configure(|toml| toml);
    reload(&mut bridge).await;
    world.say_on_irc("off the record");
    world.room(3).await;
    world.configure(|toml| toml + ON);
    reload(&mut bridge).await;
    bridge.err.says("archiving what is said").await;
    world.say_on_irc("two");
    holds(&world, 2).await;
    assert_eq!(bridge.stop().await.code, Some(0));
    assert_eq!(archived(&world), each_once(["one", "two"].map(str::to_owned)));
}

#[tokio::test]
async fn bridge_goes_on_without_an_archive_that_it_can_use() {
    let world = archiving().await;
    let path = world.state().join("archive.sqlite3");
    fs::create_dir_all(world.state()).unwrap();
    fs::write(&path, "this is no archive, but long enough to look like a file").unwrap();
    let mut bridge = world.bridge().await;
    let line = bridge.err.says("cannot archive what is said").await;
    assert!(line.contains("archive.sqlite3 is damaged"), "{line}");
    world.say_on_irc("one");
    world.room(1).await;
    bridge.stop().await;
    // In its absence, a new one is begun.
    fs::remove_file(&path).unwrap();
    let mut bridge = world.bridge().await;
    world.say_on_irc("two");
    holds(&world, 1).await;
    fs::rename(&path, world.state().join("moved")).unwrap();
    world.say_on_irc("three");
    let line = bridge.err.says("cannot archive what is said").await;
    assert!(line.contains("removed or replaced"), "{line}");
    world.room(3).await;
    fs::rename(world.state().join("moved"), &path).unwrap();
    bridge.stop().await;
    world.bridge().await.stop().await;
    assert_eq!(archived(&world), each_once(["two", "three"].map(str::to_owned)));
}

#[tokio::test]
async fn administrator_sees_takes_out_and_copies_lines() {
    let world = archiving().await;
    let bridge = world.bridge().await;
    let end = archive(&world, &["export", "nowhere"]).await;
    assert_eq!(end.code, Some(1));
    assert!(end.err.contains("the archive has no such room"), "{}", end.err);
    world.say_on_irc("my number is 5551234");
    world.say_in_letschat("=HYPERLINK(1)");
    holds(&world, 2).await;
    let end = archive(&world, &["status"]).await;
    assert!(end.out.contains("2 lines") && end.out.contains("office/#tea"), "{}", end.out);
    let end = archive(&world, &["export", "tea", "--format", "csv"]).await;
    assert!(end.out.contains(",\"'=HYPERLINK(1)\","), "{}", end.out);
    let line = end.out.lines().find(|line| line.contains("5551234")).unwrap();
    let id = line.rsplit(',').next().unwrap().trim_matches('"').to_owned();
    let end = archive(&world, &["redact", &id, "--reason", "a number", "--by", "Ann"]).await;
    assert_eq!(end.code, Some(0), "{}", end.err);
    let end = archive(&world, &["export", "tea"]).await;
    assert!(
        end.out.contains("[taken out by Ann on ") && end.out.contains(": a number]"),
        "{}",
        end.out
    );
    assert!(!end.out.contains("5551234"), "{}", end.out);
    let end = archive(&world, &["redact", &id]).await;
    assert_eq!(end.code, Some(1));
    assert!(end.err.contains("no such line, or it is taken out already"), "{}", end.err);
    let end = archive(&world, &["redact", "--person", "ann"]).await;
    assert_eq!(end.code, Some(1), "nobody was asked: {}", end.err);
    let end = archive(&world, &["copy", "copy.sqlite3"]).await;
    assert_eq!(end.code, Some(0), "{}", end.err);
    let copy = fs::read(world.path().join("copy.sqlite3")).unwrap();
    assert!(copy.starts_with(b"SQLite format 3") && !copy.windows(7).any(|it| it == b"5551234"));
    let end = archive(&world, &["copy", "copy.sqlite3"]).await;
    assert_eq!(end.code, Some(1), "it is not replaced");
    bridge.stop().await;
}

#[tokio::test]
async fn logs_are_imported_once_beside_a_running_bridge() {
    let world = archiving().await;
    let mut log = String::new();
    for number in 0..5_000 {
        let (day, minute) = (number / 1_000 + 1, number % 1_000);
        let nick = ["ann", "bob"][number % 2];
        writeln!(
            log,
            "2014-03-{day:02} {:02}:{:02}:00\t{nick}\tline {number}",
            minute / 60,
            minute % 60
        )
        .unwrap();
    }
    world.write("old.log", &log);
    world.write(
        "plan.toml",
        r##"
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
list = [{ path = "old.log", format = "weechat" }]
[[person]]
id = "office/bob"
name = "bob"
nicks = ["office/bob"]
account = "bridge"
"##,
    );
    let bridge = world.bridge().await;
    world.say_on_irc("now");
    holds(&world, 1).await;
    let end = world.letsbridge(&["import", "archive", "plan.toml"]).ends().await;
    assert_eq!(end.code, Some(0), "{}", end.err);
    assert!(end.out.contains("5000"), "{}", end.out);
    let all = archived(&world);
    assert_eq!(all.len(), 5_001);
    assert!(all.values().all(|count| *count == 1));
    // More of the same log; and again as another file, whose lines are recognised.
    log.push_str("2014-04-01 10:00:00\tann\tone more\n");
    world.write("old.log", &log);
    let end = world.letsbridge(&["import", "archive", "plan.toml"]).ends().await;
    assert_eq!(end.code, Some(0), "{}", end.err);
    assert_eq!(archived(&world).len(), 5_002);
    world.say_on_irc("and then");
    holds(&world, 5_003).await;
    let end = archive(&world, &["status"]).await;
    assert!(end.out.contains("2014-03-01"), "{}", end.out);
    let end = archive(&world, &["redact", "--person", "bob", "--yes"]).await;
    assert!(end.out.contains("2500 lines taken out"), "{} {}", end.out, end.err);
    bridge.stop().await;
}

#[tokio::test]
async fn room_whose_history_nobody_could_find_is_named() {
    let world = archiving().await;
    world.write("old.log", "2014-03-01 10:00:00\tbob\thello\n");
    let plan = "version = 1\n[reading]\ntimezone = \"UTC\"\n[[channel]]\nnetwork = \"office\"\nchannel = \"#tea\"\n\
                room = \"tea\"\n[[files]]\nnetwork = \"office\"\nchannel = \"#tea\"\n\
                list = [{ path = \"old.log\", format = \"weechat\" }]\n";
    world.write("plan.toml", plan);
    let import = async || world.letsbridge(&["import", "archive", "plan.toml"]).ends().await;
    world.configure(|toml| toml.replace("http://127.0.0.1:", "http://127.0.0.2:") + ON);
    let end = import().await;
    assert!(end.err.contains("does not tell the ids of rooms"), "{}{}", end.out, end.err);
    assert_eq!((end.code, archived(&world).len()), (Some(0), 1), "it is archived all the same");
    world.configure(|toml| toml + ON);
    let end = import().await;
    assert_eq!((end.code, end.err.as_str()), (Some(0), ""));
    world.write("plan.toml", &plan.replace("room = \"tea\"", "room = \"cellar\""));
    let end = import().await;
    assert!(end.err.contains("shows the bridge no room cellar"), "{}", end.err);
    assert_eq!(end.code, Some(0));
}

#[tokio::test]
async fn channel_whose_log_cannot_be_read_does_not_keep_others_out() {
    let world = archiving().await;
    let mut plan = "version = 1\n[reading]\ntimezone = \"UTC\"\n".to_owned();
    for (name, text, more) in [
        ("cut", "10:00 <bob> of which day?\n", ""),
        ("secret", "2014-03-01 10:00 <bob> hush\n", "participants = [\"alice\"]\n"),
        ("tea", "2014-03-01 10:00 <bob> hello\n", ""),
    ] {
        world.write(&format!("{name}.log"), text);
        let named = format!("network = \"office\"\nchannel = \"#{name}\"\n");
        let list = format!("list = [{{ path = \"{name}.log\", format = \"irssi\" }}]\n");
        write!(plan, "[[channel]]\n{named}room = \"{name}\"\n{more}[[files]]\n{named}{list}")
            .unwrap();
    }
    world.write("plan.toml", &plan);
    let end = world.letsbridge(&["import", "archive", "plan.toml"]).ends().await;
    assert_eq!(archived(&world).into_keys().collect::<Vec<_>>(), ["hello"], "{}", end.err);
    assert!(end.err.contains("office/#cut: cut.log, line 1: it is not known"), "{}", end.err);
    let told = "not archived, or not to the end: office/#secret, office/#cut.";
    assert!(end.err.contains(told), "{}", end.err);
    assert_eq!(end.code, Some(1));
    world.write("plan.toml", "version = 1\n");
    let end = world.letsbridge(&["import", "archive", "plan.toml"]).ends().await;
    assert!(end.err.contains("no channel of the plan goes to a room"), "{}", end.err);
    assert_eq!(end.code, Some(2));
}
