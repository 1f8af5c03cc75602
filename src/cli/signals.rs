//! Handles the signals that stop the program or reload its configuration, in a thread of its own: it works even if
//! everything else is stuck.

use std::process;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::sync::watch;

/// The exit status after a second signal: 128 plus SIGINT, as in shells.
const EXIT_INTERRUPTED: i32 = 130;

/// How long after `shutdown_timeout` the program exits, even if something is stuck. `docs/operations.md`
/// promises two seconds.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(1_700);

/// The step of the shutdown countdown. If the machine sleeps, at most this much of the sleep counts.
const BEAT: Duration = Duration::from_millis(500);

/// How long to wait for the last log line before exiting.
const LOG_TIMEOUT: Duration = Duration::from_millis(100);

/// SIGTERM and SIGINT: the first one requests a shutdown, the second one exits at once. SIGHUP requests a reload.
pub(super) struct ProgramSignals {
    stop: watch::Receiver<bool>,
    /// How long deliveries in flight have to finish at shutdown.
    settle: Arc<Mutex<Duration>>,
}

impl ProgramSignals {
    /// Installs the signal handlers. After the first signal to stop, deliveries in flight have `settle` to finish. Each
    /// SIGHUP calls `reload`, which must not block.
    pub(super) fn listen(settle: Duration, reload: impl Fn() + Send + 'static) -> Self {
        let signals =
            Signals::new([SIGTERM, SIGINT, SIGHUP]).expect("signal handlers can be installed");
        let (sender, stop) = watch::channel(false);
        let settle = Arc::new(Mutex::new(settle));
        let shared = Arc::clone(&settle);
        spawn_thread("signals", move || listen(signals, &shared, &sender, reload));
        Self { stop, settle }
    }

    /// Waits until a shutdown is requested. May be dropped and called again.
    pub(super) async fn wait_stop(&mut self) {
        if self.stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether a shutdown is requested.
    pub(super) fn is_stop_requested(&self) -> bool {
        *self.stop.borrow()
    }

    /// Deliveries in flight have this long to finish from now on.
    pub(super) fn set_settle(&self, settle: Duration) {
        *self.settle.lock().unwrap_or_else(PoisonError::into_inner) = settle;
    }
}

fn listen(
    mut signals: Signals,
    settle: &Mutex<Duration>,
    stop: &watch::Sender<bool>,
    reload: impl Fn(),
) {
    for signal in signals.forever() {
        if signal == SIGHUP {
            reload();
        } else if stop.send_replace(true) {
            process::exit(EXIT_INTERRUPTED);
        } else {
            let settle = *settle.lock().unwrap_or_else(PoisonError::into_inner);
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
