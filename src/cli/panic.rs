//! A panic in any thread or task ends the program.
//!
//! Not by `panic = "abort"`: that leaves a core file, with tokens and people's words in it, where those
//! are kept, and nothing in a log that is JSON. Nor by watching each task: one that is forgotten would
//! go on as half a bridge.

use std::backtrace::Backtrace;
use std::panic;
use std::process;
use std::thread;

/// What a panic exits with, as that of a program of one thread does.
const PANICKED: i32 = 101;

/// Ends the program on the first panic, with what happened and the backtrace in the log.
pub(super) fn end_the_program() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if tracing::dispatcher::has_been_set() {
            let backtrace = Backtrace::force_capture();
            let thread = thread::current();
            let thread = thread.name().unwrap_or("unnamed");
            tracing::error!(
                thread,
                %backtrace,
                "a bug in letsbridge ends it: {info}; nothing that was heard is lost, start it again, and \
                 please report this"
            );
        } else {
            usual(info);
        }
        process::exit(PANICKED);
    }));
}
