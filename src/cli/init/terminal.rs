//! Asks questions on the terminal. A password is typed without echo.

use std::io::{self, BufRead, IsTerminal, Write};
use std::thread;

use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use secrecy::SecretString;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::sync::mpsc;

use super::arguments::yes_or_no;

/// The exit status after a signal: 128 plus SIGINT, as in shells.
pub(super) const EXIT_INTERRUPTED: u8 = 130;

/// Why `init` ends without a result.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InitError {
    /// By a signal, or by the end of the input.
    Interrupted,
    /// An argument is wrong or missing, or a file is in the way.
    Usage(String),
    /// Something does not work.
    Failed(String),
}

/// The terminal, if there is one.
pub(super) struct Terminal {
    /// The lines typed; `None` if nothing can be asked.
    lines: Option<mpsc::UnboundedReceiver<String>>,
}

impl Terminal {
    /// The terminal of this process. Without one on both sides, nothing can be asked.
    pub(super) fn open() -> Self {
        let talks = io::stdin().is_terminal() && io::stdout().is_terminal();
        Self { lines: talks.then(read_lines) }
    }

    /// Whether questions can be asked.
    pub(super) fn is_interactive(&self) -> bool {
        self.lines.is_some()
    }

    /// Asks `question`; an empty answer is `default`. Without a terminal, the answer is `default`.
    pub(super) async fn ask(
        &mut self,
        question: &str,
        default: Option<&str>,
    ) -> Result<String, InitError> {
        loop {
            match default {
                Some(default) if !default.is_empty() => {
                    prompt(&format!("{question} [{default}]: "));
                }
                _ => prompt(&format!("{question}: ")),
            }
            let line = self.read().await?;
            match (line.trim(), default) {
                ("", Some(default)) => return Ok(default.to_owned()),
                ("", None) => {}
                (answer, _) => return Ok(answer.to_owned()),
            }
        }
    }

    /// Asks a question that is answered with yes or no.
    pub(super) async fn confirm(
        &mut self,
        question: &str,
        default: bool,
    ) -> Result<bool, InitError> {
        loop {
            prompt(&format!("{question} [{}] ", if default { "Y/n" } else { "y/N" }));
            let line = self.read().await?;
            match (line.trim(), yes_or_no(&line)) {
                ("", _) => return Ok(default),
                (_, Ok(answer)) => return Ok(answer),
                (_, Err(help)) => println!("{help}"),
            }
        }
    }

    /// Asks for a secret, which is not shown.
    pub(super) async fn ask_secret(&mut self, question: &str) -> Result<SecretString, InitError> {
        loop {
            let hidden = HiddenInput::begin();
            prompt(&format!("{question} (it is not shown): "));
            let line = self.read().await;
            drop(hidden);
            println!();
            let line = line?;
            let secret = line.trim_end_matches(['\r', '\n']);
            if !secret.is_empty() {
                return Ok(secret.into());
            }
        }
    }

    async fn read(&mut self) -> Result<String, InitError> {
        let Some(lines) = &mut self.lines else { return Err(InitError::Interrupted) };
        lines.recv().await.ok_or(InitError::Interrupted)
    }
}

fn prompt(words: &str) {
    print!("{words}");
    // If the terminal is gone, the next read ends.
    let _ = io::stdout().flush();
}

/// Reads lines in a thread of its own, because a read of the terminal cannot be cancelled.
fn read_lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    spawn_thread("terminal", move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// The terminal does not show what is typed, until this is dropped.
struct HiddenInput {
    before: Option<Termios>,
}

impl HiddenInput {
    fn begin() -> Self {
        let before = termios::tcgetattr(io::stdin()).ok();
        if let Some(before) = &before {
            let mut hidden = before.clone();
            hidden.local_modes -= LocalModes::ECHO;
            // A terminal that cannot hide it shows it.
            let _ = termios::tcsetattr(io::stdin(), OptionalActions::Now, &hidden);
        }
        Self { before }
    }
}

impl Drop for HiddenInput {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = termios::tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

/// Receives the first SIGINT, SIGTERM or SIGHUP. A second one ends the program at once.
pub(super) fn listen_for_interrupts() -> mpsc::UnboundedReceiver<()> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).expect("signal handlers can be installed");
    let (sender, interrupts) = mpsc::unbounded_channel();
    spawn_thread("signals", move || {
        for (number, _) in signals.forever().enumerate() {
            if number > 0 || sender.send(()).is_err() {
                std::process::exit(EXIT_INTERRUPTED.into());
            }
        }
    });
    interrupts
}

fn spawn_thread(name: &str, work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().name(name.to_owned()).spawn(work).expect("a thread can be started");
}
