//! Limits the rate of log lines per call site, so that nobody can fill the disk.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// The period of the limit.
const WINDOW: Duration = Duration::from_secs(60);

/// How often suppressed lines are reported.
const LOOK: Duration = Duration::from_secs(5);

/// Each this many bytes of an event count as one more event.
const LONG: usize = 1_000;

/// The maximum number of events per call site and window.
fn most(level: Level) -> u64 {
    match level {
        Level::ERROR | Level::WARN => 10,
        Level::INFO => 200,
        // Debug logging is never limited.
        _ => u64::MAX,
    }
}

/// The counts per call site.
#[derive(Debug, Default)]
struct Counts(HashMap<Identifier, Count>);

#[derive(Debug)]
struct Count {
    begun: Instant,
    /// How much of `most` is used in this window.
    used: u64,
    most: u64,
    left_out: u64,
    what: String,
}

impl Counts {
    /// Counts an event. `what` is its content. Returns whether it may be logged.
    fn add(&mut self, metadata: &Metadata<'_>, what: impl FnOnce() -> Words, now: Instant) -> bool {
        let most = most(*metadata.level());
        if most == u64::MAX {
            return true;
        }
        let fresh = || Count { begun: now, used: 0, most, left_out: 0, what: String::new() };
        let count = self.0.entry(metadata.callsite()).or_insert_with(fresh);
        // Events over the limit are counted until they are reported, even after the window.
        if now.duration_since(count.begun) >= WINDOW && count.left_out == 0 {
            *count = fresh();
        }
        let logged = count.used < count.most;
        if logged {
            count.used += 1 + (what().bytes / LONG) as u64;
        } else {
            if count.left_out == 0 {
                count.what = what().message;
            }
            count.left_out += 1;
        }
        logged
    }

    /// Removes and returns the counts of suppressed events with their messages: of windows that are over, or
    /// all of them if `at_once`.
    fn take(&mut self, now: Instant, at_once: bool) -> Vec<(u64, String)> {
        let over = |count: &Count| at_once || now.duration_since(count.begun) >= WINDOW;
        let over: Vec<Count> =
            self.0.extract_if(|_, count| over(count)).map(|(_, count)| count).collect();
        let more = over.into_iter().filter(|count| count.left_out > 0);
        more.map(|count| (count.left_out, count.what)).collect()
    }
}

static COUNTS: Mutex<Option<Counts>> = Mutex::new(None);

fn with_counts<T>(work: impl FnOnce(&mut Counts) -> T) -> T {
    let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    work(counts.get_or_insert_default())
}

/// A layer that drops events over the limit and counts them.
#[derive(Debug)]
pub(super) struct Limits;

impl Limits {
    /// Starts the thread that reports suppressed events.
    pub(super) fn begin() -> Self {
        let look = || {
            loop {
                thread::sleep(LOOK);
                tell(false);
            }
        };
        // Without the thread, they are reported at exit.
        let _ = thread::Builder::new().name("log".to_owned()).spawn(look);
        Self
    }
}

impl<S: Subscriber> Layer<S> for Limits {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let what = || {
            let mut fields = Words::default();
            event.record(&mut fields);
            fields
        };
        with_counts(|counts| counts.add(event.metadata(), what, Instant::now()))
    }
}

/// Logs how many events were suppressed.
pub(super) fn tell(at_once: bool) {
    let left_out = with_counts(|counts| counts.take(Instant::now(), at_once));
    for (count, what) in left_out {
        tracing::warn!("suppressed {count} more events like: {what}");
    }
}

/// The content of an event.
#[derive(Debug, Default)]
struct Words {
    /// The message, without the fields.
    message: String,
    /// The size of the message and all fields, in bytes.
    bytes: usize,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let text = format!("{value:?}");
        self.bytes += text.len();
        if field.name() == "message" {
            self.message = text;
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::callsite::DefaultCallsite;
    use tracing::field::FieldSet;
    use tracing::metadata::Kind;

    use super::*;

    static CALLSITE: DefaultCallsite = DefaultCallsite::new(&META);
    static META: Metadata<'static> = Metadata::new(
        "event",
        "letsbridge",
        Level::WARN,
        None,
        None,
        None,
        FieldSet::new(&["message"], Identifier(&CALLSITE)),
        Kind::EVENT,
    );

    #[test]
    fn of_a_million_of_a_kind_ten_are_logged_and_the_others_counted() {
        let (mut counts, now) = (Counts::default(), Instant::now());
        let what = || Words { message: "nonsense".to_owned(), bytes: 100 };
        let logged = (0..1_000_000).filter(|_| counts.add(&META, what, now)).count();
        assert_eq!(logged, 10);
        assert_eq!(counts.take(now + WINDOW / 2, false), []);
        assert!(!counts.add(&META, what, now + WINDOW), "not before they are told of");
        assert_eq!(counts.take(now + WINDOW, false), [(999_991, "nonsense".to_owned())]);
        assert!(counts.add(&META, what, now + WINDOW));
        assert_eq!(counts.take(now + WINDOW, true), []);
    }

    #[test]
    fn rare_line_is_always_logged() {
        let (mut counts, now) = (Counts::default(), Instant::now());
        for minute in 0..100 {
            assert!(counts.add(&META, Words::default, now + WINDOW * minute));
        }
    }

    #[test]
    fn long_lines_are_logged_less_often() {
        let (mut counts, now) = (Counts::default(), Instant::now());
        let what = || Words { message: String::new(), bytes: 15_000 };
        let logged = (0..100).filter(|_| counts.add(&META, what, now)).count();
        assert_eq!(logged, 1);
        assert_eq!(counts.take(now + WINDOW, false), [(99, String::new())]);
    }
}
