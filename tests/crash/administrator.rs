//! An administrator at work, whether the bridge runs or not: backups, some of them killed, and links that are paused
//! for a while.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fastrand::Rng;
use rusqlite::{Connection, OpenFlags};
use tokio::process::{Child, Command};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use super::fixture::{Stage, channels, rooms};
use super::program::{DOORS, become_the_program};

/// One backup of so many is killed.
const KILLED: u8 = 4;

/// When such a one is killed, in milliseconds after its start.
const KILLED_AFTER_MS: u64 = 80;

/// How long a command may take beside a bridge that stands still for a while.
const PATIENCE: Duration = Duration::from_secs(240);

/// What a command says where no bridge runs, or one that is not the active node.
const ELSEWHERE: [&str; 2] = ["no bridge is running", "runs on another node"];

/// Who makes backups and pauses links.
pub(crate) struct Administrator<'a> {
    stage: &'a Stage,
    /// Where `bridge.toml` is; of several nodes, that of each.
    directories: Vec<PathBuf>,
    /// A store in PostgreSQL is backed up by other means.
    has_backups: bool,
}

/// What an administrator has done.
#[derive(Debug, Default)]
pub(crate) struct Deeds {
    backups: usize,
    killed_backups: usize,
    pauses: usize,
    /// Commands that found no bridge, or one that was killed meanwhile.
    unanswered: usize,
}

/// What a bridge answers to who pauses or resumes a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Changed,
    WasSo,
    /// There was no bridge, or it is not known what it did.
    None,
}

impl<'a> Administrator<'a> {
    /// Who looks after the bridge whose configuration is in `directory`.
    pub(crate) fn new(stage: &'a Stage, directory: &Path) -> Self {
        Self { stage, directories: vec![directory.to_owned()], has_backups: true }
    }

    /// Who looks after bridges whose store is in PostgreSQL, with their configurations in `directories`.
    pub(crate) fn of_nodes(stage: &'a Stage, directories: Vec<PathBuf>) -> Self {
        Self { stage, directories, has_backups: false }
    }

    /// The last backup; `None` where no backups are made.
    pub(crate) fn backup(&self) -> Option<PathBuf> {
        self.has_backups.then(|| self.backup_file())
    }

    fn backup_file(&self) -> PathBuf {
        self.directories[0].join("state.backup")
    }

