//! Exits the program after a panic in any thread or task.
//!
//! `panic = "abort"` alone, with which a release is built, would leave a core file with tokens and messages in it, and
//! nothing in a JSON log. Watching each task could miss one, and half a bridge would keep running.

use std::backtrace::Backtrace;
use std::panic;
use std::process;
use std::thread;

/// The exit status after a panic, the same as Rust's own.
const EXIT_PANIC: i32 = 101;

/// The exit status when the standard output cannot be written.
const EXIT_NOT_PRINTED: i32 = 1;

/// Installs a panic hook that logs the panic with its backtrace and exits the program.
pub(super) fn exit_on_panic() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if let Some(problem) = print_error(info) {
            // Nobody reads on, as behind `| head`: that is no bug.
            if !problem.contains("Broken pipe") {
                eprintln!("cannot write to standard output ({problem})");
            }
            process::exit(EXIT_NOT_PRINTED);
        }
        if tracing::dispatcher::has_been_set() {
            let backtrace = Backtrace::force_capture();
            let thread = thread::current();
            let thread = thread.name().unwrap_or("unnamed");
            tracing::error!(
                thread,
                %backtrace,
                "panic: {info}; no received message is lost. Restart the bridge, and please report this bug"
            );
        } else {
            usual(info);
        }
        process::exit(EXIT_PANIC);
    }));
}

/// Why the standard output could not be written, if that is what this panic is about.
fn print_error(info: &panic::PanicHookInfo<'_>) -> Option<String> {
    let message = info.payload_as_str()?.strip_prefix("failed printing to stdout: ")?;
    Some(message.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::process::{Command, Stdio};

    use super::*;

    /// The environment variable that tells the child process which test is to panic.
    const CHILD: &str = "LETSBRIDGE_TEST_PANICS_IN";

    /// Runs the calling test again in a child process, which runs `panics` and then waits forever.
    fn ends(kind: &str, panics: impl FnOnce()) {
        let name = format!("cli::panic::tests::panic_in_a_{kind}_ends_the_program");
        if std::env::var(CHILD).is_ok_and(|wanted| wanted == kind) {
            let json = tracing_subscriber::fmt().json().with_writer(std::io::stderr);
            tracing::subscriber::set_global_default(json.finish()).unwrap();
            exit_on_panic();
            panics();
            loop {
                thread::park();
            }
        }
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &name, "--nocapture"])
            .env(CHILD, kind)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&child.stderr);
        assert_eq!(child.status.code(), Some(EXIT_PANIC), "{log}");
        let event = log.lines().find(|line| line.contains("please report this bug"));
        let event: serde_json::Value = serde_json::from_str(event.unwrap()).unwrap();
        let said = event["fields"]["message"].as_str().unwrap();
        assert!(said.contains("panic.rs") && said.contains("the tea is cold"), "{said}");
        let backtrace = event["fields"]["backtrace"].as_str().unwrap();
        assert!(backtrace.contains("std::panicking") || backtrace.contains("panic"), "{backtrace}");
    }

    #[test]
    fn panic_in_a_thread_ends_the_program() {
        ends("thread", || {
            thread::spawn(|| panic!("the tea is cold"));
        });
    }

    #[test]
    fn panic_in_a_task_ends_the_program() {
        ends("task", || {
            let runtime = crate::cli::run::build_runtime();
            runtime.spawn(async { panic!("the tea is cold") });
            std::mem::forget(runtime);
        });
    }
}
