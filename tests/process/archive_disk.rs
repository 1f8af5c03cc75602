//! A disk that takes no more of the archive: the bridge goes on, nothing is lost, and an import goes on where it was.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use rusqlite::Connection;

use crate::archive::{archived, archived_in, archiving, each_once, holds};
use crate::disk::{MOUNT, UNHARMED, fill, namespaces};
use crate::harness::World;
use crate::program::{Start, soon};

/// How many messages are said while there is no room.
const MANY: usize = 20;

/// As many lines as an import writes in several transactions.
const LINES: usize = 12_000;

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
list = [{ path = "old.log", format = "weechat" }]
"##;

fn line(number: usize) -> String {
    format!("line {number}: the kettle is on again")
}

/// Writes a log of [`LINES`], and the plan for it.
fn write_log(world: &World) {
    let mut log = String::new();
    for number in 0..LINES {
        let (hour, minute, second) = (number / 3_600, number / 60 % 60, number % 60);
        let text = line(number);
        writeln!(log, "2014-03-01 {hour:02}:{minute:02}:{second:02}\tann\t{text}").unwrap();
    }
    world.write("old.log", &log);
    world.write("plan.toml", PLAN);
}

#[tokio::test]
async fn archive_that_may_not_grow_holds_up_nobody() {
    let world = archiving().await;
    world.configure(|toml| {
        format!("{toml}\n[archive]\nenabled = true\n[format]\nmerge_lines = \"never\"\n")
    });
    let mut bridge = Start::by(world.path(), "/bin/sh", &["-c", UNHARMED, "sh"]).start();
    bridge.ready().await;
    world.say_on_irc("before");
    holds(&world, 1).await;
    // While somebody reads the archive, its log only grows: here beyond the limit, which the ledger is far from.
    let path = world.state().join("archive.sqlite3");
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM line;").unwrap();
    let ballast =
        "CREATE TABLE ballast (bytes BLOB); INSERT INTO ballast VALUES (zeroblob(8000000));
                   DROP TABLE ballast;";
    Connection::open(&path).unwrap().execute_batch(ballast).unwrap();
    bridge.limit_files(Some(4_000_000));
    let said: Vec<String> = (0..MANY).map(|number| format!("meanwhile {number}")).collect();
    said.iter().for_each(|text| world.say_on_irc(text));
    let line = bridge.err.says("cannot archive what is said").await;
    assert!(line.contains("disk I/O error"), "{line}");
    assert_eq!(world.room(MANY + 1).await.len(), MANY + 1, "the bridge goes on");
    assert_eq!(archived(&world).len(), 1);
    reader.execute_batch("COMMIT").unwrap();
    bridge.limit_files(None);
    bridge.err.says("the archive can be written again").await;
    holds(&world, MANY + 1).await;
    assert_eq!(bridge.stop().await.code, Some(0));
    assert_eq!(archived(&world), each_once(said.into_iter().chain(["before".to_owned()])));
}

#[tokio::test]
async fn import_goes_on_where_the_disk_took_no_more() {
    let world = archiving().await;
    write_log(&world);
    let import = ["import", "archive", "plan.toml"];
    let limited = format!("ulimit -f 3000 && {UNHARMED}");
    let shell = ["-c", &limited, "sh"];
    let end = Start::through(world.path(), ("/bin/sh", &shell), &import).ends().await;
    assert_eq!(end.code, Some(1), "{}{}", end.out, end.err);
    assert!(end.err.contains("disk I/O error") && end.err.contains("run it again"), "{}", end.err);
    let some = archived(&world).len();
    assert!((1..LINES).contains(&some), "{some}");
    let end = world.letsbridge(&import).ends().await;
    assert_eq!(end.code, Some(0), "{}", end.err);
    assert!(end.out.contains(&(LINES - some).to_string()), "{some} and {}", end.out);
    assert_eq!(archived(&world), each_once((0..LINES).map(line)));
}

/// Imports into a small file system, and again once it is larger; then says what the archive holds.
const TWICE: &str = "mount -t tmpfs -o size=3m none \"$0\" && ! \"$@\" && \
                     mount -o remount,size=64m \"$0\" && \"$@\" && exec \"$1\" archive status";

#[tokio::test]
#[ignore = "mounts a small file system of its own, which not every container allows"]
async fn import_goes_on_when_a_full_disk_has_room_again() {
    let Some(namespaces) = namespaces() else { return };
    let world = archiving().await;
    write_log(&world);
    let state = world.state();
    fs::create_dir_all(&state).unwrap();
    let unshare = [namespaces, &["sh", "-c", TWICE, state.to_str().unwrap()]].concat();
    let import = ["import", "archive", "plan.toml"];
    let end = Start::through(world.path(), ("unshare", &unshare), &import).ends().await;
    assert!(end.err.contains("there is no room for the archive"), "{}{}", end.out, end.err);
    assert_eq!(end.code, Some(0), "{}{}", end.out, end.err);
    assert!(end.out.contains(&format!("\n{LINES} lines, ")), "{}", end.out);
}

#[tokio::test]
#[ignore = "mounts a small file system of its own, which not every container allows"]
async fn full_disk_takes_no_line_from_the_archive() {
    let Some(namespaces) = namespaces() else { return };
    let world = archiving().await;
    let state = world.state();
    fs::create_dir_all(&state).unwrap();
    let unshare = [namespaces, &["sh", "-c", MOUNT, state.to_str().unwrap()]].concat();
    let mut bridge = Start::by(world.path(), "unshare", &unshare).start();
    bridge.ready().await;
    let inside = bridge.root().join(state.strip_prefix("/").unwrap());
    fill(&inside.join("ballast"));
    let said: Vec<String> =
        (0..MANY).map(|number| format!("{number} {}", "x".repeat(400))).collect();
    said.iter().for_each(|text| world.say_on_irc(text));
    bridge.err.says("cannot write to the database").await;
    fs::remove_file(inside.join("ballast")).unwrap();
    bridge.err.says("receiving resumed").await;
    let all = each_once(said);
    // SQLite would not find it there, but under its usual name.
    let copy = tempfile::tempdir().unwrap();
    let archived = async {
        while archived_in(copy.path()) != all {
            tokio::time::sleep(Duration::from_millis(50)).await;
            for name in ["archive.sqlite3", "archive.sqlite3-wal"] {
                fs::copy(inside.join(name), copy.path().join(name)).unwrap();
            }
        }
    };
    soon("all in the archive", archived).await;
    assert_eq!(bridge.stop().await.code, Some(0));
}
