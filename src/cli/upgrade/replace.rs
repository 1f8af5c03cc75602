//! Replaces this program by another one, in the same process.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::cli::log_limits;
use crate::net::passed_sockets;
use crate::service::HandedOver;

/// Starts `program` instead of this one, with the connections of `hand_over`. Returns only if that fails, and why; the
/// connections are still open then.
pub(in crate::cli) fn replace_program(
    program: &Path,
    config: &Path,
    hand_over: &HandedOver,
) -> io::Error {
    log_limits::tell(true);
    let packed = hand_over.pack().and_then(|end| passed_sockets::put_at_stdin(&end));
    let error = match packed {
        Ok(()) => {
            let mut command = Command::new(program);
            command.arg("run").arg("--config").arg(config).arg("--take-over").exec()
        }
        Err(error) => error,
    };
    // Nothing is to be received by this program.
    match passed_sockets::empty_stdin() {
        Ok(()) => error,
        Err(other) => other,
    }
}
