//! Logs: text for people, with colours on a terminal, or a JSON object a line.

use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::log_limits::Limits;
use crate::config::{LogFormat, LogSettings};

/// Begins to log as `log` says; `RUST_LOG`, where it is set, says how much instead.
///
/// # Errors
/// When the filter is none.
pub(super) fn init(log: &LogSettings) -> Result<(), String> {
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
            let logger = builder.json().flatten_event(true).with_current_span(false).finish();
            logger.with(filter_fn(may_be_logged)).with(Limits::begin()).init();
            return Ok(());
        }
    };
    let logger = builder.with_ansi(colours).with_target(false).finish();
    logger.with(filter_fn(may_be_logged)).with(Limits::begin()).init();
    Ok(())
}

/// The websocket's library traces every frame: what people say, and the passwords of rooms.
fn may_be_logged(what: &Metadata<'_>) -> bool {
    *what.level() != Level::TRACE || !what.target().starts_with("tungstenite")
}
