//! What the commands have in common that read logs: how far they are, and Ctrl-C.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::migrate::plan::PlannedChannel;

/// How a bar looks whose work has a message, such as the name of a channel.
pub(super) const BYTES_AND_SPEED: &str =
    "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left  {msg}";

/// A bar for so many bytes, drawn as `template` says: on a terminal; nothing elsewhere.
pub(super) fn progress_bar(bytes: u64, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template);
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The bytes of the logs of a channel.
pub(super) fn log_bytes(channel: &PlannedChannel) -> u64 {
    let sizes = channel.files.iter().map(|file| fs::metadata(&file.path));
    sizes.map(|found| found.map_or(0, |found| found.len())).sum()
}

/// Ctrl-C only sets a flag, which is looked at now and then; a second one ends the program.
///
/// # Errors
/// If signals cannot be caught.
pub(super) fn catch_interrupts() -> io::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&flag))?;
        signal_hook::flag::register(signal, Arc::clone(&flag))?;
    }
    Ok(flag)
}
