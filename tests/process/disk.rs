//! While the disk takes nothing the bridge stops hearing; nothing is lost, and it goes on by itself.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use rusqlite::Connection;

use crate::harness::World;
use crate::program::{Program, Start};

/// A program that writes beyond the limit on the size of files is killed, unless a shell starts it so.
pub(crate) const UNHARMED: &str = "trap '' XFSZ && exec \"$@\"";

/// How many messages are said while the disk takes nothing.
const MANY: usize = 40;

#[tokio::test]
async fn database_locked_by_another_program_is_retried() {
    let world = line_by_line().await;
    let bridge = world.bridge().await;
    let other = Connection::open(world.state().join("letsbridge.sqlite3")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let let_go = |_: &Program| other.execute_batch("ROLLBACK").unwrap();
    waits_and_goes_on(&world, bridge, "database is locked", let_go).await;
}

/// A limit on the size of files is a disk that takes nothing more, on every machine.
#[tokio::test]
async fn files_that_may_not_grow_are_waited_for() {
    let world = line_by_line().await;
    let bridge = Start::by(world.path(), "/bin/sh", &["-c", UNHARMED, "sh"]).start();
    bridge.ready().await;
    bridge.limit_files(Some(1));
    waits_and_goes_on(&world, bridge, "disk I/O error", |bridge| bridge.limit_files(None)).await;
}

#[tokio::test]
#[ignore = "mounts a small file system of its own, which not every container allows"]
async fn full_disk_is_retried() {
    let Some(namespaces) = namespaces() else { return };
    let world = line_by_line().await;
    let state = world.state();
    fs::create_dir_all(&state).unwrap();
    let unshare = [namespaces, &["sh", "-c", MOUNT, state.to_str().unwrap()]].concat();
    let bridge = Start::by(world.path(), "unshare", &unshare).start();
    bridge.ready().await;
    let ballast = bridge.root().join(state.strip_prefix("/").unwrap()).join("ballast");
    fill(&ballast);
    waits_and_goes_on(&world, bridge, "full", |_| fs::remove_file(&ballast).unwrap()).await;
}

/// Has a shell put a small file system where its first argument says, and start the rest.
pub(crate) const MOUNT: &str = "mount -t tmpfs -o size=4m none \"$0\" && exec \"$@\"";

/// The namespaces in which this machine lets us mount something.
pub(crate) fn namespaces() -> Option<&'static [&'static str]> {
    let ways: [&[&str]; 2] = [&["--user", "--map-root-user", "--mount"], &["--mount"]];
    let may = |way: &&[&str]| {
        let mount = ["sh", "-c", "mount -t tmpfs -o size=64k none /tmp"];
        let tried = Command::new("unshare").args(*way).args(mount).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    };
    let found = ways.into_iter().find(may);
    if found.is_none() {
        eprintln!(
            "NOT TRIED: this machine allows neither user namespaces nor a mount, so that no small \
             disk can be made (`unshare --user --map-root-user --mount true` fails)"
        );
    }
    found
}

/// A world in which each line is a post of its own.
async fn line_by_line() -> World {
    let world = World::new().await;
    world.configure(|toml| format!("{toml}\n[format]\nmerge_lines = \"never\"\n"));
    world
}

/// Writes to `path` until there is no room for more.
pub(crate) fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for size in [65_536, 4_096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

/// Says much while the disk takes nothing, until `mend` mends it.
async fn waits_and_goes_on(
    world: &World,
    mut bridge: Program,
    why: &str,
    mend: impl FnOnce(&Program),
) {
    let ann = world.irc.virtual_user("ann");
    ann.join("#tea");
    // Longer than what the file system may have left over in the database's own pages.
    let said: Vec<String> =
        (0..MANY).map(|number| format!("{number} {}", "x".repeat(400))).collect();
    said.iter().for_each(|text| ann.send("#tea", text));
    let line = bridge.err.says("cannot write to the database").await;
    assert!(line.contains(why), "{line}");
    bridge.notices("STATUS=2 of 2 channels and rooms joined; cannot write to the database").await;
    mend(&bridge);
    bridge.err.says("receiving resumed").await;
    let told: Vec<String> = said.iter().map(|text| format!("<ann> {text}")).collect();
    assert_eq!(world.room(MANY).await, told);
    bridge.notices("STATUS=2 of 2 channels and rooms joined").await;
    assert_eq!(bridge.stop().await.code, Some(0));
}
