//! Handles the signals that stop the program, in a thread of its own: it works even if everything else is
//! stuck.

use std::process;
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::sync::mpsc;

/// The exit status after a second signal: 128 plus SIGINT, as in shells.
const EXIT_INTERRUPTED: i32 = 130;

/// How long after `shutdown_timeout` the program exits, even if something is stuck. `docs/operations.md`
/// promises two seconds.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(1_700);

/// The step of the shutdown countdown. If the machine sleeps, at most this much of the sleep counts.
const BEAT: Duration = Duration::from_millis(500);

/// How long to wait for the last log line before exiting.
const LOG_TIMEOUT: Duration = Duration::from_millis(100);

/// SIGTERM and SIGINT: the first one requests a shutdown, the second one exits at once. SIGHUP is ignored.
pub(super) struct ShutdownSignal {
    requests: mpsc::UnboundedReceiver<()>,
}

impl ShutdownSignal {
    /// Installs the signal handlers. After the first signal, deliveries in flight have `settle` to finish.
    pub(super) fn listen(settle: Duration) -> Self {
        let signals =
            Signals::new([SIGTERM, SIGINT, SIGHUP]).expect("signal handlers can be installed");
        let (sender, asked) = mpsc::unbounded_channel();
        spawn_thread("signals", move || listen(signals, settle, &sender));
        Self { requests: asked }
    }

    /// Waits until a shutdown is requested.
    pub(super) async fn recv(&mut self) {
        if self.requests.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

fn listen(mut signals: Signals, settle: Duration, asked: &mpsc::UnboundedSender<()>) {
    let mut stopping = false;
    for signal in signals.forever() {
        if signal == SIGHUP {
            // In another thread: if the log pipe is full, logging blocks, and the next signal must still work.
            spawn_thread("log", || {
                tracing::info!("SIGHUP ignored; restart the bridge to reload its configuration");
            });
        } else if std::mem::replace(&mut stopping, true) {
            process::exit(EXIT_INTERRUPTED);
        } else {
            // This fails if the program is exiting already.
            let _ = asked.send(());
            spawn_thread("watchdog", move || exit_after(settle));
        }
    }
}

/// Exits after `settle` and the grace period. Everything received is on disk; the next start continues
/// from there.
fn exit_after(settle: Duration) {
    let mut left = settle.saturating_add(SHUTDOWN_GRACE);
    // Time while the process was suspended does not count.
    while !left.is_zero() {
        let beat = left.min(BEAT);
        thread::sleep(beat);
        left -= beat;
    }
    spawn_thread("log", || {
        tracing::warn!(
            "shutdown timed out; exiting without closing connections. The next start continues from here"
        );
    });
    thread::sleep(LOG_TIMEOUT);
    process::exit(0);
}

fn spawn_thread(name: &str, work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().name(name.to_owned()).spawn(work).expect("a thread can be started");
}
