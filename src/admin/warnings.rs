//! The latest warnings and errors of the log, for the status.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::remedies::remedy_for;
use super::report::WarningView;

/// How many kinds of warnings are kept; the one that was logged longest ago gives way.
const MAX_KINDS: usize = 50;

/// The longest text of a warning, in bytes.
const MAX_TEXT: usize = 600;

/// Of one kind, at most so many are looked at in a second; the others are only counted.
const MAX_PER_SECOND: u32 = 5;

/// The latest warnings and errors of the log: one of each kind, with how often it was logged. At most 50 kinds of some
/// 600 bytes. The log's limits do not apply: what they leave out is counted, too.
#[derive(Debug, Clone, Default)]
pub struct RecentWarnings {
    kinds: Arc<Mutex<Vec<Kind>>>,
}

/// How grave a line of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gravity {
    /// A warning.
    Warning,
    /// An error.
    Error,
}

/// The place in the code that logs something: its module and line.
pub type LogPlace = (&'static str, u32);

/// A warning that has been logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedWarning {
    /// What it is about: the network, the link; empty for none. Another subject makes another kind.
    pub subject: String,
    /// What it says, with its reason.
    pub text: String,
}

#[derive(Debug)]
struct Kind {
    place: LogPlace,
    gravity: Gravity,
    subject: String,
    text: String,
    /// Looked up when it is first asked for.
    remedy: Option<Option<&'static str>>,
    count: u64,
    at: Timestamp,
    /// When the second began in which `looked_at` of them were.
    second: i64,
    looked_at: u32,
}

impl RecentWarnings {
    /// Counts a line of the log. `place` says where in the code it is logged; `said` is asked for its words, unless
    /// there have been too many just now.
    pub fn note(
        &self,
        place: LogPlace,
        gravity: Gravity,
        at: Timestamp,
        said: impl FnOnce() -> LoggedWarning,
    ) {
        if self.only_count(place, at) {
            return;
        }
        // Not while the lock is held: this runs the code of others.
        let LoggedWarning { subject, text } = said();
        let (subject, text) = (legible(&subject, MAX_TEXT / 4), legible(&text, MAX_TEXT));
        let mut kinds = self.kinds();
        let known = kinds.iter().position(|kind| kind.place == place && kind.subject == subject);
        let mut kind = match known {
            Some(index) => kinds.remove(index),
            None => {
                if kinds.len() >= MAX_KINDS {
                    kinds.remove(0);
                }
                let text = String::new();
                Kind {
                    place,
                    gravity,
                    subject,
                    text,
                    remedy: None,
                    count: 0,
                    at,
                    second: 0,
                    looked_at: 0,
                }
            }
        };
        if kind.second != at.as_second() {
            (kind.second, kind.looked_at) = (at.as_second(), 0);
        }
        if kind.text != text {
            (kind.text, kind.remedy) = (text, None);
        }
        kind.looked_at += 1;
        kind.count += 1;
        (kind.at, kind.gravity) = (at, gravity);
        kinds.push(kind);
    }

    /// Counts it for the latest warning of its place, if there have been too many of those in this second.
    fn only_count(&self, place: LogPlace, at: Timestamp) -> bool {
        let mut kinds = self.kinds();
        let second = at.as_second();
        let looked_at: u32 = kinds
            .iter()
            .filter(|kind| kind.place == place && kind.second == second)
            .map(|kind| kind.looked_at)
            .sum();
        if looked_at < MAX_PER_SECOND {
            return false;
        }
        if let Some(kind) = kinds.iter_mut().rfind(|kind| kind.place == place) {
            kind.count += 1;
        }
        true
    }

