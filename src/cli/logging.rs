//! Logs: text for people, with colours on a terminal, or a JSON object a line.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Log, LogFormat};

/// Begins to log as `log` says; `RUST_LOG`, where it is set, says how much instead.
///
/// # Errors
/// When the filter is none.
pub(super) fn begin(log: &Log) -> Result<(), String> {
    let written = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|level| !level.is_empty());
    let (key, level) = match &written {
        Some(level) => (EnvFilter::DEFAULT_ENV, level),
        None => ("log.level", &log.level),
    };
    let filter = EnvFilter::builder().parse(level).map_err(|error| {
        format!("{key}: {level:?} is no filter ({error}); write it like \"info\"")
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let colours = match log.format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => {
            builder.json().flatten_event(true).with_current_span(false).finish().init();
            return Ok(());
        }
    };
    builder.with_ansi(colours).with_target(false).finish().init();
    Ok(())
}
