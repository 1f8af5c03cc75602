//! Interprets errors that servers send in answer to a message.

use std::time::Duration;

use crate::protocol::irc::Scope;

/// An error in answer to one of our lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::protocol::irc) struct SendError {
    /// The server's text.
    pub(in crate::protocol::irc) reason: String,
    /// When to retry, if it may succeed later.
    pub(in crate::protocol::irc) retry_after: Option<Duration>,
    /// What it applies to, if only RELAYMSG was rejected.
    pub(in crate::protocol::irc) relaymsg_scope: Option<Scope>,
}

/// Retry delay if the server states none.
const DEFAULT_RETRY_DELAY: Duration = Duration::from_secs(10);

/// A longer stated delay counts as a permanent rejection.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(600);

/// Numerics that only mean that we are too fast: RPL_TRYAGAIN, ERR_TARGETTOOFAST, ERR_TARGCHANGE.
const FLOOD_NUMERICS: &[&str] = &["263", "439", "707"];

/// Phrases that mean the same in errors with other uses.
const FLOOD_PHRASES: &[&str] =
    &["rate", "slow", "flood", "too fast", "too quickly", "wait", "try again", "until"];

impl SendError {
    /// Parses an error numeric or the code of a standard reply
    /// (<https://ircv3.net/specs/extensions/standard-replies>), and its text.
    pub(in crate::protocol::irc) fn parse(code: &str, text: &str) -> Self {
        let named = parse_duration(text);
        let fast = FLOOD_NUMERICS.contains(&code)
            || ["RATE_LIMIT", "TRY_AGAIN", "TEMPORARILY"].iter().any(|sign| code.contains(sign))
            || (named.is_some() && FLOOD_PHRASES.iter().any(|sign| text.contains(sign)));
        let later = fast
            .then(|| named.unwrap_or(DEFAULT_RETRY_DELAY))
            .filter(|wait| *wait <= MAX_RETRY_DELAY);
        Self { reason: text.to_owned(), retry_after: later, relaymsg_scope: None }
    }

    /// Whether the error asks us to send less on the whole connection.
    pub(in crate::protocol::irc) fn is_flood(code: &str, text: &str) -> bool {
        code == "263" || code.contains("RATE_LIMIT") || mentions_flood(text)
    }

    /// Our own error, for a line that the server dropped silently.
    pub(in crate::protocol::irc) fn dropped_silently() -> Self {
        Self {
            reason: "the server dropped it without an error".to_owned(),
            retry_after: None,
            relaymsg_scope: None,
        }
    }
}

/// Whether a text, such as that of an ERROR, says that we sent too much at once.
pub(in crate::protocol::irc) fn mentions_flood(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["flood", "recvq", "too many messages", "sending too fast"].iter().any(|it| text.contains(it))
}

/// The longest delay that a server can ask for.
pub(in crate::protocol::irc) const MAX_STATED_DELAY: Duration = Duration::from_secs(3_600);

/// The first duration in `text`, such as in "wait 30 seconds", "in 1h" or "for 1 day and 2 hours"; at most
/// [`MAX_STATED_DELAY`].
pub(in crate::protocol::irc) fn parse_duration(text: &str) -> Option<Duration> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut sum = None;
    let mut at = 0;
    while at < words.len() {
        let read = span(words[at], words.get(at + 1).copied());
        match (read, sum) {
            (Some((span, length)), _) => {
                sum = Some(sum.unwrap_or(Duration::ZERO).saturating_add(span));
                at += length;
            }
            (None, Some(_)) if words[at] != "and" => break,
            (None, _) => at += 1,
        }
    }
    sum.map(|sum: Duration| sum.min(MAX_STATED_DELAY))
}

/// Parses `30 seconds`, `2.5 min`, `an hour` or `1h30m`; also returns the number of words used.
fn span(word: &str, next: Option<&str>) -> Option<(Duration, usize)> {
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_ascii_lowercase();
    let next = next.map(str::to_ascii_lowercase).unwrap_or_default();
    if let "a" | "an" | "one" = word.as_str() {
        return Some((Duration::from_secs(long_unit(&next)?), 2));
    }
    let number = |digits: &str| digits.parse::<f64>().ok().filter(|it| it.is_finite());
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    if !word.is_empty() && word.chars().all(is_number) {
        return Some((times(number(&word)?, long_unit(&next).or(short_unit(&next))?), 2));
    }
    let mut rest = word.as_str();
    let mut sum = None;
    while !rest.is_empty() {
        let (digits, behind) = rest.split_at(rest.find(|c| !is_number(c))?);
        let end = behind.find(is_number).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        let span = times(number(digits)?, long_unit(unit).or(short_unit(unit))?);
        sum = Some(sum.unwrap_or(Duration::ZERO).saturating_add(span));
        rest = behind;
    }
    Some((sum?, 1))
}

