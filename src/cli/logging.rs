//! Sets up logging: text, with colours on a terminal, or JSON with one object per line.

use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::log_limits::Limits;
use super::recent_warnings::WarningLayer;
use crate::admin::RecentWarnings;
use crate::config::{LogFormat, LogSettings};

/// Starts logging with the settings `log`. If `RUST_LOG` is set, it overrides the level. Warnings and errors also go to
/// `warnings`, even those that the limits of the log leave out.
///
/// # Errors
/// When the filter is invalid.
pub(super) fn init(log: &LogSettings, warnings: &RecentWarnings) -> Result<(), String> {
    let written = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|level| !level.is_empty());
    let (key, level) = match &written {
        Some(level) => (EnvFilter::DEFAULT_ENV, level),
        None => ("log.level", &log.level),
    };
    let filter = EnvFilter::builder().parse(level).map_err(|error| {
        format!("{key}: {level:?} is not a log filter ({error}); use a level like \"info\"")
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let recent = WarningLayer(warnings.clone());
    let colours = match log.format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => {
            let logger = builder.json().flatten_event(true).with_current_span(false).finish();
            logger.with(filter_fn(may_be_logged)).with(Limits::begin()).with(recent).init();
            return Ok(());
        }
    };
    let logger = builder.with_ansi(colours).with_target(false).finish();
    logger.with(filter_fn(may_be_logged)).with(Limits::begin()).with(recent).init();
    Ok(())
}

/// Filters out the traces of tungstenite: they contain every frame, with messages and room passwords.
fn may_be_logged(what: &Metadata<'_>) -> bool {
    *what.level() != Level::TRACE || !what.target().starts_with("tungstenite")
}
