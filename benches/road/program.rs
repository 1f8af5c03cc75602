//! The program that is measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::RwLock;
use std::time::{Duration, Instant};

use letsbridge_testkit::systemd::says_all_joined;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixDatagram, UnixStream};

use crate::process::Process;

/// The program that was built with this benchmark.
const BUILT: &str = env!("CARGO_BIN_EXE_letsbridge");

/// Another program, which is measured instead.
static OTHER: RwLock<Option<PathBuf>> = RwLock::new(None);

/// How long the program may take to be ready.
const READY_TIMEOUT: Duration = Duration::from_secs(120);

/// The program that is measured.
pub(crate) fn measured() -> PathBuf {
    OTHER.read().unwrap().clone().unwrap_or_else(|| BUILT.into())
}

/// Measures this program from now on, or the one that was built with this benchmark.
pub(crate) fn measure(other: Option<PathBuf>) {
    *OTHER.write().unwrap() = other;
    print_version();
}

/// Prints which program is measured, and of which commit.
///
/// # Panics
/// When the built one was built beside another benchmark: a copied benchmark would measure the program of the tree
/// that it was copied from.
fn print_version() {
    let built = Path::new(BUILT).canonicalize().expect("the program is built");
    let benchmark = std::env::current_exe().unwrap().canonicalize().unwrap();
    // The benchmark is in `deps` of the directory that holds the program.
    assert_eq!(
        built.parent(),
        benchmark.parent().and_then(Path::parent),
        "the benchmark {} would measure the program of another tree",
        benchmark.display()
    );
    let program = measured();
    let version = Command::new(&program).arg("--version").output().unwrap();
    let version = String::from_utf8_lossy(&version.stdout);
    let version: Vec<&str> = version.lines().take(2).collect();
    println!("Measured is {}: {}.", program.display(), version.join(", "));
}

/// Starts it with the configuration in `directory`, and waits until all links are up. How long that took.
pub(crate) async fn start(directory: &Path) -> (Process, Duration) {
    let socket = directory.join("notify");
    // That of an earlier start, if there was one.
    let _ = fs::remove_file(&socket);
    let notices = UnixDatagram::bind(&socket).unwrap();
    let began = Instant::now();
    let program = Process::spawn(
        Command::new(measured())
            .args(["run", "--config"])
            .arg(directory.join("bridge.toml"))
            .env("NOTIFY_SOCKET", socket)
            .env("RUST_LOG", "error"),
    );
    let ready = tokio::time::timeout(READY_TIMEOUT, ready(&notices));
    program.while_running(ready).await.expect("the program is ready in time");
    (program, began.elapsed())
}

/// A node that waits for its turn has started, but has joined nothing.
async fn ready(notices: &UnixDatagram) {
    let mut notice = [0; 1_024];
    let (mut has_started, mut has_joined) = (false, false);
    while !(has_started && has_joined) {
        let length = notices.recv(&mut notice).await.unwrap();
        let notice = String::from_utf8_lossy(&notice[..length]);
        has_started |= notice.lines().any(|line| line == "READY=1");
        has_joined |= notice.lines().any(says_all_joined);
    }
}

/// A counter of the metrics of the program with this state, if it has one of this name.
pub(crate) async fn counter(state: &Path, name: &str) -> Option<f64> {
    let mut socket = UnixStream::connect(state.join("control.sock")).await.unwrap();
    let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    socket.write_all(request).await.unwrap();
    let mut page = String::new();
    socket.read_to_string(&mut page).await.unwrap();
    page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}
