//! Sets up logging: text, with colours on a terminal, or JSON with one object per line. What is logged can change while
//! the program runs.

use std::fmt;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

use super::log_limits::Limits;
use super::recent_warnings::WarningLayer;
use crate::admin::{LogLevelControl, RecentWarnings};
use crate::config;
use crate::config::{LogOutput, LogSettings};

/// Replaces the filter of the running logger.
type ReplaceFilter = Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>;

/// What is logged, which can change while the program runs. Clones are the same.
#[derive(Clone)]
pub(super) struct LogLevel {
    inner: Arc<LogLevelInner>,
}

struct LogLevelInner {
    replace: ReplaceFilter,
    current: Mutex<String>,
    /// Whether `RUST_LOG` overrides the configuration.
    is_by_environment: bool,
    warnings: RecentWarnings,
}

/// Starts logging with the settings `log`. If `RUST_LOG` is set, it overrides the level.
///
/// # Errors
/// When the filter is invalid.
pub(super) fn init(log: &LogSettings) -> Result<LogLevel, String> {
    let written = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|level| !level.is_empty());
    let (key, level) = match &written {
        Some(level) => (EnvFilter::DEFAULT_ENV, level),
        None => ("log.level", &log.level),
    };
    let filter = parse(level).map_err(|error| format!("{key}: {error}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let warnings = RecentWarnings::default();
    let recent = WarningLayer(warnings.clone());
    let colours = match log.format {
        LogOutput::Auto => std::io::stderr().is_terminal(),
        LogOutput::Human => true,
        LogOutput::Json => {
            let builder = builder.json().flatten_event(true).with_current_span(false);
            let builder = builder.with_filter_reloading();
            let handle = builder.reload_handle();
            let logger = builder.finish();
            logger.with(filter_fn(may_be_logged)).with(Limits::begin()).with(recent).init();
            let replace = Box::new(move |filter| handle.reload(filter));
            return Ok(LogLevel::new(replace, level, written.is_some(), warnings));
        }
    };
    let builder = builder.with_ansi(colours).with_target(false).with_filter_reloading();
    let handle = builder.reload_handle();
    let logger = builder.finish();
    logger.with(filter_fn(may_be_logged)).with(Limits::begin()).with(recent).init();
    let replace = Box::new(move |filter| handle.reload(filter));
    Ok(LogLevel::new(replace, level, written.is_some(), warnings))
}

impl LogLevel {
    fn new(
        replace: ReplaceFilter,
        level: &str,
        is_by_environment: bool,
        warnings: RecentWarnings,
    ) -> Self {
        let current = Mutex::new(level.to_owned());
        Self { inner: Arc::new(LogLevelInner { replace, current, is_by_environment, warnings }) }
    }

    /// The latest warnings and errors, with those that the limits of the log leave out.
    pub(super) fn warnings(&self) -> RecentWarnings {
        self.inner.warnings.clone()
    }

    /// The configuration was read again: its level counts from now on, unless `RUST_LOG` overrides it.
    ///
    /// # Errors
    /// When the filter is invalid.
    pub(super) fn apply(&self, log: &LogSettings) -> Result<(), String> {
        match self.inner.is_by_environment {
            true => Ok(()),
            false => self.set_level(&log.level),
        }
    }
}

impl LogLevelControl for LogLevel {
    fn level(&self) -> String {
        self.inner.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_level(&self, level: &str) -> Result<(), String> {
        config::check_log_filter(level)?;
        let filter = parse(level)?;
        let mut current = self.inner.current.lock().unwrap_or_else(PoisonError::into_inner);
        (self.inner.replace)(filter).map_err(|error| format!("the log cannot change ({error})"))?;
        level.clone_into(&mut current);
        Ok(())
    }
}

impl fmt::Debug for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogLevel").field(&self.level()).finish()
    }
}

fn parse(level: &str) -> Result<EnvFilter, String> {
    EnvFilter::builder().parse(level).map_err(|error| {
        format!("{level:?} is not a log filter ({error}); use a level like \"info\"")
    })
}

/// Filters out the traces of tungstenite: they contain every frame, with messages and room passwords.
fn may_be_logged(what: &Metadata<'_>) -> bool {
    *what.level() != Level::TRACE || !what.target().starts_with("tungstenite")
}
