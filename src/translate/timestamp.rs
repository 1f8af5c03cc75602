//! Timestamps on messages that are delivered late.

use jiff::{SignedDuration, Timestamp};

/// Older messages get a timestamp. Clocks of different machines differ by less.
const LATE_THRESHOLD: SignedDuration = SignedDuration::from_mins(10);

/// The prefix of a message sent at `sent_at` and delivered at `now`: empty, or the time in UTC, with the date
/// if it is another day.
pub(super) fn timestamp_prefix(sent_at: Timestamp, now: Timestamp) -> String {
    if now.duration_since(sent_at) < LATE_THRESHOLD {
        return String::new();
    }
    format!("[{}] ", format_timestamp(sent_at, now))
}

/// The time in UTC of a message delivered at `now`, with the date if it was another day.
pub(super) fn format_timestamp(sent_at: Timestamp, now: Timestamp) -> String {
    let day = |time: Timestamp| time.strftime("%F").to_string();
    let format = if day(sent_at) == day(now) { "%H:%MZ" } else { "%F %H:%MZ" };
    sent_at.strftime(format).to_string()
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
    fn check(sent_at: &str, now: &str, shown: &str) {
        let parse = |text: &str| text.parse().expect("a time");
        assert_eq!(timestamp_prefix(parse(sent_at), parse(now)), shown);
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