/// The seconds in a unit, recognised by the start of its name.
fn long_unit(name: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 7] = [
        ("sec", 1),
        ("min", 60),
        ("hour", 3_600),
        ("day", 86_400),
        ("week", 604_800),
        ("month", 2_592_000),
        ("year", 31_536_000),
    ];
    UNITS.iter().find(|(unit, _)| name.starts_with(unit)).map(|(_, seconds)| *seconds)
}

fn short_unit(name: &str) -> Option<u64> {
    Some(match name.trim_matches(|c: char| !c.is_ascii_alphanumeric()) {
        "s" => 1,
        "m" => 60,
        "h" | "hr" | "hrs" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    })
}

/// Saturates at a very long time.
fn times(number: f64, seconds: u64) -> Duration {
    let seconds = Duration::from_secs(seconds).as_secs_f64() * number;
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, text: &str, later: Option<u64>) {
        let later = later.map(Duration::from_secs);
        let error = SendError { reason: text.to_owned(), retry_after: later, relaymsg_scope: None };
        assert_eq!(SendError::parse(code, text), error);
    }

    #[test]
    fn flood_errors_are_retryable() {
        check("439", "Target change too fast. Please wait 26 seconds.", Some(26));
        check("439", "This server has anti-spambot mechanisms enabled.", Some(10));
        check(
            "263",
            "Server load is temporarily too heavy. Please wait a while and try again.",
            Some(10),
        );
        check("707", "Targets changing too fast, message dropped", Some(10));
        check(
            "404",
            "You cannot send messages to this channel until you have been a member for 10 seconds.",
            Some(10),
        );
        check("404", "Slow mode is on: please wait 2 minutes", Some(120));
        check("RATE_LIMITED", "You are sending too many messages", Some(10));
    }

    #[test]
    fn duration_is_parsed_from_many_phrases() {
        let hour = 3_600.0;
        for (text, seconds) in [
            ("wait 30 seconds", Some(30.0)),
            ("Please wait 5 mins.", Some(300.0)),
            ("try again in 1h", Some(hour)),
            ("try again in 45s.", Some(45.0)),
            ("(retry in 2m30s)", Some(150.0)),
            ("in 10 m", Some(600.0)),
            ("in an hour", Some(hour)),
            ("Wait a minute!", Some(60.0)),
            ("for 2.5 minutes", Some(150.0)),
            ("for 1 minute and 30 seconds", Some(90.0)),
            ("for 1 minute, 30 seconds", Some(90.0)),
            ("in 3 days", Some(hour)),
            ("for 1d", Some(hour)),
            ("in 99999999999999999999999 days", Some(hour)),
            ("in 99999999999999999999999s", Some(hour)),
            ("in -5 seconds", Some(5.0)),
            ("in 0 seconds", Some(0.0)),
            ("in 0.5s", Some(0.5)),
            ("in 1.2.3 seconds", None),
            ("in . seconds", None),
            ("Your host is trying to (re)connect too fast -- throttled", None),
            ("Trying to reconnect too fast.", None),
            ("please wait a while", None),
            ("max 3 connections", None),
            ("10 messages", None),
            ("2001:db8::1 is banned", None),
            ("see 1h2x3", None),
            ("NaN seconds inf hours", None),
        ] {
            assert_eq!(parse_duration(text).map(|it| it.as_secs_f64()), seconds, "{text}");
        }
    }

    #[test]
    fn rate_limit_replies_are_recognised() {
        for (text, floods) in [
            ("Closing Link: bridge[host] (Excess Flood)", true),
            ("Closing link: (b@host) [RecvQ exceeded]", true),
            ("Closing Link: host (Flooding)", true),
            ("Closing Link: host (SendQ exceeded)", false),
            ("Closing Link: host (K-Lined)", false),
        ] {
            assert_eq!(mentions_flood(text), floods, "{text}");
        }
        assert!(SendError::is_flood("RATE_LIMITED", ""));
        assert!(!SendError::is_flood("404", "Slow mode is on: please wait 2 minutes"));
    }

    #[test]
    fn other_errors_are_permanent() {
        check("404", "Cannot send to channel", None);
        check("404", "You need voice (+v)", None);
        check("404", "Cannot send to channel (+m) for 10 apples", None);
        check("477", "You need to be identified to a registered account to talk", None);
        check("404", "You must wait 90 minutes before you may speak", None);
        check("INVALID_UTF8", "Message rejected for containing invalid UTF-8", None);
    }
}
