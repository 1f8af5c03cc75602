//! Timestamps on messages that are delivered late.

use jiff::{SignedDuration, Timestamp};

/// Older messages get a timestamp. Clocks of different machines differ by less.
const LATE_THRESHOLD: SignedDuration = SignedDuration::from_mins(10);

/// The prefix of a message sent at `sent_at` and delivered at `now`: empty, or the time in UTC, with the date
/// if it is another day.
pub(super) fn timestamp_prefix(said_at: Timestamp, told_at: Timestamp) -> String {
    if told_at.duration_since(said_at) < LATE_THRESHOLD {
        return String::new();
    }
    format!("[{}] ", format_timestamp(said_at, told_at))
}

/// The time in UTC of a message delivered at `now`, with the date if it was another day.
pub(super) fn format_timestamp(said_at: Timestamp, told_at: Timestamp) -> String {
    let day = |time: Timestamp| time.strftime("%F").to_string();
    let format = if day(said_at) == day(told_at) { "%H:%MZ" } else { "%F %H:%MZ" };
    said_at.strftime(format).to_string()
}

/// `line` without a leading timestamp.
#[must_use]
pub fn strip_timestamp(line: &str) -> &str {
    let time = line.strip_prefix('[').and_then(|time| time.split_once("] "));
    match time {
        Some((time, rest)) if time.ends_with('Z') => rest,
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(said_at: &str, told_at: &str, shown: &str) {
        let parse = |text: &str| text.parse().expect("a time");
        assert_eq!(timestamp_prefix(parse(said_at), parse(told_at)), shown);
    }

    #[test]
    fn late_messages_get_a_timestamp_prefix() {
        check("2026-11-22T09:41:30Z", "2026-11-22T09:41:31Z", "");
        check("2026-11-22T09:41:30Z", "2026-11-22T09:51:29Z", "");
        check("2026-11-22T09:41:30Z", "2026-11-22T09:51:30Z", "[09:41Z] ");
        check("2026-11-21T23:41:30Z", "2026-11-22T00:51:30Z", "[2026-11-21 23:41Z] ");
        check("2026-11-22T09:51:30Z", "2026-11-22T09:41:30Z", "");
    }

    #[test]
    fn strip_timestamp_removes_the_prefix() {
        for (prefix, rest) in [
            ("[09:41Z] <ann> ", "<ann> "),
            ("[2026-11-21 23:41Z] ann ", "ann "),
            ("<ann> ", "<ann> "),
            ("", ""),
        ] {
            assert_eq!(strip_timestamp(prefix), rest);
        }
    }
}
