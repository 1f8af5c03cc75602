//! The state directory: the bridge's alone, whole, and where it was.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::harness::World;
use crate::program::{End, Start};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn state_is_private_under_any_umask() {
    let world = World::new().await;
    let binary = env!("CARGO_BIN_EXE_letsbridge");
    let run = "umask 000 && exec \"$0\" run --config bridge.toml";
    let bridge = Start::by(world.path(), "sh", &["-c", run, binary]).start();
    bridge.ready().await;
    world.say_on_irc("hello");
    world.room(1).await;
    assert_eq!(mode(&world.state()), 0o700);
    let files: Vec<_> = fs::read_dir(world.state()).unwrap().map(|it| it.unwrap().path()).collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn check_leaves_nothing_behind() {
    let world = World::new().await;
    let End { code, out, .. } = world.letsbridge(&["check"]).ends().await;
    assert_eq!(code, Some(0), "{out}");
    assert!(!world.state().exists());
}

#[tokio::test]
async fn damaged_database_ends_the_program_with_a_remedy() {
    let world = World::new().await;
    let bridge = world.bridge().await;
    assert_eq!(bridge.stop().await.code, Some(0));
    let database = world.state().join("letsbridge.sqlite3");
    fs::write(&database, "no database at all").unwrap();
    for (command, expected) in [("run", 2), ("check", 1), ("audit", 3)] {
        let End { code, out, err } = world.letsbridge(&[command]).ends().await;
        assert_eq!(code, Some(expected), "{command}: {out}{err}");
        let said = out + &err;
        for words in ["letsbridge.sqlite3 is damaged", "restore a backup", "move it away"] {
            assert!(said.contains(words), "{command}: {said}");
        }
    }
    let unit = include_str!("../../deploy/letsbridge.service");
    for line in ["RestartPreventExitStatus=2", "LimitCORE=0"] {
        assert!(unit.lines().any(|it| it == line), "{line}");
    }
}

#[tokio::test]
async fn removed_database_ends_the_program() {
    let world = World::new().await;
    let mut bridge = world.bridge().await;
    for name in ["letsbridge.sqlite3", "letsbridge.sqlite3-wal", "letsbridge.sqlite3-shm"] {
        fs::remove_file(world.state().join(name)).unwrap();
    }
    bridge.err.says("was removed or replaced while the bridge was running").await;
    assert_eq!(bridge.ends().await.code, Some(1));
}

#[tokio::test]
async fn fifo_in_place_of_a_file_is_rejected_at_once() {
    for name in ["letsbridge.sqlite3", "links.key", "sts.json", "lock", "letsbridge.sqlite3-wal"] {
        let world = World::new().await;
        fs::create_dir(world.state()).unwrap();
        let path = world.state().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
        for (command, expected) in [("run", 2), ("check", 1), ("audit", 3)] {
            let End { code, out, err } = world.letsbridge(&[command]).ends().await;
            let said = out + &err;
            assert_eq!(code, Some(expected), "{command}: {said}");
            assert!(said.contains(&format!("{name} is a FIFO")), "{command}: {said}");
        }
        let End { code, .. } = world.letsbridge(&["revoke", "--all"]).ends().await;
        assert_ne!(code, Some(0));
    }
}

#[tokio::test]
async fn fifo_in_place_of_a_secrets_file_is_rejected_at_once() {
    let world = World::new().await;
    let token = world.path().join("letschat.token");
    fs::remove_file(&token).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &token, rustix::fs::Mode::RUSR).unwrap();
    let End { code, err, .. } = world.run().ends().await;
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("it is not a file"), "{err}");
}
