//! The signals that stop the program. They have the first word: a thread of the system's waits for
//! them, and nothing that is stuck elsewhere keeps it.

use std::process;
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::sync::mpsc;

/// What a second signal exits with, as a shell would show it.
const EXIT_INTERRUPTED: i32 = 130;

/// How long after the time that is allowed for settling the program ends, whatever is stuck: before
/// the two seconds are over that the README promises.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(1_700);

/// Who was stopped while asleep has slept for no longer than this.
const BEAT: Duration = Duration::from_millis(500);

/// How long a last line of the log may take.
const LOG_TIMEOUT: Duration = Duration::from_millis(100);

/// SIGTERM and SIGINT: the first asks to stop, the second ends the program at once. SIGHUP is ignored.
pub(super) struct ShutdownSignal {
    requests: mpsc::UnboundedReceiver<()>,
}

impl ShutdownSignal {
    /// Listens from now on. What is under way when the first comes may take `settle`.
    pub(super) fn listen(settle: Duration) -> Self {
        let signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).expect("signals can be listened to");
        let (sender, asked) = mpsc::unbounded_channel();
        spawn_thread("signals", move || listen(signals, settle, &sender));
        Self { requests: asked }
    }

    /// Waits until somebody asks to stop.
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
            // By another thread: a log that nobody reads must not keep us from the next signal.
            spawn_thread("log", || {
                tracing::info!("SIGHUP is ignored: restart the bridge for a changed configuration");
            });
        } else if std::mem::replace(&mut stopping, true) {
            process::exit(EXIT_INTERRUPTED);
        } else {
            // Nobody waits for it any more when the program ends already.
            let _ = asked.send(());
            spawn_thread("watchdog", move || exit_after(settle));
        }
    }
}

/// Ends the program when it has had its time. All that it has heard is on the disk: the next start goes
/// on from there.
fn exit_after(settle: Duration) {
    let mut left = settle.saturating_add(SHUTDOWN_GRACE);
    // Time in which the program stood still does not count.
    while !left.is_zero() {
        let beat = left.min(BEAT);
        thread::sleep(beat);
        left -= beat;
    }
    spawn_thread("log", || {
        tracing::warn!(
            "something is stuck: ending without a goodbye; the next start goes on from here"
        );
    });
    thread::sleep(LOG_TIMEOUT);
    process::exit(0);
}

fn spawn_thread(name: &str, work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().name(name.to_owned()).spawn(work).expect("a thread can be started");
}
