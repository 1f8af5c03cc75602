//! Passes the warnings and errors of the log on to the status, before the log's limits.

use std::fmt::{self, Write};

use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::admin::{Gravity, LoggedWarning, RecentWarnings};

/// The fields that say what a warning is about.
const SUBJECTS: [&str; 5] = ["network", "peer", "link", "endpoint", "channel"];

/// The fields that say why.
const REASONS: [&str; 2] = ["reason", "error"];

/// A field is cut after this many bytes.
const MAX_FIELD: usize = 1_000;

/// A layer that passes warnings and errors on. It must be the outermost: those within may leave some out.
#[derive(Debug)]
pub(super) struct WarningLayer(pub(super) RecentWarnings);

impl<S: Subscriber> Layer<S> for WarningLayer {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let gravity = match *event.metadata().level() {
            Level::ERROR => Gravity::Error,
            Level::WARN => Gravity::Warning,
            _ => return true,
        };
        let metadata = event.metadata();
        let place = (metadata.target(), metadata.line().unwrap_or_default());
        self.0.note(place, gravity, Timestamp::now(), || {
            let mut words = Phrases::default();
            event.record(&mut words);
            words.into_warning()
        });
        true
    }
}

/// The fields of an event, by what they say.
#[derive(Debug, Default)]
struct Phrases {
    message: String,
    subject: String,
    reason: String,
    others: String,
}

impl Phrases {
    fn into_warning(self) -> LoggedWarning {
        let Self { message: mut text, subject, reason, others } = self;
        if !reason.is_empty() {
            let _ = write!(text, ": {reason}");
        }
        if !others.is_empty() {
            let _ = write!(text, " ({others})");
        }
        LoggedWarning { subject, text }
    }

    fn add(&mut self, field: &Field, mut value: String) {
        let list = match field.name() {
            "message" => &mut self.message,
            name if SUBJECTS.contains(&name) => &mut self.subject,
            name if REASONS.contains(&name) => &mut self.reason,
            // A place in the code says nothing to an administrator.
            name if name.starts_with("log.") || name == "backtrace" => return,
            name => {
                value.insert_str(0, &format!("{}: ", name.replace('_', " ")));
                &mut self.others
            }
        };
        if list.len() > MAX_FIELD {
            return;
        }
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push_str(&value);
    }
}

impl Visit for Phrases {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value[..value.floor_char_boundary(MAX_FIELD)].to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = CutText(String::new());
        // Its end is missing then.
        let _ = write!(text, "{value:?}");
        self.add(field, text.0);
    }
}

/// A text that takes no more than [`MAX_FIELD`] bytes.
struct CutText(String);

impl Write for CutText {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let room = MAX_FIELD.saturating_sub(self.0.len());
        let fits = piece.floor_char_boundary(room);
        self.0.push_str(&piece[..fits]);
        if fits < piece.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use tracing::subscriber::with_default;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::registry;

    use super::*;

    /// A layer that leaves everything out, as the limits of the log do.
    struct Silence;

    impl<S: Subscriber> Layer<S> for Silence {
        fn event_enabled(&self, _: &Event<'_>, _: Context<'_, S>) -> bool {
            false
        }
    }

    #[test]
    fn warnings_are_kept_though_the_log_leaves_them_out() {
        let warnings = RecentWarnings::default();
        let logger = registry().with(Silence).with(WarningLayer(warnings.clone()));
        with_default(logger, || {
            tracing::info!("nothing");
            for seconds in 1..=2 {
                tracing::warn!(network = "libera", reason = %"no route", retry_in = ?seconds, "cannot connect");
            }
            tracing::error!(error = "disk full", "fatal error");
        });
        let shown = format!("{warnings:?}");
        for piece in [
            r#"subject: "libera", text: "cannot connect: no route (retry in: 2)""#,
            "count: 2",
            r#"text: "fatal error: disk full""#,
        ] {
            assert!(shown.contains(piece), "{piece}: {shown}");
        }
        assert!(!shown.contains("nothing"));
    }
}