    /// The warnings, the newest first, with what would do.
    pub(super) fn latest(&self) -> Vec<WarningView> {
        let mut kinds = self.kinds();
        let view = |kind: &mut Kind| WarningView {
            at: kind.at,
            level: match kind.gravity {
                Gravity::Warning => "warn".to_owned(),
                Gravity::Error => "error".to_owned(),
            },
            text: match kind.subject.as_str() {
                "" => kind.text.clone(),
                subject => format!("{subject}: {}", kind.text),
            },
            remedy: kind.remedy.get_or_insert_with(|| remedy_for(&kind.text)).map(str::to_owned),
            count: kind.count,
        };
        kinds.iter_mut().rev().map(view).collect()
    }

    fn kinds(&self) -> MutexGuard<'_, Vec<Kind>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A text in one line without control characters, at most so many bytes long.
fn legible(text: &str, max: usize) -> String {
    let mut line = String::new();
    let is_hidden = |c: char| {
        // What turns the direction of a text, or has no width, could make it look like another.
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    for c in text.chars() {
        match c {
            '\n' | '\t' => line.push(' '),
            c if is_hidden(c) => {}
            c => line.push(c),
        }
        if line.len() > max {
            line.truncate(line.floor_char_boundary(max));
            line.push('…');
            break;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn note(warnings: &RecentWarnings, line: u32, second: i64, subject: &str, text: &str) {
        let said = || LoggedWarning { subject: subject.to_owned(), text: text.to_owned() };
        warnings.note(("here", line), Gravity::Warning, at(second), said);
    }

    fn shown(warnings: &RecentWarnings) -> Vec<(String, u64)> {
        warnings.latest().into_iter().map(|it| (it.text, it.count)).collect()
    }

    #[test]
    fn one_of_each_kind_is_kept_the_newest_first() {
        let warnings = RecentWarnings::default();
        note(&warnings, 1, 1, "libera", "connection lost");
        note(&warnings, 1, 2, "oftc", "connection lost");
        note(&warnings, 2, 3, "", "disk full");
        note(&warnings, 1, 4, "libera", "connection lost: timeout");
        assert_eq!(
            shown(&warnings),
            [
                ("libera: connection lost: timeout".to_owned(), 2),
                ("disk full".to_owned(), 1),
                ("oftc: connection lost".to_owned(), 1),
            ]
        );
        let latest = &warnings.latest()[0];
        assert_eq!((latest.at, latest.level.as_str()), (at(4), "warn"));
        assert!(latest.remedy.as_ref().is_some_and(|remedy| remedy.contains("Single events")));
    }

    #[test]
    fn number_of_kinds_is_bounded() {
        let warnings = RecentWarnings::default();
        for place in 0..500 {
            note(&warnings, place, 1, &"x".repeat(10_000), &"y".repeat(10_000));
        }
        let latest = warnings.latest();
        assert_eq!(latest.len(), MAX_KINDS);
        assert!(latest.iter().all(|it| it.text.len() < MAX_TEXT * 2), "{}", latest[0].text.len());
        note(&warnings, 499, 2, "other", "new");
        assert_eq!(warnings.latest().len(), MAX_KINDS);
    }

    #[test]
    fn a_flood_is_counted_and_not_looked_at() {
        let warnings = RecentWarnings::default();
        let mut asked = 0;
        for number in 0..1_000_u32 {
            warnings.note(("here", 1), Gravity::Error, at(5), || {
                asked += 1;
                LoggedWarning { subject: number.to_string(), text: "bad".to_owned() }
            });
        }
        assert_eq!(asked, MAX_PER_SECOND);
        assert_eq!(shown(&warnings).iter().map(|(_, count)| count).sum::<u64>(), 1_000);
        // In the next second, it is looked at again.
        note(&warnings, 1, 6, "999", "bad");
        assert_eq!(shown(&warnings)[0].0, "999: bad");
    }

    #[test]
    fn texts_are_legible() {
        for (text, expected) in [
            ("one\ntwo\tthree", "one two three"),
            ("\u{1b}[31mred\u{7}\u{202e}der", "[31mredder"),
            ("ééé", "éé…"),
        ] {
            let max = if text.starts_with('é') { 4 } else { 100 };
            assert_eq!(legible(text, max), expected);
        }
    }
}
