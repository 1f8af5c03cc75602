//! The program that is measured.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use letsbridge_testkit::systemd::says_all_joined;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixDatagram, UnixStream};

use crate::process::Process;

/// The program that is measured.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_letsbridge");

/// How long the program may take to be ready.
const READY_TIMEOUT: Duration = Duration::from_secs(120);

/// Prints which program is measured, and of which commit.
///
/// # Panics
/// When it was built beside another benchmark: a copied benchmark would measure the program of the tree
/// that it was copied from.
pub(crate) fn print_version() {
    let program = Path::new(PROGRAM).canonicalize().expect("the program is built");
    let benchmark = std::env::current_exe().unwrap().canonicalize().unwrap();
    // The benchmark is in `deps` of the directory that holds the program.
    assert_eq!(
        program.parent(),
        benchmark.parent().and_then(Path::parent),
        "the benchmark {} would measure the program of another tree",
        benchmark.display()
    );
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
        Command::new(PROGRAM)
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

/// A counter of the metrics of the program with this state.
pub(crate) async fn counter(state: &Path, name: &str) -> f64 {
    let mut socket = UnixStream::connect(state.join("control.sock")).await.unwrap();
    let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    socket.write_all(request).await.unwrap();
    let mut page = String::new();
    socket.read_to_string(&mut page).await.unwrap();
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no counter {name} in\n{page}"))
}