    /// Works until it is over. There is a backup then, where any are made; links may be paused still.
    pub(crate) async fn work(&self, mut dice: Rng, over: &AtomicBool) -> Deeds {
        let mut deeds = Deeds::default();
        if self.has_backups {
            self.back_up(&mut deeds).await;
        }
        while !over.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(dice.u64(200..2_000))).await;
            if !self.has_backups || dice.bool() {
                self.pause_for_a_while(&mut dice, &mut deeds, over).await;
            } else if dice.u8(..KILLED) == 0 {
                self.kill_a_backup(&mut dice, &mut deeds).await;
            } else {
                self.back_up(&mut deeds).await;
            }
        }
        deeds
    }

    /// Resumes what is paused, beside a bridge that runs.
    pub(crate) async fn resume_all(&self) {
        for channel in channels() {
            let resumed = async {
                while self.change("resume", channel).await == Answer::None {
                    sleep(Duration::from_millis(50)).await;
                }
            };
            timeout(PATIENCE, resumed).await.expect("the bridge answers");
        }
    }

    /// Makes a backup, which knows all that was in the rooms when it began.
    async fn back_up(&self, deeds: &mut Deeds) {
        let arrived: Vec<String> = rooms()
            .into_iter()
            .flat_map(|room| self.stage.mirrored(room))
            .map(|arrival| arrival.text)
            .collect();
        let backup = self.begin_backup().await;
        let end = timeout(PATIENCE, backup.wait_with_output()).await.expect("it ends").unwrap();
        assert!(end.status.success(), "letsbridge backup: {end:?}");
        self.verify(arrived).await;
        deeds.backups += 1;
    }

    /// Kills a backup at some moment: the one before is still there, or a new one.
    async fn kill_a_backup(&self, dice: &mut Rng, deeds: &mut Deeds) {
        let mut backup = self.begin_backup().await;
        sleep(Duration::from_millis(dice.u64(..KILLED_AFTER_MS))).await;
        backup.kill().await.unwrap();
        self.verify(Vec::new()).await;
        deeds.killed_backups += 1;
    }

    async fn begin_backup(&self) -> Child {
        let file = self.backup_file();
        command(&self.directories[0], &["backup", "--force", &file.display().to_string()]).await
    }

    /// Holds the backup to what SQLite says of it, and to what has arrived in the rooms: the bridge knew that.
    async fn verify(&self, arrived: Vec<String>) {
        let file = self.backup_file();
        let read = move || {
            let connection =
                Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
            let one = |sql| connection.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
            assert_eq!(one("PRAGMA integrity_check"), "ok");
            assert_eq!(one("SELECT program FROM backup"), env!("CARGO_PKG_VERSION"));
            let mut bodies = connection.prepare("SELECT body FROM message").unwrap();
            let rows = bodies.query_map([], |row| row.get(0)).unwrap();
            let known: HashSet<String> = rows.map(Result::unwrap).collect();
            let lacking: Vec<_> = arrived.iter().filter(|it| !known.contains(*it)).collect();
            assert!(lacking.is_empty(), "the backup does not know what had arrived: {lacking:?}");
        };
        spawn_blocking(read).await.unwrap();
    }

    /// Pauses a link, and resumes it in this life of the bridge or in a later one.
    async fn pause_for_a_while(&self, dice: &mut Rng, deeds: &mut Deeds, over: &AtomicBool) {
        let all = channels();
        let channel = all[dice.usize(..all.len())];
        let mut is_paused = self.change("pause", channel).await == Answer::Changed;
        deeds.pauses += usize::from(is_paused);
        deeds.unanswered += usize::from(!is_paused);
        sleep(Duration::from_millis(dice.u64(..1_000))).await;
        while !over.load(Ordering::Relaxed) {
            match self.change("resume", channel).await {
                Answer::Changed => return,
                Answer::WasSo => {
                    assert!(!is_paused, "the bridge has forgotten that {channel} is paused");
                    return;
                }
                // Whether it is paused still is not known.
                Answer::None => is_paused = false,
            }
            deeds.unanswered += 1;
            sleep(Duration::from_millis(dice.u64(..200))).await;
        }
    }

    /// Asks a bridge to pause or resume the link of `channel`: of several nodes, the active one.
    async fn change(&self, what: &str, channel: &str) -> Answer {
        for directory in &self.directories {
            let end = run(directory, &[what, channel]).await;
            let (out, err) = (text(&end.stdout), text(&end.stderr));
            return match end.status.code() {
                Some(0) if out.contains(": was ") => Answer::WasSo,
                Some(0) => Answer::Changed,
                Some(1) if ELSEWHERE.iter().any(|words| err.contains(words)) => continue,
                Some(1) => Answer::None,
                _ => panic!("letsbridge {what}: {end:?}"),
            };
        }
        Answer::None
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs `letsbridge` with these arguments and the configuration in `directory`, until it ends.
pub(crate) async fn run(directory: &Path, arguments: &[&str]) -> Output {
    let child = command(directory, arguments).await;
    timeout(PATIENCE, child.wait_with_output()).await.expect("it ends").unwrap()
}

async fn command(directory: &Path, arguments: &[&str]) -> Child {
    let _doors = DOORS.lock().await;
    let child = Command::new(env!("CARGO_BIN_EXE_letsbridge"))
        .args(arguments)
        .arg("--config")
        .arg(directory.join("bridge.toml"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    become_the_program(child.id().expect("it was just started")).await;
    child
}
