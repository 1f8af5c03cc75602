//! A program while it runs, and what the system says of it.

use std::fs;
use std::process::{Child, Command, ExitStatus};
use std::sync::Mutex;
use std::time::Duration;

/// How often to look whether the program still runs.
const EXIT_INTERVAL: Duration = Duration::from_millis(200);

/// A program, as long as it runs.
pub(crate) struct Process(Mutex<Child>);

/// What a process has written, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Written {
    /// By its calls to the system that write into files.
    pub(crate) by_calls: u64,
    /// As whole pages that the system has to bring to the disk.
    pub(crate) to_disk: u64,
}

impl Process {
    /// Starts it.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        Self(Mutex::new(command.spawn().unwrap()))
    }

    /// The output of `work`, for which the program must run on.
    ///
    /// # Panics
    /// When the program exits before; what it has written to stderr is above that.
    pub(crate) async fn while_running<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            done = work => done,
            status = self.exited() => panic!("the program exited: {status}"),
        }
    }

    async fn exited(&self) -> ExitStatus {
        loop {
            tokio::time::sleep(EXIT_INTERVAL).await;
            if let Some(status) = self.0.lock().unwrap().try_wait().unwrap() {
                return status;
            }
        }
    }

    /// Kills it, as `kill -9` does.
    pub(crate) fn kill(&self) {
        let mut child = self.0.lock().unwrap();
        // It is gone already where it has failed, which was told.
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Its resident memory, in kilobytes.
    pub(crate) fn memory(&self) -> u64 {
        self.number("status", "VmRSS:")
    }

    /// The most that it ever was.
    pub(crate) fn peak(&self) -> u64 {
        self.number("status", "VmHWM:")
    }

    /// What it has written.
    pub(crate) fn written(&self) -> Written {
        Written {
            by_calls: self.number("io", "wchar:"),
            to_disk: self.number("io", "write_bytes:"),
        }
    }

    /// The processor time that its threads have used, to the nanosecond.
    pub(crate) fn cpu(&self) -> Duration {
        let threads = fs::read_dir(format!("/proc/{}/task", self.id())).unwrap();
        let nanoseconds = |thread: fs::DirEntry| {
            // A thread may have ended since.
            let times = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
            times.split(' ').next().and_then(|time| time.parse::<u64>().ok()).unwrap_or_default()
        };
        Duration::from_nanos(threads.map(|thread| nanoseconds(thread.unwrap())).sum())
    }

    fn number(&self, file: &str, field: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.id())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    fn id(&self) -> u32 {
        self.0.lock().unwrap().id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
