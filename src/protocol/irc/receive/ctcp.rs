//! Replies to CTCP requests (<https://modern.ircdocs.horse/ctcp>).
//!
//! Only private requests are answered, briefly and at a limited rate. Otherwise, users could make the bridge
//! flood others.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::domain::{RateLimit, TokenBucket};
use crate::protocol::irc::wire::line::{Line, SafeText};

/// Rate limit: three replies at once, then one per interval.
const REPLY_LIMIT: RateLimit =
    RateLimit { burst: 3.0, per_second: 1.0 / REPLY_INTERVAL.as_secs_f64() };
const REPLY_INTERVAL: Duration = Duration::from_secs(10);

/// Longest PING token that is echoed. Clients send a timestamp.
const MAX_LEN_PING: usize = 64;

const VERSION_REPLY: &str = "letsbridge, a bridge between IRC and Let's Chat";
const SOURCE_REPLY: &str =
    "free software under the MIT licence; ask the operator of this bridge for the source";
const CLIENTINFO_REPLY: &str = "ACTION CLIENTINFO PING SOURCE TIME VERSION";

/// Builds CTCP replies and limits their rate.
#[derive(Debug)]
pub(in crate::protocol::irc) struct CtcpResponder {
    replies: TokenBucket<Instant>,
    /// The time at the start of the session.
    clock: (Instant, Timestamp),
}

impl CtcpResponder {
    pub(in crate::protocol::irc) fn new(now: Instant, clock: Timestamp) -> Self {
        Self { replies: TokenBucket::default(), clock: (now, clock) }
    }

    /// The reply to the message `text` from `nick`, sent at `time` if known. `None` if it is not a request or
    /// exceeds the rate limit.
    pub(in crate::protocol::irc) fn reply(
        &mut self,
        now: Instant,
        nick: &str,
        text: &str,
        time: Option<Timestamp>,
    ) -> Option<Line> {
        let request = text.strip_prefix('\x01')?;
        let request = request.strip_suffix('\x01').unwrap_or(request);
        let (query, argument) = request.split_once(' ').unwrap_or((request, ""));
        let query = query.to_ascii_uppercase();
        let answer = match query.as_str() {
            "VERSION" => VERSION_REPLY.to_owned(),
            "SOURCE" => SOURCE_REPLY.to_owned(),
            "CLIENTINFO" => CLIENTINFO_REPLY.to_owned(),
            "TIME" => self.current_time(now, time).strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "PING" if argument.len() <= MAX_LEN_PING => argument.to_owned(),
            _ => return None,
        };
        self.replies.check(REPLY_LIMIT, now).ok()?;
        self.replies.take(REPLY_LIMIT, now);
        let space = if answer.is_empty() { "" } else { " " };
        // The reply stays one line with one closing delimiter, as in the request.
        let SafeText(answer) = SafeText::sanitize(&answer.replace('\x01', ""));
        Line::new("NOTICE", &[nick, &format!("\x01{query}{space}{answer}\x01")]).ok()
    }

    fn current_time(&self, now: Instant, server_time: Option<Timestamp>) -> Timestamp {
        let (since, began) = self.clock;
        server_time.unwrap_or_else(|| began.checked_add(now - since).unwrap_or(began))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn responder() -> (CtcpResponder, Instant) {
        let now = Instant::now();
        (CtcpResponder::new(now, "2026-11-22T12:00:00Z".parse().expect("a time")), now)
    }

    #[track_caller]
    fn check(request: &str, answer: Option<&str>) {
        let (mut courtesy, now) = responder();
        let said = courtesy.reply(now + Duration::from_secs(5), "ann", request, None);
        let line = answer.map(|answer| format!("NOTICE ann :\x01{answer}\x01"));
        assert_eq!(said.as_ref().map(Line::as_str), line.as_deref(), "{request:?}");
    }

    #[test]
    fn ctcp_queries_get_short_replies() {
        check("\x01VERSION\x01", Some("VERSION letsbridge, a bridge between IRC and Let's Chat"));
        check("\x01version", Some("VERSION letsbridge, a bridge between IRC and Let's Chat"));
        check("\x01PING 123 456\x01", Some("PING 123 456"));
        check("\x01PING a\x01b\x01", Some("PING ab"));
        check("\x01TIME\x01", Some("TIME 2026-11-22T12:00:05Z"));
        check(
            "\x01SOURCE\x01",
            Some(
                "SOURCE free software under the MIT licence; ask the operator of this bridge for the source",
            ),
        );
        check("\x01CLIENTINFO\x01", Some("CLIENTINFO ACTION CLIENTINFO PING SOURCE TIME VERSION"));
    }

    #[test]
    fn unknown_queries_get_no_reply() {
        for request in ["hello", "\x01ACTION waves\x01", "\x01USERINFO\x01", "\x01DCC SEND x\x01"] {
            check(request, None);
        }
        check(&format!("\x01PING {}\x01", "x".repeat(65)), None);
    }

    #[test]
    fn time_reply_uses_server_time() {
        let (mut courtesy, now) = responder();
        let told = "2026-11-22T12:07:00.5Z".parse().ok();
        let said = courtesy.reply(now, "ann", "\x01TIME\x01", told).expect("an answer");
        assert_eq!(said.as_str(), "NOTICE ann :\x01TIME 2026-11-22T12:07:00Z\x01");
    }

    #[test]
    fn replies_are_rate_limited() {
        let (mut courtesy, mut now) = responder();
        let mut answered = |now| courtesy.reply(now, "ann", "\x01VERSION\x01", None).is_some();
        assert_eq!([0; 5].map(|_| answered(now)), [true, true, true, false, false]);
        now += REPLY_INTERVAL;
        assert_eq!([0; 2].map(|_| answered(now)), [true, false]);
    }
}
