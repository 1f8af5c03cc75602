//! The program on a terminal: what it asks, what is typed, and what is shown of that.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use crate::program::soon;

/// A running program, and the other end of its terminal. Killed when dropped.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    screen: mpsc::UnboundedReceiver<Vec<u8>>,
    /// All that was shown.
    shown: String,
    /// What of that has been looked at.
    seen: usize,
}

impl Terminal {
    pub(crate) fn start(mut command: Command) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let open = || -> OwnedFd {
            rustix::fs::open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap()
        };
        command.stdin(open()).stdout(open()).stderr(open());
        let child = command.spawn().unwrap();
        // The descriptors of the program's end are closed with it, so that reading ends.
        drop(command);
        let keyboard = File::from(ours);
        let mut reader = keyboard.try_clone().unwrap();
        let (sender, screen) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while let Ok(count) = reader.read(&mut bytes)
                && count > 0
                && sender.send(bytes[..count].to_vec()).is_ok()
            {}
        });
        Self { child, keyboard, screen, shown: String::new(), seen: 0 }
    }

    /// Waits until `words` are shown, after those that were waited for before.
    pub(crate) async fn shows(&mut self, words: &str) {
        loop {
            if let Some(at) = self.shown[self.seen..].find(words) {
                self.seen += at + words.len();
                return;
            }
            let more = soon(words, self.screen.recv()).await;
            let Some(more) = more else { panic!("never showed {words:?}:\n{}", self.shown) };
            self.shown += &String::from_utf8_lossy(&more);
        }
    }

    /// Waits for a question, and answers it.
    pub(crate) async fn answers(&mut self, question: &str, answer: &str) {
        self.shows(question).await;
        self.keyboard.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }

    /// Whether what is typed is shown.
    pub(crate) fn echoes(&self) -> bool {
        tcgetattr(&self.keyboard).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Sends it SIGINT, as Ctrl-C does.
    pub(crate) fn signal_interrupt(&self) {
        let pid = self.child.id().expect("it runs").try_into().unwrap();
        kill_process(Pid::from_raw(pid).expect("not 0"), Signal::INT).unwrap();
    }

    /// Waits until it has ended; its exit code, and all that was shown.
    pub(crate) async fn ends(mut self) -> (Option<i32>, String) {
        let status = soon("its end", self.child.wait()).await.unwrap();
        while let Some(more) = soon("the end of what it shows", self.screen.recv()).await {
            self.shown += &String::from_utf8_lossy(&more);
        }
        (status.code(), self.shown)
    }
}
